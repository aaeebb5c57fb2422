// One finding of doctor.
#pragma once

#include <string>
#include <vector>

#include "app/cli/terminal.hpp"

namespace quarterdeck::app {

struct Check {
  enum class State {
    ok,
    warn,    // works without, but less well
    missing  // Quarterdeck cannot do its work
  };
  State state = State::ok;
  std::string name;
  std::string found;
  std::string fix;  // what to do; empty when ok
  bool operator==(const Check&) const = default;
};

std::string checks_text(const std::vector<Check>& checks, const Style& style);
std::string checks_json(const std::vector<Check>& checks);  // {"ok":bool,"checks":[{"name","state","found","fix"?}]}
bool healthy(const std::vector<Check>& checks);

}  // namespace quarterdeck::app
