// Rules about what a tool may do, and the requests that ask a person when the rules say "ask".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/json_text.hpp"

namespace quarterdeck::domain {

enum class Action { allow, ask, deny };

// Both `permission` (a tool's permission name) and `pattern` are wildcards: * any characters, ? one character.
struct Rule {
  std::string permission;
  std::string pattern;
  Action action = Action::ask;
  bool operator==(const Rule&) const = default;
};

// Law: the last matching rule wins.
using Ruleset = std::vector<Rule>;

struct ToolRef {
  MessageId message_id;
  std::string call_id;
  bool operator==(const ToolRef&) const = default;
};

struct PermissionRequest {
  PermissionId id;
  SessionId session_id;
  std::string permission;
  std::vector<std::string> patterns;
  JsonText metadata{"{}"};
  std::vector<std::string> always;  // the patterns that "always" would allow
  std::optional<ToolRef> tool;
  bool operator==(const PermissionRequest&) const = default;
};

enum class Reply { once, always, reject };

}  // namespace quarterdeck::domain
