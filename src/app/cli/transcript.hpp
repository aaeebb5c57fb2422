// A stored conversation as text: what was asked, what the agent said and did.
#pragma once

#include <string>
#include <vector>

#include "app/cli/terminal.hpp"
#include "base/clock.hpp"
#include "domain/message.hpp"
#include "domain/session.hpp"

namespace quarterdeck::app {

std::string transcript_head(const domain::Session& session, std::string_view status, const Style& style, TimeMs now);
std::string transcript(const std::vector<domain::MessageWithParts>& messages, const Style& style,
                       std::string_view directory, TimeMs now);

}  // namespace quarterdeck::app
