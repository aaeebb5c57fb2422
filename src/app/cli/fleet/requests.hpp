// A request as a person reads it.
#pragma once

#include <string>

#include "app/cli/terminal.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {

// What is asked, in one line or more; harmless.
std::string request_text(const wire::Json& request);

}  // namespace quarterdeck::app
