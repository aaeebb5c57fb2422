#include "session/permission_gate.hpp"

#include "wire/permission.hpp"

namespace quarterdeck::session {

std::string denied_by_rule_text(const domain::Ruleset& relevant) {
  return fmt::format(
      "The user has specified a rule which prevents you from using this specific tool call. Here are some of the "
      "relevant rules {}",
      wire::encode_ruleset(relevant));
}

std::expected<void, tools::ToolFailure> outcome(const PermissionAnswer& answer) {
  using Kind = tools::ToolFailure::Kind;
  if (answer.cancelled) return std::unexpected(tools::ToolFailure{.kind = Kind::cancelled, .message = "aborted"});
  if (answer.reply != domain::Reply::reject) return {};
  if (answer.message) {
    return std::unexpected(tools::ToolFailure{
        .kind = Kind::failed,
        .message = fmt::format("The user rejected permission to use this specific tool call with the following "
                               "feedback: {}",
                               *answer.message)});
  }
  return std::unexpected(tools::ToolFailure{.kind = Kind::rejected, .message = std::string(kRejectedText)});
}

Task<PermissionAnswer> PermissionGate::wait(PermissionId id, std::stop_token stop) {
  OneShot<PermissionAnswer> answered(loop_);
  waiting_.insert_or_assign(id, answered.setter());
  std::stop_callback on_stop(stop, [set = answered.setter()] { set(PermissionAnswer{.cancelled = true}); });
  PermissionAnswer answer = co_await answered;
  waiting_.erase(id);
  co_return answer;
}

void PermissionGate::answer(const PermissionId& id, PermissionAnswer answer) {
  if (const auto found = waiting_.find(id); found != waiting_.end()) found->second(std::move(answer));
}

}  // namespace quarterdeck::session
