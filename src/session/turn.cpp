#include "session/turn.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "llm/cost.hpp"
#include "llm/measured.hpp"
#include "llm/variants.hpp"
#include "permission/rules.hpp"
#include "session/attachments.hpp"
#include "session/call_host.hpp"
#include "session/compaction.hpp"
#include "session/context.hpp"
#include "session/instance.hpp"
#include "session/interrupted.hpp"
#include "session/plan.hpp"
#include "session/system_prompt.hpp"
#include "wire/json.hpp"
#include "workspace/instructions.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::int64_t kOutputTokensMax = 32'000;  // of one answer, as OpenCode has it
constexpr std::int64_t kLongWaitMs = 30'000;       // a longer one is stored

constexpr std::string_view kAborted = "Tool execution aborted";

// What clients see as a call's input is always an object.
JsonText shown_input(const std::string& arguments) {
  auto parsed = wire::parse(arguments);
  if (!parsed) return {"{}"};
  if (parsed->is_object()) return wire::to_json_text(*parsed);
  return wire::to_json_text(wire::JsonObject{{"value", std::move(*parsed)}});
}

}  // namespace

MessageError to_message_error(const llm::ModelError& error) {
  using Kind = llm::ModelError::Kind;
  MessageError out{.name = "APIError", .message = error.message, .retryable = error.retryable};
  out.status_code = error.status;
  out.response_body = error.body;
  switch (error.kind) {
    case Kind::cancelled: return aborted_error();
    case Kind::context_overflow: out.name = "ContextOverflowError"; break;
    case Kind::content_filter: out.name = "ContentFilterError"; break;
    case Kind::malformed: out.name = "UnknownError"; break;
    default: break;
  }
  return out;
}

Turn::Turn(Engine& engine, Actor& actor, std::shared_ptr<Instance> instance, MessageId prompt, std::stop_token stop)
    : engine_(engine),
      actor_(actor),
      instance_(std::move(instance)),
      prompt_(std::move(prompt)),
      stop_(std::move(stop)),
      progress_(static_cast<std::size_t>(std::max(engine.options.no_progress_max, 2))) {}

Task<std::string> Turn::run() {
  const auto ready = co_await prepare();
  if (!ready) {
    log::error("session {}: turn cannot start: {}", actor_.state().session.id.value, ready.error().message);
    begin_message();
    fail_message({.name = "UnknownError", .message = ready.error().message});
    co_return std::string("error");
  }
  failpoint::reach("session.turn.prepared");
  Next next = Next::step;
  if (interrupted_) {
    next = co_await finish_interrupted_step();
    see_whether_plan_was_approved();
  } else if (!may_resume()) {
    begin_message();
    fail_message(not_resumed_error());
    next = Next::error;
  }
  if (answered_) next = Next::completed;
  if (compaction_ && next == Next::step) next = co_await summarise(*compaction_);
  if (next == Next::step && !successor_) next = co_await run_subtasks();
  if (next == Next::step && successor_) next = Next::continued;
  const int steps_max = steps_limit();
  for (int steps = 0; next == Next::step; ++steps) {
    if (!last_step_ && is_last_step(steps)) say_that_it_is_the_last_step();
    auto stalled = progress_.stalled();
    if (steps >= steps_max) stalled = fmt::format("Stopped after {} steps, the limit of one turn", steps);
    if (stalled) {
      MessageError error{.name = "UnknownError", .message = std::move(*stalled)};
      actor_.record(SessionFailed{error});
      message_.error = std::move(error);
      actor_.record(MessageUpdated{message_});
      next = Next::error;
      break;
    }
    if (stop_.stop_requested()) {
      if (message_.id.empty()) begin_message();
      fail_message(aborted_error());
      next = Next::aborted;
      break;
    }
    next = co_await step();
    see_whether_plan_was_approved();
    if (next == Next::step && successor_) next = Next::continued;
    // The tools have run and the model has not been asked again: here a prompt that steers takes over, as the next turn.
    if (next == Next::step && actor_.state().next_is(Delivery::steer)) next = Next::steered;
  }
  co_await summarize_changes();
  if (next == Next::continued && stop_.stop_requested() && !engine_.shutting_down()) next = Next::aborted;
  if (next == Next::continued && successor_) hand_over();
  if (next == Next::continued) actor_.continue_with(say_for_user(std::move(continuation_)));
  switch (next) {
    case Next::steered: co_return std::string("steered");
    case Next::aborted: co_return std::string("aborted");
    case Next::error: co_return std::string("error");
    case Next::rejected: co_return std::string("rejected");
    case Next::continued: co_return std::string("continued");
    default: co_return std::string("completed");
  }
}

Task<Result<void>> Turn::prepare() {
  const Places places = engine_.places;
  const auto directory = instance_->location.directory;
  const auto worktree = instance_->location.worktree;
  const auto extra = instance_->config.instructions;
  auto read = [places, directory, worktree, extra] {
    return workspace::read_instructions(places, directory, worktree, extra);
  };
  const auto instructions = co_await blocking(engine_.loop, engine_.pool, read);

  co_await look_for_more_tools();
  CO_TRY_VOID(co_await remind_of_planning());

  // From here on nothing waits: what the cache handed out holds.
  CO_TRY(const History* history, co_await engine_.histories->of(actor_.state().session.id));
  newest_ = std::max(newest_, history->newest());
  const HistoryMessage* prompt = history->find(prompt_);
  if (!prompt || !std::holds_alternative<UserMessage>(prompt->info())) {
    co_return fail(ErrorCode::not_found, "Message not found: {}", prompt_.value);
  }
  user_ = std::get<UserMessage>(prompt->info());
  for (const Part& part : prompt->parts()) {
    if (const auto* wanted = std::get_if<CompactionPart>(&part.content)) compaction_ = *wanted;
  }
  prompt_parts_ = prompt->parts();
  format_ = output_format(user_.format);
  limits_ = task_record(actor_.state().session.metadata);
  agent_ = instance_->find_agent(user_.agent);
  if (!agent_) co_return fail(ErrorCode::invalid, "Agent not found: {}", user_.agent);
  provider_ = instance_->find_provider(user_.model.provider_id);
  model_ = instance_->find_model(user_.model);
  if (!provider_ || !model_) {
    co_return fail(ErrorCode::invalid, "Model not found: {}/{}.", user_.model.provider_id, user_.model.model_id);
  }

  candidates_ = candidates_for(*instance_, user_.model);
  look_back(*history);

  // A restart cut this turn: its unfinished step is settled first (finish_interrupted_step).
  for (std::size_t i = history->answers_from(prompt_); i < history->messages().size() && !interrupted_; ++i) {
    const HistoryMessage& message = history->messages()[i];
    const auto* assistant = std::get_if<AssistantMessage>(&message.info());
    if (assistant && assistant->parent_id == prompt_ && !assistant->completed) interrupted_ = message.message();
  }

  const bool is_git = instance_->location.project.vcs.has_value();
  messages_.push_back({.role = llm::Role::system,
                       .content = {llm::TextContent{system_prompt({
                           .agent = *agent_,
                           .model = *model_,
                           .directory = directory,
                           .worktree = worktree,
                           .is_git = is_git,
                           .branch = is_git ? workspace::current_branch(worktree) : "",
                           .now = engine_.clock.now_ms(),
                           .instructions = instructions,
                           .skills = skill_list(offer()),
                           .extra = fmt::format("{}{}{}", format_ ? kStructuredOutputWanted : "",
                                                format_ && user_.system ? "\n\n" : "", user_.system.value_or("")),
                       })}}});
  std::optional<MessageId> unsettled;
  if (interrupted_) unsettled = id_of(interrupted_->info);
  messages_.append(chat_messages(*history, prompt_, unsettled, actor_.state().inbox));
  co_return Result<void>();
}

// After the history was changed under the turn.
void Turn::rebuild_messages(const History& history) {
  llm::ChatMessages messages{messages_.front()};
  messages.append(chat_messages(history, prompt_, {}, actor_.state().inbox));
  messages_ = std::move(messages);
}

// ------------------------------------------------------------------------------------------------ one step

void Turn::begin_message(std::optional<std::string> summarised_by) {
  parts_.clear();
  newest_ = engine_.ids.message_after(newest_);
  message_ = AssistantMessage{.id = newest_,
                              .session_id = actor_.state().session.id,
                              .parent_id = prompt_,
                              .created = engine_.clock.now_ms(),
                              .model_id = model_ ? model_->id : user_.model.model_id,
                              .provider_id = provider_ ? provider_->id : user_.model.provider_id,
                              .variant = candidates_.empty() ? user_.model.variant : candidates_.front().variant,
                              .mode = user_.agent,
                              .agent = user_.agent,
                              .cwd = instance_->location.directory.string(),
                              .root = instance_->location.worktree.string()};
  if (summarised_by) {
    message_.mode = message_.agent = std::move(*summarised_by);
    message_.summary = true;
  }
  actor_.record(MessageUpdated{message_});
}

// Servers that are still starting are waited for, so that the first question already offers their tools.
Task<void> Turn::look_for_more_tools() {
  std::vector<std::shared_ptr<tools::Tool>> more;
  if (instance_->mcp) {
    co_await instance_->mcp->settled(stop_);
    more = instance_->mcp->tools();
  }
  if (format_) more.insert(more.begin(), structured_output_tool(format_->schema));
  with_more_.reset();
  if (!more.empty()) with_more_ = engine_.tools.plus(more);
}

// Asks the model and turns what it says into parts. The calls that it asks for are left pending.
Task<Turn::Answer> Turn::stream_answer() {
  StepAssembler assembler(engine_.loop, engine_.clock, engine_.ids, message_.session_id, message_.id,
                          {.record =
                               [this](Event event) {
                                 if (auto* updated = std::get_if<PartUpdated>(&event)) {
                                   record_part(std::move(updated->part));
                                   return;
                                 }
                                 if (auto* removed = std::get_if<PartRemoved>(&event)) {
                                   std::erase_if(parts_, [&](const Part& p) { return p.id == removed->part_id; });
                                 }
                                 actor_.record(std::move(event));
                               },
                           .show = [this](Delta delta) { actor_.show(std::move(delta)); }});
  actor_.on_store_streaming([&assembler] { assembler.store_streaming(); });
  auto finish = co_await call_model(assembler);
  actor_.on_store_streaming(nullptr);
  std::vector<RequestedCall> calls = assembler.finish();
  if (finish) assembler.begin();
  co_return Answer{std::move(finish), std::move(calls)};
}

void Turn::drop_calls(const std::vector<RequestedCall>& calls) {
  for (const RequestedCall& call : calls) {
    const auto part = std::ranges::find(parts_, call.part_id, &Part::id);
    auto& tool = std::get<ToolPart>(part->content);
    tool.state = interrupted(tool.state, kAborted, engine_.clock.now_ms());
    record_part(*part);
  }
}

Task<Turn::Next> Turn::step() {
  co_await look_for_more_tools();
  actor_.set_status(busy());
  begin_message();
  failpoint::reach("session.step.begun");

  auto [finish, requested] = co_await stream_answer();
  failpoint::reach("session.step.model_finished");

  if (!finish) {
    drop_calls(requested);
    if (finish.error().kind == llm::ModelError::Kind::context_overflow &&
        instance_->config.compaction.automatic.value_or(true)) {
      actor_.record(SessionFailed{to_message_error(finish.error())});
      complete_message();
      co_return co_await make_room(Next::step, 0, true);
    }
    fail_message(to_message_error(finish.error()));
    co_return finish.error().kind == llm::ModelError::Kind::cancelled ? Next::aborted : Next::error;
  }

  std::vector<Part> calls;
  for (RequestedCall& call : requested) {
    Part part = *std::ranges::find(parts_, call.part_id, &Part::id);
    auto& tool = std::get<ToolPart>(part.content);
    tool.state = ToolPending{.raw = std::move(call.arguments)};
    calls.push_back(std::move(part));
  }
  Next next = Next::completed;
  if (!calls.empty()) {
    co_await snapshot_before(calls);
    next = co_await run_calls(std::move(calls));
  }

  const std::string reason = requested.empty() ? finish->reason : std::string("tool-calls");
  if (next == Next::aborted) {
    co_await keep_unfinished_changes();
    if (!asks_on()) fail_message(aborted_error());
    co_return next;
  }
  const auto snapshot = co_await snapshot_after();
  finish_step(reason, finish->tokens, snapshot);
  co_await record_patch(snapshot);
  if (reason == "content-filter") {
    fail_message(
        {.name = "ContentFilterError", .message = "The response was blocked by the provider's content filter"});
    co_return Next::error;
  }
  if (format_) {
    next = structured_answer(next, !requested.empty());
    if (message_.error) co_return next;
  }
  complete_message();
  failpoint::reach("session.step.finished");
  add_step();
  if (next == Next::step && requested.empty()) remind_of_format();
  if ((next == Next::step || next == Next::completed) && context_is_full(finish->tokens)) {
    co_return co_await make_room(next, tokens_in_context(finish->tokens), false);
  }
  co_return next;
}

Task<std::expected<llm::ModelFinish, llm::ModelError>> Turn::call_model(StepAssembler& assembler) {
  ModelCall call(engine_, candidates_, instance_->retry_wait_max_ms,
                 {.request = [this](const Candidate& candidate) { return request_for(candidate); },
                  .discard =
                      [&assembler] {
                        if (assembler.begun()) assembler.discard();
                      },
                  .waiting = [this](const ModelCall::Wait& wait) { show_wait(wait); },
                  .going_on = [this] { actor_.set_status(busy()); },
                  .fell_back = [this](const Candidate& to, const llm::ModelError& why) { fall_back(to, why); }});
  co_return co_await call.run(assembler, stop_);
}

llm::ModelRequest Turn::request_for(const Candidate& candidate) const {
  const auto silence_ms = silence_max_ms(instance_->config);
  return {.provider = *candidate.provider,
          .model = *candidate.model,
          .messages = without_unsupported(messages_, *candidate.model),
          .tools = offered_tools(),
          .tool_required = format_ && !message_.summary.value_or(false),
          .temperature = agent_->temperature,
          .top_p = agent_->top_p,
          .output_tokens_max = std::min(candidate.model->output_tokens, kOutputTokensMax),
          .session_id = message_.session_id.value,
          .options = llm::request_options(*candidate.provider, *candidate.model, candidate.variant, agent_->options),
          .first_byte_timeout_ms = silence_ms.value_or(engine_.options.first_byte_timeout_ms),
          .idle_timeout_ms = silence_ms.value_or(engine_.options.idle_timeout_ms)};
}

// Live for everybody who looks; a long wait is also a part, so that it can be seen later why the turn took so long.
void Turn::show_wait(const ModelCall::Wait& wait) {
  llm::count_retry(provider_->id);
  actor_.set_status(
      {.type = Status::Type::retry, .attempt = wait.attempt, .message = wait.error.message, .next = wait.resume_at});
  const TimeMs now = engine_.clock.now_ms();
  if (wait.resume_at - now < kLongWaitMs) return;
  wire::JsonObject data{{"message", wait.error.message}, {"isRetryable", true}};
  if (wait.error.status) data["statusCode"] = *wait.error.status;
  data["metadata"] = wire::JsonObject{{"resumeAt", std::to_string(wait.resume_at)}};
  const wire::JsonObject members{{"attempt", wait.attempt},
                                 {"error", wire::JsonObject{{"name", "APIError"}, {"data", data}}},
                                 {"time", wire::JsonObject{{"created", now}}}};
  record_part({.id = engine_.ids.part(),
               .session_id = message_.session_id,
               .message_id = message_.id,
               .content = OtherPart{"retry", wire::to_json_text(members)}});
}

// The rest of the turn is answered by `to`: its thoughts would mean nothing to the one that failed.
void Turn::fall_back(const Candidate& to, const llm::ModelError& why) {
  const auto name = [](const ProviderInfo& provider, const ModelInfo& model) { return provider.id + '/' + model.id; };
  const auto from = name(*provider_, *model_);
  const auto next = name(*to.provider, *to.model);
  provider_ = to.provider;
  model_ = to.model;
  while (!candidates_.empty() && candidates_.front().model != to.model) candidates_.erase(candidates_.begin());
  message_.provider_id = provider_->id;
  message_.model_id = model_->id;
  message_.variant = to.variant;
  actor_.record(MessageUpdated{message_});
  const wire::JsonObject fallback{{"from", from}, {"to", next}, {"reason", why.message}};
  const wire::JsonObject metadata{{"quarterdeck", wire::JsonObject{{"fallback", fallback}}}};
  const TimeMs now = engine_.clock.now_ms();
  record_part({.id = engine_.ids.part(),
               .session_id = message_.session_id,
               .message_id = message_.id,
               .content = TextPart{.text = fmt::format("{} failed ({}). Going on with {}.", from, why.message, next),
                                   .ignored = true,
                                   .time = Span{now, now},
                                   .metadata = wire::to_json_text(metadata)}});
  actor_.set_status(busy());
}

Task<Turn::Next> Turn::run_calls(std::vector<Part> calls) {
  std::vector<std::string> offered;
  for (const llm::ToolSpec& tool : offered_tools()) offered.push_back(tool.name);
  std::vector<JsonText> inputs;
  // "Requested" is on disk before anything runs: after a crash we know what may have happened.
  for (Part& part : calls) {
    auto& tool = std::get<ToolPart>(part.content);
    std::string arguments;
    if (const auto* pending = std::get_if<ToolPending>(&tool.state)) arguments = pending->raw;
    if (const auto* running = std::get_if<ToolRunning>(&tool.state)) arguments = running->input.text;
    ToolRunning running{.input = shown_input(arguments), .start = engine_.clock.now_ms()};
    // Broken arguments, or a tool that is not there, go to the tool that tells the model so.
    if (auto rewritten = tools().rewrite_invalid(tool.tool, arguments, offered)) {
      tool.tool = "invalid";
      running.input = *rewritten;
      arguments = std::move(rewritten->text);
    }
    inputs.push_back({std::move(arguments)});
    // Models write "Bash"; it is stored under the name that it has.
    if (const tools::Tool* known = tools().find(tool.tool)) tool.tool = known->name();
    tool.state = std::move(running);
    record_part(part);
  }
  failpoint::reach("session.tools.requested");
  const auto stored = co_await actor_.committed();
  if (!stored) co_return Next::error;
  failpoint::reach("session.tools.committed");

  std::vector<Task<bool>> running;
  running.reserve(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) running.push_back(run_call(std::move(calls[i]), std::move(inputs[i])));
  const std::vector<bool> rejected = co_await when_all(engine_.loop, std::move(running));
  if (stop_.stop_requested()) co_return Next::aborted;
  co_return std::ranges::find(rejected, true) != rejected.end() ? Next::rejected : Next::step;
}

// A mistake of ours inside a tool ends its call, not the turn.
Task<tools::ToolResult> Turn::run_tool(std::string name, JsonText input, tools::ToolContext& context) {
  std::string mistake;
  try {
    co_return co_await tools().run(name, std::move(input), context);
  } catch (const std::exception& error) {
    mistake = error.what();
  }
  log::error("session {}: the tool {} failed: {}", context.session_id.value, name, mistake);
  co_return std::unexpected(
      tools::ToolFailure{.message = "Internal error in this tool. What it has done so far is unknown; check before you "
                                    "repeat the call."});
}

Task<bool> Turn::run_call(Part part, JsonText input) {
  auto& tool = std::get<ToolPart>(part.content);
  const ToolRunning started = std::get<ToolRunning>(tool.state);
  CallHost host(engine_, actor_, *instance_, *agent_, part, stop_, [this](Part p) { record_part(std::move(p)); });
  host.let_delegate(model_of_message(), !mentions_agents());
  tools::ToolContext context{.session_id = part.session_id,
                             .message_id = part.message_id,
                             .call_id = tool.call_id,
                             .agent = agent_->name,
                             .directory = instance_->location.directory,
                             .worktree = instance_->location.worktree,
                             .output_dir = engine_.places.data / "tool-output",
                             .settings = instance_->config.ours,
                             .stop = stop_,
                             .host = host,
                             .loop = engine_.loop,
                             .pool = engine_.pool,
                             .processes = engine_.processes,
                             .ids = engine_.ids,
                             .skills = &instance_->skills,
                             .plan_file = plan_file(actor_.state().session, instance_->location, engine_.places),
                             .formatters = instance_->formatters.get(),
                             .language_servers = instance_->language_servers.get()};
  failpoint::reach("session.tool.begin");
  tools::ToolResult result;
  if (const auto goes_on = co_await ask_about_repetition(part, host); !goes_on) {
    result = std::unexpected(goes_on.error());
  } else {
    result = co_await run_tool(tool.tool, std::move(input), context);
  }
  failpoint::reach("session.tool.finished");
  const TimeMs now = engine_.clock.now_ms();
  host.close();
  tool.metadata = host.tool_metadata();
  bool rejected = false;
  if (result) {
    ToolCompleted done{.input = started.input,
                       .output = std::move(result->output),
                       .title = std::move(result->title),
                       .metadata = std::move(result->metadata),
                       .start = started.start,
                       .end = now,
                       .attachments = std::move(result->attachments)};
    tool.state = std::move(done);
  } else if (result.error().kind == tools::ToolFailure::Kind::cancelled) {
    // A shutdown came while it only waited, for a person or a child: the next start goes on waiting.
    if (engine_.shutting_down() && comes_back(tool)) co_return false;
    tool.state = interrupted(host.part_state(), kAborted, now);
  } else {
    rejected = result.error().kind == tools::ToolFailure::Kind::rejected;
    // What the tool had told of its work before it failed (which child it waits for) stays with the call.
    const auto* running = std::get_if<ToolRunning>(&host.part_state());
    auto& told = result.error().metadata;
    if (!told && running) told = running->metadata;
    tool.state = ToolError{.input = started.input,
                           .error = std::move(result.error().message),
                           .metadata = std::move(told),
                           .start = started.start,
                           .end = now};
  }
  record_part(part);
  failpoint::reach("session.tool.recorded");
  co_return rejected;
}

// ------------------------------------------------------------------------------------------------ records

void Turn::record_part(Part part) {
  const auto known = std::ranges::find(parts_, part.id, &Part::id);
  if (known == parts_.end()) {
    parts_.push_back(part);
  } else {
    *known = part;
  }
  actor_.record(PartUpdated{std::move(part), engine_.clock.now_ms()});
}

void Turn::finish_step(const std::string& reason, const Tokens& tokens, std::optional<std::string> snapshot) {
  const double cost = llm::cost_dollars(tokens, model_->prices);
  record_part(
      {.id = engine_.ids.part(),
       .session_id = message_.session_id,
       .message_id = message_.id,
       .content = StepFinishPart{.reason = reason, .snapshot = std::move(snapshot), .cost = cost, .tokens = tokens}});
  message_.finish = reason;
  message_.cost = cost;
  message_.tokens = tokens;
  actor_.record(MessageUpdated{message_});

  Session session = actor_.state().session;
  session.cost += cost;
  session.tokens.input += tokens.input;
  session.tokens.output += tokens.output;
  session.tokens.reasoning += tokens.reasoning;
  session.tokens.cache_read += tokens.cache_read;
  session.tokens.cache_write += tokens.cache_write;
  session.updated = engine_.clock.now_ms();
  actor_.record(SessionUpdated{std::move(session)});

  progress_.add(parts_);
}

void Turn::add_step() {
  for (llm::ChatMessage& said : render({message_, parts_})) messages_.push_back(std::move(said));
}

void Turn::complete_message() {
  message_.completed = engine_.clock.now_ms();
  actor_.record(MessageUpdated{message_});
}

void Turn::fail_message(MessageError error) {
  if (error.name == "MessageAbortedError" && actor_.turn_error()) error = *actor_.turn_error();
  actor_.record(SessionFailed{error});
  message_.error = std::move(error);
  complete_message();
}

}  // namespace quarterdeck::session
