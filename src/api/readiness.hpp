// Whether this server should get work, and if not, why. Each part of the house contributes a question; /readyz asks them
// all. A question is answered at once: it looks at what is known and never waits.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::api {

struct ReadinessCheck {
  std::string_view name;  // static storage: "recovery", "store", "disk", "shutdown"
  std::function<std::string()> problem;  // "" = fine
};

struct Readiness {
  std::vector<ReadinessCheck> checks;
};

}  // namespace quarterdeck::api
