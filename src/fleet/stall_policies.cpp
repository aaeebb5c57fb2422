#include "fleet/stall_policies.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr std::size_t kDirectoriesMax = 1'000;
constexpr int kNudgesMax = 5;
constexpr std::int64_t kHeardMs = 10'000;

}  // namespace

ProjectPolicy project_policy(std::string_view ours, const StallPolicy& usual) {
  ProjectPolicy policy{.stall = usual};
  const auto parsed = wire::parse(ours);
  const wire::Json* given = parsed ? wire::value_at(*parsed, "stall") : nullptr;
  if (!given) return policy;
  const auto number = [&](std::string_view name, std::int64_t least, std::int64_t most) -> std::optional<std::int64_t> {
    const wire::Json* value = wire::value_at(*given, name);
    if (!value) return std::nullopt;
    if (value->is_int64() && value->get_int64() >= least && value->get_int64() <= most) return value->get_int64();
    log::warn("configuration: Expected an integer from {} to {} at [\"quarterdeck\"][\"stall\"][\"{}\"]", least, most,
              name);
    return std::nullopt;
  };
  if (const auto s = number("model_silent_s", 1, 86'400)) policy.stall.model_silent_ms = *s * 1'000;
  if (const auto s = number("tool_hung_s", 1, 86'400)) policy.stall.tool_hung_ms = *s * 1'000;
  if (const auto s = number("rate_limit_s", 1, 86'400)) policy.stall.rate_limit_ms = *s * 1'000;
  if (const auto n = number("nudges", 0, kNudgesMax)) policy.nudges = static_cast<int>(*n);
  if (const auto s = number("nudge_after_s", 1, 86'400)) policy.nudge_after_ms = *s * 1'000;
  return policy;
}

StallPolicies::StallPolicies(session::Engine& engine, Board& board, StallPolicy usual, Nudge nudge)
    : engine_(engine), board_(board), usual_(usual), nudge_(std::move(nudge)), background_(engine.loop) {}

Task<void> StallPolicies::shutdown() {
  background_.stop();
  co_await background_.join();
}

const StallPolicy& StallPolicies::of(const SessionId& session) const {
  const auto directory = directory_of_.find(session);
  if (directory == directory_of_.end()) return usual_;
  const auto found = by_directory_.find(directory->second);
  return found == by_directory_.end() ? usual_ : found->second.stall;
}

Task<void> StallPolicies::load(std::string directory) {
  const auto instance = co_await engine_.instances.open(directory);
  if (by_directory_.size() >= kDirectoriesMax) by_directory_.clear();
  by_directory_[directory] = project_policy(instance->config.ours.text, usual_);
}

void StallPolicies::on_commit(std::span<const store::StoredEvent> events) {
  for (const store::StoredEvent& event : events) {
    if (event.type == "quarterdeck.turn.started") {
      directory_of_[event.session] = event.directory;
      if (!by_directory_.contains(event.directory)) {
        by_directory_[event.directory] = {.stall = usual_};  // until it is read, and so that it is read once
        background_.spawn(load(event.directory));
      }
    } else if (event.type == "quarterdeck.turn.ended" || event.type == "session.deleted") {
      directory_of_.erase(event.session);
      if (event.type == "session.deleted") nudging_.erase(event.session);
    }
  }
}

std::optional<Attention::Next> StallPolicies::plan(const SessionId& head) {
  const auto directory = directory_of_.find(head);
  const auto policy = directory == directory_of_.end() ? by_directory_.end() : by_directory_.find(directory->second);
  if (policy == by_directory_.end() || policy->second.nudges == 0) return std::nullopt;
  Nudging& nudging = nudging_[head];
  if (nudging.done >= policy->second.nudges) return std::nullopt;
  nudging.due = engine_.clock.now_ms() + policy->second.nudge_after_ms;
  return Attention::Next{fmt::format("is nudged ({} of {})", nudging.done + 1, policy->second.nudges), nudging.due};
}

void StallPolicies::on_attention(const SessionId& head, const Attention& now) {
  const auto known = nudging_.find(head);
  if (now.state != Attention::State::stalled) {
    if (known == nudging_.end()) return;
    known->second.due.reset();
    known->second.heard_by.reset();
    board_.clear_nudge(head);
    // What ended has got over it.
    if (now.group == Attention::Group::quiet || now.state == Attention::State::ready) nudging_.erase(known);
    return;
  }
  if (known != nudging_.end() && (known->second.due || known->second.heard_by)) return;
  auto next = plan(head);
  if (!next) return;
  // Not now: the board is in the middle of telling.
  engine_.loop.post([this, head, next = std::move(*next), token = background_.token()] {
    if (!token.stop_requested()) board_.set_nudge(head, next);
  });
}

void StallPolicies::tick() {
  if (nudging_.empty()) return;
  const TimeMs now = engine_.clock.now_ms();
  std::vector<SessionId> due;
  std::vector<SessionId> unheard;
  for (auto& [head, nudging] : nudging_) {
    if (nudging.due && *nudging.due <= now) {
      nudging.due.reset();
      nudging.heard_by = now + kHeardMs;
      ++nudging.done;
      due.push_back(head);
    } else if (nudging.heard_by && *nudging.heard_by <= now) {
      nudging.heard_by.reset();
      unheard.push_back(head);
    }
  }
  for (const SessionId& head : due) {
    log::info("session {} makes no progress: nudged", head.value);
    background_.spawn(nudge_(head));
  }
  // The next one, or whoever supervises it.
  for (const SessionId& head : unheard) board_.set_nudge(head, plan(head));
}

}  // namespace quarterdeck::fleet
