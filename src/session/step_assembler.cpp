#include "session/step_assembler.hpp"

#include <algorithm>

#include "base/failpoint.hpp"

namespace quarterdeck::session {

using namespace domain;

StepAssembler::StepAssembler(Loop& loop, Clock& clock, IdSource& ids, SessionId session, MessageId message,
                             Output output)
    : loop_(loop),
      clock_(clock),
      ids_(ids),
      session_(std::move(session)),
      message_(std::move(message)),
      output_(std::move(output)) {}

Part StepAssembler::part(const PartId& id, PartContent content) const {
  return {.id = id, .session_id = session_, .message_id = message_, .content = std::move(content)};
}

void StepAssembler::begin() {
  if (std::exchange(begun_, true)) return;
  const PartId id = ids_.part();
  announced_.push_back(id);
  output_.record(PartUpdated{part(id, StepStartPart{}), clock_.now_ms()});
}

void StepAssembler::on_event(llm::ModelEvent event) {
  begin();
  if (const auto* text = std::get_if<llm::TextDelta>(&event)) {
    on_text(text->text, false);
  } else if (const auto* reasoning = std::get_if<llm::ReasoningDelta>(&event)) {
    on_text(reasoning->text, true);
  } else if (auto* end = std::get_if<llm::TextEnded>(&event)) {
    close(text_, std::move(end->metadata));
  } else if (auto* thought = std::get_if<llm::ReasoningEnded>(&event)) {
    on_thought_end(std::move(thought->metadata));
  } else if (auto* started = std::get_if<llm::ToolCallStarted>(&event)) {
    close(reasoning_);
    RequestedCall call{.part_id = ids_.part(), .call_id = own_id(started->id), .tool = started->name};
    announced_.push_back(call.part_id);
    ToolPart pending{
        .call_id = call.call_id, .tool = call.tool, .state = ToolPending{}, .metadata = std::move(started->metadata)};
    output_.record(PartUpdated{part(call.part_id, std::move(pending)), clock_.now_ms()});
    calls_.emplace_back(started->index, std::move(call));
  } else if (auto* piece = std::get_if<llm::ToolCallDelta>(&event)) {
    const auto call = std::ranges::find(calls_, piece->index, [](const auto& entry) { return entry.first; });
    if (call != calls_.end()) call->second.arguments += piece->arguments;
  }
}

// Permissions and results are found by the id of their call: what a provider gave twice in one answer, or left empty,
// gets another.
std::string StepAssembler::own_id(const std::string& given) const {
  const bool taken = std::ranges::any_of(calls_, [&](const auto& call) { return call.second.call_id == given; });
  return given.empty() || taken ? ids_.other("call") : given;
}

void StepAssembler::on_text(std::string_view text, bool reasoning) {
  if (text.empty()) return;
  if (!reasoning) close(reasoning_);
  auto& open = reasoning ? reasoning_ : text_;
  const bool begins = !open;
  if (begins) {
    open = std::make_unique<OpenText>(OpenText{.id = ids_.part(), .reasoning = reasoning, .start = clock_.now_ms()});
    announced_.push_back(open->id);
    const Span time{.start = open->start};
    output_.record(PartUpdated{
        reasoning ? part(open->id, ReasoningPart{.time = time}) : part(open->id, TextPart{.time = time}), open->start});
  }
  failpoint::reach("session.step.text");
  open->text += text;
  output_.show(TextDelta{message_, open->id, "text", std::string(text)});
  if (open->text.size() - open->stored >= kTextFlushBytes) {
    store_text(*open);
  } else if (!flush_timer_) {
    // After a pause at once. A text that just began waits: many are short, and are stored whole when they end.
    if (!begins) store_streaming();
    hold_back();
  }
}

// The next save comes a while after this one. Nothing is armed while nothing is streamed.
void StepAssembler::hold_back() {
  flush_timer_ = loop_.after_ms(kTextFlushMs, [this] {
    flush_timer_.reset();
    const auto waits = [](const auto& open) { return open && open->stored != open->text.size(); };
    if (!waits(text_) && !waits(reasoning_)) return;
    store_streaming();
    hold_back();
  });
}

void StepAssembler::store_streaming() {
  if (text_) store_text(*text_);
  if (reasoning_) store_text(*reasoning_);
}

void StepAssembler::store_text(OpenText& open) {
  if (open.stored == open.text.size()) return;
  output_.record(PartAppended{message_, open.id, open.text.substr(open.stored)});
  open.stored = open.text.size();
  failpoint::reach("session.step.text_stored");
}

// A thought that the provider hides has no text, and must go back all the same.
void StepAssembler::on_thought_end(llm::Metadata metadata) {
  if (!reasoning_ && metadata) {
    reasoning_ = std::make_unique<OpenText>(OpenText{.id = ids_.part(), .reasoning = true, .start = clock_.now_ms()});
    announced_.push_back(reasoning_->id);
  }
  close(reasoning_, std::move(metadata));
}

void StepAssembler::close(std::unique_ptr<OpenText>& open, llm::Metadata metadata) {
  if (!open) return;
  const TimeMs now = clock_.now_ms();
  const Span time{.start = open->start, .end = now};
  PartContent content = TextPart{.text = open->text, .time = time, .metadata = metadata};
  if (open->reasoning) content = ReasoningPart{.text = open->text, .time = time, .metadata = metadata};
  output_.record(PartUpdated{part(open->id, std::move(content)), now});
  open.reset();
}

std::vector<RequestedCall> StepAssembler::finish() {
  flush_timer_.reset();
  close(reasoning_);
  close(text_);
  std::vector<RequestedCall> calls;
  for (auto& [index, call] : std::exchange(calls_, {})) calls.push_back(std::move(call));
  return calls;
}

void StepAssembler::discard() {
  flush_timer_.reset();
  text_.reset();
  reasoning_.reset();
  calls_.clear();
  for (const PartId& id : std::exchange(announced_, {})) output_.record(PartRemoved{message_, id});
  begun_ = false;
}

}  // namespace quarterdeck::session
