// What a person's line means as the answer to a permission request.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/permission.hpp"

namespace quarterdeck::app {

struct Answer {
  domain::Reply reply = domain::Reply::reject;
  std::optional<std::string> message;  // for the agent: what to do instead
  bool operator==(const Answer&) const = default;
};

// y, yes, once · a, always · n, no, reject. "n use the other file" rejects and tells why. Anything else: ask again.
std::optional<Answer> read_answer(std::string_view line);

}  // namespace quarterdeck::app
