// Terminals on the wire.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/terminal.hpp"

namespace quarterdeck::wire {

std::string encode_pty(const domain::Pty& pty);
Result<domain::CreatePty> decode_create_pty(std::string_view json);
Result<domain::UpdatePty> decode_update_pty(std::string_view json);

}  // namespace quarterdeck::wire
