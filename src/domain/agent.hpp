// A way of working: its prompt, its model and what it may do.
#pragma once

#include <optional>
#include <string>

#include "domain/json_text.hpp"
#include "domain/model.hpp"
#include "domain/permission.hpp"

namespace quarterdeck::domain {

struct Agent {
  std::string name;
  std::string description;
  std::string mode = "primary";  // primary | subagent | all
  bool native = true;
  bool hidden = false;
  Ruleset permission;
  std::optional<std::string> prompt;
  std::optional<ModelRef> model;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int> steps;  // most model calls in one turn
  std::optional<std::string> color;
  JsonText options{"{}"};
  bool operator==(const Agent&) const = default;
};

}  // namespace quarterdeck::domain
