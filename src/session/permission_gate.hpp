// Where a tool call waits for a permission: the rules first, then a person or a supervising agent.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>

#include "base/async.hpp"
#include "domain/permission.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::session {

// The words a refused call ends with; clients and models know them.
std::string denied_by_rule_text(const domain::Ruleset& relevant);
inline constexpr std::string_view kRejectedText = "The user rejected permission to use this specific tool call.";

struct PermissionAnswer {
  domain::Reply reply = domain::Reply::once;
  std::optional<std::string> message;
  bool cancelled = false;  // the turn was aborted while it asked
};

// What the answer means for the call that asked.
std::expected<void, tools::ToolFailure> outcome(const PermissionAnswer& answer);

// The calls of one session that wait, by request.
class PermissionGate {
 public:
  explicit PermissionGate(Loop& loop) : loop_(loop) {}

  Task<PermissionAnswer> wait(PermissionId id, std::stop_token stop);
  void answer(const PermissionId& id, PermissionAnswer answer);
  bool waiting(const PermissionId& id) const { return waiting_.contains(id); }

 private:
  Loop& loop_;
  std::map<PermissionId, OneShot<PermissionAnswer>::Setter> waiting_;
};

}  // namespace quarterdeck::session
