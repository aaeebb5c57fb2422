// How much may run at a time, from the user's own configuration: "quarterdeck": {"limits": {…}} (docs/fleet.md).
// Law: a project's files do not count: nobody gives himself more room. A wrong value is told and counts as absent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fleet/slots.hpp"

namespace quarterdeck::fleet {

struct Limits {
  SlotLimits sessions = kNoLimits;
  SlotLimits requests;  // to models
  std::vector<std::string> problems;  // sentences with the field's path
};
Limits limits_of(std::string_view ours);

}  // namespace quarterdeck::fleet
