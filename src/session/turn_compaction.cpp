// Turn: makes room when the context is full. The summary is a turn of its own, answered by the agent "compaction":
//
//   prompt ─ … ─ step (context full) ─► user message [compaction] ─► summary ─► user message [continue] ─► steps …
//
// Each arrow ends one turn and begins the next in one commit (Actor::continue_with): a crash resumes where it was.
// Law: what does not shrink the context ends in a stored ContextOverflowError, never in another try without end.
#include "base/log.hpp"
#include "session/compaction.hpp"
#include "session/context.hpp"
#include "session/instance.hpp"
#include "session/turn.hpp"
#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr int kFruitlessMax = 2;
constexpr std::string_view kAgent = "compaction";

MessageError overflow_error(std::string message) {
  return {.name = "ContextOverflowError", .message = std::move(message)};
}

}  // namespace

bool Turn::context_is_full(const Tokens& tokens) const {
  const config::Compaction& config = instance_->config.compaction;
  const std::int64_t usable = usable_tokens(*model_, config);
  return config.automatic.value_or(true) && usable > 0 && tokens_in_context(tokens) >= usable;
}

// Clears old tool output; true when that alone makes room for the next step.
Task<bool> Turn::prune(std::int64_t tokens) {
  const auto history = co_await committed_history();
  if (!history) co_return false;
  const std::vector<Part> old = prunable(**history);
  if (old.empty()) co_return false;
  const TimeMs now = engine_.clock.now_ms();
  for (Part part : old) {
    auto& done = std::get<ToolCompleted>(std::get<ToolPart>(part.content).state);
    tokens -= estimated_tokens(done.output);
    done.compacted = now;
    actor_.record(PartUpdated{std::move(part), now});
  }
  const auto after = co_await committed_history();
  if (!after) co_return false;
  rebuild_messages(**after);
  log::info("session {}: cleared the output of {} old tool calls", message_.session_id.value, old.size());
  // With a reserve: the next step adds to it.
  co_return tokens < usable_tokens(*model_, instance_->config.compaction) * 9 / 10;
}

Task<Result<const History*>> Turn::committed_history() {
  CO_TRY_VOID(co_await actor_.committed());
  co_return co_await engine_.histories->of(actor_.state().session.id);
}

Task<Turn::Next> Turn::make_room(Next next, std::int64_t tokens, bool refused) {
  if (!refused && next == Next::step && instance_->config.compaction.prune.value_or(true)) {
    const bool enough = co_await prune(tokens);
    if (enough) co_return next;
  }
  const auto history = co_await committed_history();
  if (!history) co_return Next::error;
  if (fruitless_compactions(**history) >= kFruitlessMax) {
    MessageError error = overflow_error(
        "The context is full again right after it was summarised; the task needs more "
        "room than the model has");
    actor_.record(SessionFailed{error});
    message_.error = std::move(error);
    actor_.record(MessageUpdated{message_});
    co_return Next::error;
  }
  CompactionPart part{.automatic = true, .overflow = refused};
  continuation_.clear();
  continuation_.push_back(std::move(part));
  co_return Next::continued;
}

// A user message that nobody typed, with the agent and model of this turn.
MessageId Turn::say_for_user(std::vector<PartContent> contents) {
  newest_ = engine_.ids.message_after(newest_);
  const TimeMs now = engine_.clock.now_ms();
  UserMessage message{
      .id = newest_, .session_id = message_.session_id, .created = now, .agent = user_.agent, .model = user_.model};
  message.system = user_.system;
  message.tools = user_.tools;
  message.format = user_.format;
  actor_.record(MessageUpdated{message});
  for (PartContent& content : contents) {
    actor_.record(PartUpdated{{.id = engine_.ids.part(),
                               .session_id = message.session_id,
                               .message_id = message.id,
                               .content = std::move(content)},
                              now});
  }
  return newest_;
}

// ------------------------------------------------------------------------------------------------ the summary

Task<Turn::Next> Turn::summarise(CompactionPart request) {
  actor_.set_status(busy());
  const UserMessage asked = user_;
  const Agent* agent = instance_->find_agent(kAgent);
  if (agent && agent->model && instance_->find_model(*agent->model)) {
    user_.model = *agent->model;
    provider_ = instance_->find_provider(user_.model.provider_id);
    model_ = instance_->find_model(user_.model);
    candidates_ = candidates_for(*instance_, user_.model);
  }
  const auto history = co_await committed_history();
  if (!history) co_return Next::error;

  // A prompt that the provider refused for its length is said again after the summary.
  std::optional<MessageWithParts> refused;
  if (request.overflow.value_or(false)) {
    if (const HistoryMessage* prompt = refused_prompt(**history, prompt_)) refused = prompt->message();
  }
  const MessageId until = refused ? id_of(refused->info) : prompt_;
  const std::int64_t usable = usable_tokens(*model_, instance_->config.compaction);
  const std::int64_t room = usable > 0 ? usable * 3 / 4 : 100'000;
  std::string question = summary_request(**history, until, room);

  begin_message(std::string(kAgent));
  llm::ChatMessages conversation = std::exchange(messages_, {});
  if (agent && agent->prompt) {
    messages_.push_back({.role = llm::Role::system, .content = {llm::TextContent{*agent->prompt}}});
  }
  messages_.push_back({.role = llm::Role::user, .content = {llm::TextContent{wire::valid_utf8(question)}}});
  auto [finish, calls] = co_await stream_answer();
  messages_ = std::move(conversation);

  if (!finish) {
    const bool cancelled = finish.error().kind == llm::ModelError::Kind::cancelled;
    const bool too_long = finish.error().kind == llm::ModelError::Kind::context_overflow;
    drop_calls(calls);
    fail_message(too_long ? overflow_error("The conversation is too long to be summarised by its model")
                          : to_message_error(finish.error()));
    co_return cancelled ? Next::aborted : Next::error;
  }
  std::string summary;
  for (const Part& part : parts_) {
    if (const auto* text = std::get_if<TextPart>(&part.content)) summary += text->text;
  }
  drop_calls(calls);
  if (!calls.empty() || summary.find_first_not_of(" \r\n\t") == summary.npos) {
    fail_message({.name = "UnknownError",
                  .message = calls.empty() ? "The model wrote no summary"
                                           : fmt::format("Tool call not allowed while generating summary: {}",
                                                         calls.front().tool)});
    co_return Next::error;
  }
  if (usable > 0 && estimated_tokens(summary) >= usable / 2) {
    fail_message(overflow_error("The summary is as long as what it should replace"));
    co_return Next::error;
  }
  finish_step(finish->reason, finish->tokens, std::nullopt);
  complete_message();
  if (request.automatic) {
    if (refused) {
      continuation_ = without_media(refused->parts);
    } else {
      const TimeMs now = engine_.clock.now_ms();
      continuation_.push_back(TextPart{.text = std::string(kContinue),
                                       .synthetic = true,
                                       .time = Span{now, now},
                                       .metadata = JsonText{R"({"compaction_continue":true})"}});
    }
    user_ = asked;
  }
  actor_.show(SessionCompacted{});
  co_return request.automatic ? Next::continued : Next::completed;
}

}  // namespace quarterdeck::session
