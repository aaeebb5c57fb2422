// Who acts, and what they may do: a person or an agent, with a role and maybe a narrower scope. Plain values.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarterdeck::access {

// Weakest first: what one may do, every later one may. `agent` drives only the sessions it opened, and says yes to no
// risky call; `operator_` does what people at work do; `admin` also decides who may do what.
enum class Role { viewer, agent, operator_, admin };

constexpr auto enum_names(Role) {
  using enum Role;
  return std::array<std::pair<Role, std::string_view>, 4>{
      {{viewer, "viewer"}, {agent, "agent"}, {operator_, "operator"}, {admin, "admin"}}};
}
constexpr std::string_view name(Role role) {
  for (const auto& [member, text] : enum_names(role)) {
    if (member == role) return text;
  }
  return "";
}

enum class Kind { person, agent };
constexpr auto enum_names(Kind) {
  return std::array<std::pair<Kind, std::string_view>, 2>{{{Kind::person, "person"}, {Kind::agent, "agent"}}};
}

// What a principal reaches beside what is no session's. Children belong to the session that opened them.
// Law: nothing set is no limit; where several are set, a session in any of them is reached.
struct Scope {
  bool own = false;                   // the sessions it opened
  std::vector<std::string> sessions;  // these
  std::vector<std::string> projects;  // those whose project has this id, or whose directory lies under this path
  bool bounded() const { return own || !sessions.empty() || !projects.empty(); }
  bool operator==(const Scope&) const = default;
};

struct Principal {
  std::string credential;  // what showed it: "none", "password", "socket", or a token's id
  std::string name;  // for people who read the audit; sessions are owned by name, so that a new token keeps them
  Kind kind = Kind::person;
  Role role = Role::viewer;
  Scope scope;
  bool approves = false;  // an agent that may answer permission requests of its own sessions
  bool operator==(const Principal&) const = default;
};

// Shared by requests that may outlive the credential.
using Who = std::shared_ptr<const Principal>;

}  // namespace quarterdeck::access
