// What is stored of a call or an answer that was ended before its own end.
#pragma once

#include <string_view>

#include "domain/message.hpp"

namespace quarterdeck::session {

// The error of an answer that somebody stopped, as OpenCode names it.
domain::MessageError aborted_error();

// The end of a call that never got to its own: what it was asked and what it had shown so far stay.
domain::ToolState interrupted(const domain::ToolState& state, std::string_view why, TimeMs now);

}  // namespace quarterdeck::session
