// Members of rules and permission requests, for the codecs of this folder.
#pragma once

#include <array>

#include "domain/permission.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::domain {

constexpr auto enum_names(Action) {
  return std::array<std::pair<Action, std::string_view>, 3>{
      {{Action::allow, "allow"}, {Action::deny, "deny"}, {Action::ask, "ask"}}};
}
constexpr auto enum_names(Reply) {
  return std::array<std::pair<Reply, std::string_view>, 3>{
      {{Reply::once, "once"}, {Reply::always, "always"}, {Reply::reject, "reject"}}};
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {

template <class Io>
void describe(Io& io, domain::Rule& rule) {
  io.field("permission", rule.permission);
  io.field("pattern", rule.pattern);
  io.field("action", rule.action);
}

template <class Io>
void describe(Io& io, domain::ToolRef& tool) {
  io.field("messageID", tool.message_id);
  io.field("callID", tool.call_id);
}

template <class Io>
void describe(Io& io, domain::PermissionRequest& request) {
  io.field("id", request.id);
  io.field("sessionID", request.session_id);
  io.field("permission", request.permission);
  io.field("patterns", request.patterns);
  io.field("metadata", request.metadata);
  io.field("always", request.always);
  io.field("tool", request.tool);
}

}  // namespace quarterdeck::wire
