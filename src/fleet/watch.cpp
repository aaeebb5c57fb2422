#include "fleet/watch.hpp"

#include "wire/event.hpp"
#include "wire/json.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

// What said something just now needs no look.
constexpr std::int64_t kYoungMs = 2'000;

// Something of an answer, or of a tool; not what is written down because the model is asked again.
bool is_word(const store::StoredEvent& event) {
  if (event.type == "quarterdeck.part.appended" || event.type == "quarterdeck.tool.started") return true;
  if (event.type != "message.part.updated") return false;
  return !event.properties->contains("\"type\":\"step-start\"") && !event.properties->contains("\"type\":\"retry\"");
}

}  // namespace

void Watch::on_commit(std::span<const store::StoredEvent> events) {
  const TimeMs now = engine_.clock.now_ms();
  for (const store::StoredEvent& event : events) {
    const std::string_view type = event.type;
    if (type == "quarterdeck.record.put" && event.properties->contains("\"kind\":\"standing\"")) {
      share_again(event.session);
    }
    if (type == "quarterdeck.record.put" || type == "session.updated") continue;
    if (type == "quarterdeck.turn.started") {
      seen_[event.session] = {.last_event = now};
      all_wait_ = false;
      continue;
    }
    const auto found = seen_.find(event.session);
    if (found == seen_.end()) continue;
    if (type == "quarterdeck.turn.ended" || type == "session.deleted") {
      seen_.erase(found);
      continue;
    }
    found->second.last_event = now;
    if (found->second.silent && is_word(event)) found->second.silent = false;
    all_wait_ = false;
    if (type == "message.part.updated" || type == "quarterdeck.tool.started") see_part(event, found->second);
  }
}

void Watch::see_part(const store::StoredEvent& event, Seen& seen) {
  // Texts and thoughts are none of its business.
  if (event.type == "message.part.updated" && !event.properties->contains("\"type\":\"tool\"")) return;
  const auto decoded = wire::decode_event(event.type, wire::kEventVersion, *event.properties);
  if (!decoded) return;
  if (const auto* started = std::get_if<ToolStarted>(&*decoded)) {
    const auto tool = seen.tools.find(started->part_id.value);
    if (tool != seen.tools.end()) tool->second.pid = started->pid;
    const auto head = head_of(engine_.query, event.session);
    if (head) cpu_.give(started->pid, board_.priority_of(head->id));
    return;
  }
  const Part& part = std::get<PartUpdated>(*decoded).part;
  const auto* call = std::get_if<ToolPart>(&part.content);
  if (!call) return;
  const auto* running = std::get_if<ToolRunning>(&call->state);
  if (!running) {
    seen.tools.erase(part.id.value);
    return;
  }
  Tool& tool = seen.tools[part.id.value];
  tool.name = call->tool;
  tool.last_sign = engine_.clock.now_ms();
  if (call->tool == "task" && running->metadata) {
    const auto metadata = wire::parse(running->metadata->text);
    if (metadata) tool.child = wire::string_at(*metadata, "sessionId");
  }
}

// Its priority is another one.
void Watch::share_again(const SessionId& head) {
  for (const auto& [id, seen] : seen_) {
    const auto above = head_of(engine_.query, id);
    if (!above || above->id != head) continue;
    for (const auto& [part, tool] : seen.tools) cpu_.give(tool.pid, board_.priority_of(head));
  }
}

Task<void> Watch::sample() {
  std::vector<std::int64_t> pids;
  for (const auto& [id, seen] : seen_) {
    for (const auto& [part, tool] : seen.tools) {
      if (tool.pid > 0) pids.push_back(tool.pid);
    }
  }
  if (pids.empty()) co_return;
  auto read = [pids] { return sample_trees(pids); };
  const auto samples = co_await blocking(engine_.loop, engine_.pool, read);
  const TimeMs now = engine_.clock.now_ms();
  for (auto& [id, seen] : seen_) {
    for (auto& [part, tool] : seen.tools) {
      const auto found = samples.find(tool.pid);
      if (tool.pid <= 0 || found == samples.end() || found->second == tool.sample) continue;
      tool.sample = found->second;
      tool.last_sign = now;
    }
  }
}

Signs Watch::signs_of(const SessionId& session, const Status& status, const Seen& seen) const {
  Signs signs{.session = session, .status = status, .last_event = seen.last_event, .still_silent = seen.silent};
  signs.runs = status.type != Status::Type::idle;
  const auto requests = engine_.query.open_requests(session);
  const auto questions = engine_.query.open_questions(session);
  signs.waits_for_answer = (requests && !requests->empty()) || (questions && !questions->empty());
  signs.waits_for_slot = waits_for_slot_(session);
  for (const auto& [part, tool] : seen.tools) {
    const bool child_works = !tool.child.empty() && host_.status(SessionId{tool.child}).type != Status::Type::idle;
    signs.tools.push_back({part, tool.name, tool.last_sign, tool.sample.sleeps, child_works});
  }
  return signs;
}

void Watch::judge() {
  const TimeMs now = engine_.clock.now_ms();
  std::map<SessionId, SessionId> found;
  std::map<SessionId, Stall> verdicts;
  all_wait_ = true;
  for (auto& [id, seen] : seen_) {
    if (now - seen.last_event < kYoungMs && !seen.silent) {
      all_wait_ = false;
      continue;
    }
    const Signs signs = signs_of(id, host_.status(id), seen);
    if (!signs.waits_for_answer) all_wait_ = false;
    const auto verdict = stalled(signs, policy_of_(id), now);
    if (!verdict) continue;
    if (verdict->kind == "model_silent") seen.silent = true;
    const auto head = head_of(engine_.query, id);
    if (!head || found.contains(head->id)) continue;
    found.emplace(head->id, id);
    verdicts.emplace(head->id, *verdict);
  }
  for (const auto& [head, id] : stalled_) {
    if (!found.contains(head)) board_.set_stall(head, std::nullopt);
  }
  for (auto& [head, verdict] : verdicts) board_.set_stall(head, std::move(verdict));
  stalled_ = std::move(found);
}

Task<void> Watch::look() {
  co_await sample();
  judge();
}

}  // namespace quarterdeck::fleet
