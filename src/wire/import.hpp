// A session on its way between servers: {"info":…, "messages":[{"info","parts"}…]}, as `opencode export` writes it;
// "project" may come along.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "domain/import.hpp"

namespace quarterdeck::wire {

Result<domain::ImportSession> decode_import(std::string_view json);

}  // namespace quarterdeck::wire
