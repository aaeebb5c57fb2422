#include "session/subagents.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "permission/rules.hpp"
#include "session/call_host.hpp"
#include "session/host.hpp"
#include "session/mentions.hpp"
#include "session/task_record.hpp"
#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;
using tools::ToolFailure;
using tools::ToolOutput;
using tools::ToolResult;

namespace {

constexpr std::int64_t kAbortEveryMs = 50;
constexpr int kDepthMax = 32;
// A disk that is full or gone for a while: what waits for it looks again.
constexpr std::int64_t kAgainMs = 5'000;

constexpr std::string_view kStarted =
    "The task is working in the background. You will be notified automatically when it finishes.\n"
    "DO NOT sleep, poll for progress, ask the task for status, or duplicate this task's work — avoid working with the "
    "same files or topics it is using.\n"
    "Work on non-overlapping tasks, or briefly tell the user what you launched and end your response.";

std::unexpected<ToolFailure> failed(std::string message) {
  return std::unexpected(ToolFailure{.message = std::move(message)});
}

std::string report(const SessionId& child, std::string_view state, std::string_view summary, std::string_view text) {
  const std::string_view tag = state == "error" ? "task_error" : "task_result";
  std::string out = fmt::format("<task id=\"{}\" state=\"{}\">\n", child.value, state);
  if (!summary.empty()) out += fmt::format("<summary>{}</summary>\n", summary);
  return out + fmt::format("<{0}>\n{1}\n</{0}>\n</task>", tag, text);
}

bool passes(const Error& error) { return error.code != ErrorCode::not_found && error.code != ErrorCode::invalid; }

bool same_rule(const Ruleset& rules, const Rule& rule) { return std::ranges::find(rules, rule) != rules.end(); }

int strictness(Action action) { return action == Action::deny ? 2 : action == Action::ask ? 1 : 0; }

}  // namespace

Ruleset child_rules(const Ruleset& parent_session, const Agent& parent, const Agent& child,
                    const std::vector<std::string>& primary_tools) {
  Ruleset rules;
  // What the parent's agent may not do, its subagent may not do for it.
  for (const Rule& rule : parent.permission) {
    const auto in_force = permission::evaluate(rule.permission, rule.pattern, {parent.permission}).action;
    const auto of_child = permission::evaluate(rule.permission, rule.pattern, {child.permission}).action;
    if (in_force != rule.action || strictness(rule.action) <= strictness(of_child)) continue;
    if (!same_rule(rules, rule)) rules.push_back(rule);
  }
  for (const Rule& rule : parent_session) {
    if (rule.permission == "external_directory" || rule.action == Action::deny) rules.push_back(rule);
  }
  for (const char* name : {"todowrite", "task"}) {
    const bool own = std::ranges::any_of(child.permission, [&](const Rule& rule) { return rule.permission == name; });
    const Rule none{name, "*", Action::deny};
    if (!own && !same_rule(rules, none)) rules.push_back(none);
  }
  for (const std::string& name : primary_tools) {
    const Rule none{name, "*", Action::deny};
    if (!same_rule(rules, none)) rules.push_back(none);
  }
  return rules;
}

Task<ToolResult> Subagents::run(ChildCall call) {
  const int depth_max = call.instance.config.subagent_depth.value_or(1);
  int depth = 0;
  for (SessionId at = call.parent;;) {
    const auto session = engine_.query.session(at);
    if (!session) co_return failed(session.error().message);
    if (!session->parent_id) break;
    at = *session->parent_id;
    if (++depth >= kDepthMax) break;
  }
  if (depth >= depth_max) {
    co_return failed(fmt::format(
        "Subagent depth limit reached ({}). Increase \"subagent_depth\" to allow nested subagents.", depth_max));
  }
  if (call.ask && !call.host.child_link()) {
    tools::PermissionAsk ask{.permission = "task",
                             .patterns = {call.work.agent},
                             .always = {"*"},
                             .metadata = wire::to_json_text(wire::JsonObject{{"description", call.work.description},
                                                                             {"subagent_type", call.work.agent}})};
    const auto allowed = co_await call.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());
  }
  const Agent* agent = call.instance.find_agent(call.work.agent);
  if (!agent) co_return failed(fmt::format("Unknown agent type: {} is not a valid agent type", call.work.agent));

  bool fresh = false;
  const auto linked = co_await link(call, *agent, fresh);
  if (!linked) co_return failed(linked.error().message);
  const ChildLink link = *linked;
  const ModelRef model = agent->model.value_or(call.model);
  wire::JsonObject metadata{
      {"parentSessionId", call.parent.value},
      {"sessionId", link.child.value},
      {"model", wire::JsonObject{{"modelID", model.model_id}, {"providerID", model.provider_id}}}};
  if (call.work.background) metadata["background"] = true;
  call.host.progress(call.work.description, wire::to_json_text(metadata));

  const auto made = co_await make_child(call, *agent, link, fresh);
  if (!made) co_return failed(made.error().message);
  Prompt prompt{.message_id = link.prompt, .model = model, .agent = agent->name};
  if (!agent->model) prompt.model->variant = call.model.variant;
  const std::string text = call.work.prompt;
  const auto worktree = call.instance.location.worktree;
  const auto home = engine_.places.home;
  const std::vector<Agent> agents = call.instance.agents;
  auto split = [text, worktree, home, agents] { return parts_of_text(text, worktree, home, agents); };
  prompt.parts = co_await blocking(engine_.loop, engine_.pool, split);
  const auto admitted = co_await host_.prompt(link.child, std::move(prompt));
  if (!admitted)
    co_return failed(fmt::format("Subagent failed (task_id: {}): {}", link.child.value, admitted.error().message));

  if (call.work.background) {
    metadata["jobId"] = link.child.value;
    if (!watched(link.child)) watching_.spawn(watch(link.child));
    co_return ToolOutput{.title = call.work.description,
                         .output = report(link.child, "running", "Background task started", kStarted),
                         .metadata = wire::to_json_text(metadata)};
  }
  const Outcome outcome = co_await wait(link, call.stop);
  if (outcome.kind == Outcome::Kind::cut_off) {
    co_return std::unexpected(ToolFailure{.kind = ToolFailure::Kind::cancelled, .message = "Task cancelled"});
  }
  if (outcome.kind == Outcome::Kind::failed) {
    co_return failed(fmt::format("Subagent failed (task_id: {}): {}", link.child.value, outcome.text));
  }
  co_return ToolOutput{.title = call.work.description,
                       .output = report(link.child, "completed", {}, outcome.text),
                       .metadata = wire::to_json_text(metadata)};
}

// The child of before a restart; the one that the call names, if it is a child of this session; or a new one.
Task<Result<ChildLink>> Subagents::link(ChildCall& call, const Agent&, bool& fresh) {
  if (const auto known = call.host.child_link()) {
    fresh = !engine_.query.session(known->child).has_value();
    co_return *known;
  }
  ChildLink made{.child = {}, .prompt = engine_.ids.message()};
  if (call.work.task_id) {
    const auto named = engine_.query.session({*call.work.task_id});
    if (named && named->parent_id == call.parent) made.child = named->id;
  }
  fresh = made.child.empty();
  if (fresh) made.child = engine_.ids.session();
  CO_TRY_VOID(co_await call.host.remember_child(made));
  co_return made;
}

Task<Result<void>> Subagents::make_child(const ChildCall& call, const Agent& agent, const ChildLink& link, bool fresh) {
  const TaskLimits& limits = call.instance.task_limits;
  TaskRecord record;
  if (limits.deadline_ms) record.deadline = engine_.clock.now_ms() + *limits.deadline_ms;
  record.steps = limits.steps;
  record.tokens = limits.tokens;
  if (call.work.background) {
    record.background =
        BackgroundTask{.parent = call.parent, .prompt = link.prompt, .description = call.work.description};
  }
  if (!fresh) {
    CO_TRY(const Session child, engine_.query.session(link.child));
    const TaskRecord before = task_record(child.metadata);
    if (before.prompt == link.prompt) co_return Result<void>();  // this call made it, before a restart
    record.prompt = link.prompt;
    if (record.tokens) *record.tokens += tokens_used(child);
    Host::MetadataChange give = [&](const std::optional<JsonText>& metadata) -> std::optional<JsonText> {
      const TaskRecord known = task_record(metadata);
      // What it does in the background it goes on with, and tells.
      if (!record.background) record.background = known.background;
      if (record == TaskRecord{.prompt = link.prompt} && known == TaskRecord{}) return std::nullopt;
      return with_task_record(metadata, record);
    };
    co_return co_await host_.change_metadata(link.child, std::move(give));
  }
  CO_TRY(const Session parent, engine_.query.session(call.parent));
  CreateSession command{.id = link.child,
                        .directory = parent.directory,
                        .parent_id = call.parent,
                        .title = fmt::format("{} (@{} subagent)", call.work.description, agent.name),
                        .agent = agent.name,
                        .permission = child_rules(parent.permission.value_or(Ruleset{}), call.agent, agent,
                                                  call.instance.config.primary_tools)};
  if (!(record == TaskRecord{})) {
    record.prompt = link.prompt;
    command.metadata = with_task_record({}, record);
  }
  CO_TRY([[maybe_unused]] const Session made, co_await host_.create(std::move(command)));
  co_return Result<void>();
}

Task<Subagents::Outcome> Subagents::wait(ChildLink link, std::stop_token stop) {
  struct Watch {
    bool timed_out = false;
    std::unique_ptr<Loop::Handle> deadline;
    std::unique_ptr<Loop::Handle> again;
  };
  Watch watch;
  const auto session = engine_.query.session(link.child);
  if (!session) co_return Outcome{Outcome::Kind::failed, session.error().message};
  const TaskRecord record = task_record(session->metadata);
  // Again and again: the child may be between two turns when it is told to stop.
  std::function<void()> abort_child = [this, &watch, &abort_child, link] {
    host_.abort(link.child);
    watch.again = engine_.loop.after_ms(kAbortEveryMs, [&abort_child] { abort_child(); });
  };
  if (record.deadline) {
    const std::int64_t left_ms = std::max<std::int64_t>(*record.deadline - engine_.clock.now_ms(), 0);
    watch.deadline = engine_.loop.after_ms(left_ms, [&watch, &abort_child] {
      watch.timed_out = true;
      abort_child();
    });
  }
  const std::stop_callback on_stop(stop, [this, &abort_child] {
    if (!engine_.shutting_down()) abort_child();
  });
  auto answer = co_await host_.answer(link.child, link.prompt);
  while (!answer && passes(answer.error()) && !watch.timed_out) {
    // A session that could not be written goes on when it can be.
    if (!co_await sleep_ms(engine_.loop, kAgainMs, stop.stop_possible() ? stop : engine_.shutdown)) break;
    answer = co_await host_.answer(link.child, link.prompt);
  }
  watch.again.reset();
  if (engine_.shutting_down() || stop.stop_requested()) co_return Outcome{Outcome::Kind::cut_off, {}};
  if (watch.timed_out) co_return Outcome{Outcome::Kind::failed, "The time that a subagent has is over"};
  if (!answer) co_return Outcome{Outcome::Kind::failed, answer.error().message};
  auto outcome = outcome_of(link, *answer);
  if (!outcome) co_return Outcome{Outcome::Kind::failed, outcome.error().message};
  co_return std::move(*outcome);
}

Result<Subagents::Outcome> Subagents::outcome_of(const ChildLink& link, const MessageId& answer) const {
  TRY(const MessageWithParts message, engine_.query.message(link.child, answer));
  const auto* assistant = std::get_if<AssistantMessage>(&message.info);
  if (assistant && assistant->error) return Outcome{Outcome::Kind::failed, assistant->error->message};
  std::string text;
  for (const Part& part : message.parts) {
    if (const auto* said = std::get_if<TextPart>(&part.content)) text = said->text;
    const auto* tool = std::get_if<ToolPart>(&part.content);
    const auto* error = tool ? std::get_if<ToolError>(&tool->state) : nullptr;
    if (error) return Outcome{Outcome::Kind::failed, error->error};
  }
  return Outcome{Outcome::Kind::completed, std::move(text)};
}

// ------------------------------------------------------------------------------------------------ in the background

bool Subagents::watched(const SessionId& child) const { return std::ranges::find(watched_, child) != watched_.end(); }

Result<void> Subagents::recover() {
  TRY(const std::vector<SessionId> open, engine_.query.background_tasks());
  for (const SessionId& child : open) {
    if (!watched(child)) watching_.spawn(watch(child));
  }
  return {};
}

Task<void> Subagents::watch(SessionId child) {
  watched_.push_back(child);
  while (!engine_.shutting_down()) {
    const auto told = co_await tell(child);
    if (told || !passes(told.error())) break;
    if (!co_await sleep_ms(engine_.loop, kAgainMs, engine_.shutdown)) break;
  }
  std::erase(watched_, child);
}

// Three steps, each stored before the next: the child has ended, the id of the prompt that says so, that prompt. An
// error: what is left of them is to be done later.
Task<Result<void>> Subagents::tell(SessionId child) {
  while (!engine_.shutting_down()) {
    CO_TRY(const Session session, engine_.query.session(child));
    const TaskRecord record = task_record(session.metadata);
    if (!record.background) break;
    const BackgroundTask task = *record.background;
    const Outcome outcome = co_await wait({child, task.prompt}, {});
    if (engine_.shutting_down()) break;
    std::optional<MessageId> delivery;
    Host::MetadataChange note = [&](const std::optional<JsonText>& metadata) -> std::optional<JsonText> {
      TaskRecord now = task_record(metadata);
      if (!now.background || now.background->prompt != task.prompt) return std::nullopt;
      delivery = now.background->delivery;
      if (delivery) return std::nullopt;
      delivery = now.background->delivery = engine_.ids.message();
      return with_task_record(metadata, now);
    };
    CO_TRY_VOID(co_await host_.change_metadata(child, std::move(note)));
    if (!delivery) continue;  // it was given more to do meanwhile
    const bool completed = outcome.kind == Outcome::Kind::completed;
    Prompt prompt{.message_id = delivery};
    prompt.parts.push_back(
        {.id = {},
         .content = TextPart{
             .text = report(child, completed ? "completed" : "error",
                            fmt::format("Background task {}: {}", completed ? "completed" : "failed", task.description),
                            outcome.text),
             .synthetic = true}});
    const auto told = co_await host_.prompt(task.parent, std::move(prompt));
    if (!told && passes(told.error())) co_return std::unexpected(told.error());
    if (!told) log::warn("background task {}: its session cannot be told: {}", child.value, told.error().message);
    Host::MetadataChange forget = [&](const std::optional<JsonText>& metadata) -> std::optional<JsonText> {
      TaskRecord now = task_record(metadata);
      if (!now.background || now.background->prompt != task.prompt) return std::nullopt;
      now.background.reset();
      return with_task_record(metadata, now);
    };
    CO_TRY_VOID(co_await host_.change_metadata(child, std::move(forget)));
  }
  co_return Result<void>();
}

}  // namespace quarterdeck::session
