// Turn: what belongs to agents. Reminders of planning, tasks that the prompt itself gives to subagents, and the message
// that continues a turn as another agent.
#include <algorithm>

#include "permission/rules.hpp"
#include "session/call_host.hpp"
#include "session/instance.hpp"
#include "session/offered_tools.hpp"
#include "session/plan.hpp"
#include "session/task_record.hpp"
#include "session/turn.hpp"
#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::string_view kLastStep =
    "<system-reminder>\nThe number of steps for this task is used up; tools are off until the user writes again. "
    "Answer "
    "in text: say that the limit was reached, what you have done, what is left, and what you would do next.\n"
    "</system-reminder>";
constexpr std::string_view kLastStructuredStep =
    "<system-reminder>\nThe number of steps for this task is used up. Call the tool StructuredOutput now, with what "
    "you "
    "have found out.\n</system-reminder>";
constexpr std::string_view kSummarizeTask = "Summarize the task tool output above and continue with your task.";

bool is_reminder(const Part& part) {
  const auto* text = std::get_if<TextPart>(&part.content);
  return text && text->synthetic.value_or(false) && text->text.starts_with("<system-reminder>");
}

// Which subtask part of the prompt a message answers.
std::string subtask_of(const ToolPart& call) {
  const auto metadata = call.metadata ? wire::parse(call.metadata->text) : wire::parse("{}");
  const wire::Json* ours = metadata ? wire::value_at(*metadata, "quarterdeck") : nullptr;
  return ours ? wire::string_at(*ours, "subtask") : "";
}

bool plan_was_approved(const std::vector<Part>& parts) {
  return std::ranges::any_of(parts, [](const Part& part) {
    const auto* call = std::get_if<ToolPart>(&part.content);
    return call && call->tool == "plan_exit" && std::holds_alternative<ToolCompleted>(call->state);
  });
}

std::string agent_names(const Instance& instance) {
  std::string names;
  for (const Agent& agent : instance.agents) {
    if (!agent.hidden) names += (names.empty() ? "" : ", ") + agent.name;
  }
  return names;
}

}  // namespace

const Ruleset& Turn::session_rules() const {
  static const Ruleset none;
  const auto& rules = actor_.state().session.permission;
  return rules ? *rules : none;
}

Offer Turn::offer() const {
  return {.registry = tools(),
          .agent = *agent_,
          .session_rules = session_rules(),
          .switches = user_.tools,
          .model = *model_,
          .agents = instance_->agents,
          .skills = instance_->skills,
          .settings = instance_->config.ours};
}

std::vector<llm::ToolSpec> Turn::offered_tools() const {
  if (message_.summary.value_or(false)) return {};
  std::vector<llm::ToolSpec> offered = session::offered_tools(offer());
  if (last_step_) std::erase_if(offered, [](const auto& tool) { return tool.name != kStructuredOutput; });
  return offered;
}

// What is told of planning with this prompt is stored with it, once: later calls see the same prefix.
Task<Result<void>> Turn::remind_of_planning() {
  CO_TRY(const History* history, co_await engine_.histories->of(actor_.state().session.id));
  const HistoryMessage* prompt = history->find(prompt_);
  const auto* user = prompt ? std::get_if<UserMessage>(&prompt->info()) : nullptr;
  if (!user || std::ranges::any_of(prompt->parts(), is_reminder)) co_return Result<void>();
  const Agent* agent = instance_->find_agent(user->agent);
  if (!agent) co_return Result<void>();
  std::string before;
  const std::size_t answers_from = history->answers_from(prompt_);
  for (std::size_t i = history->messages().size(); i-- > 0 && (i >= answers_from || before.empty());) {
    const auto* assistant = std::get_if<AssistantMessage>(&history->messages()[i].info());
    if (!assistant) continue;
    // Of this turn already: it was told what it needs when it began.
    if (assistant->parent_id == prompt_) co_return Result<void>();
    if (before.empty()) before = assistant->agent;
  }
  if (agent->name != kPlanAgent && before != kPlanAgent) co_return Result<void>();
  const auto file = plan_file(actor_.state().session, instance_->location, engine_.places);
  auto look = [file] {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored);
  };
  const bool exists = co_await blocking(engine_.loop, engine_.pool, look);
  const bool may_exit =
      permission::evaluate("plan_exit", "*", {agent->permission, session_rules()}).action == Action::allow &&
      tools().find("plan_exit");
  const auto reminder = plan_reminder(
      {.agent = agent->name, .agent_before = before, .may_exit = may_exit, .file = file, .file_exists = exists});
  if (!reminder) co_return Result<void>();
  Part part{.id = engine_.ids.part(),
            .session_id = actor_.state().session.id,
            .message_id = prompt_,
            .content = TextPart{.text = *reminder, .synthetic = true}};
  actor_.record(PartUpdated{std::move(part), engine_.clock.now_ms()});
  co_return co_await actor_.committed();
}

// What a restart left of this turn: its subtasks that were begun, and whether its plan was approved.
void Turn::look_back(const History& history) {
  for (std::size_t i = history.answers_from(prompt_); i < history.messages().size(); ++i) {
    const HistoryMessage& message = history.messages()[i];
    const auto* assistant = std::get_if<AssistantMessage>(&message.info());
    if (!assistant || assistant->parent_id != prompt_) continue;
    for (const Part& part : message.parts()) {
      if (const auto* call = std::get_if<ToolPart>(&part.content)) subtasks_begun_.push_back(subtask_of(*call));
    }
    if (assistant->completed && plan_was_approved(message.parts())) approve_plan();
    answered_ = answered_ || assistant->structured;
  }
}

void Turn::approve_plan() {
  const auto file = plan_file(actor_.state().session, instance_->location, engine_.places);
  successor_ = Successor{.agent = std::string(kBuildAgent), .text = plan_approved(file, instance_->location.worktree)};
}

// The next turn begins with the successor's words; the session is that agent's from now on.
void Turn::hand_over() {
  user_.agent = successor_->agent;
  if (message_.session_id.empty()) message_.session_id = actor_.state().session.id;
  if (actor_.state().session.agent != user_.agent) {
    Session session = actor_.state().session;
    session.agent = user_.agent;
    actor_.record(SessionUpdated{std::move(session)});
  }
  continuation_.clear();
  continuation_.push_back(TextPart{.text = successor_->text, .synthetic = true});
}

// After a step: does another agent go on?
void Turn::see_whether_plan_was_approved() {
  if (plan_was_approved(parts_)) approve_plan();
}

Task<Turn::Next> Turn::run_subtasks() {
  bool of_command = false;
  for (const Part& part : prompt_parts_) {
    const auto* subtask = std::get_if<SubtaskPart>(&part.content);
    if (!subtask) continue;
    of_command = of_command || subtask->command;
    if (std::ranges::find(subtasks_begun_, part.id.value) != subtasks_begun_.end()) continue;
    const Next next = co_await run_subtask(part.id, *subtask);
    if (next != Next::step) co_return next;
  }
  if (!of_command) co_return Next::step;
  successor_ = Successor{.agent = user_.agent, .text = std::string(kSummarizeTask)};
  co_return Next::continued;
}

Task<Turn::Next> Turn::run_subtask(PartId of, SubtaskPart subtask) {
  actor_.set_status(busy());
  begin_message();
  message_.agent = message_.mode = subtask.agent;
  if (subtask.model) {
    message_.model_id = subtask.model->model_id;
    message_.provider_id = subtask.model->provider_id;
  }
  actor_.record(MessageUpdated{message_});
  wire::JsonObject input{{"prompt", subtask.prompt}, {"description", subtask.description}};
  input["subagent_type"] = subtask.agent;
  if (subtask.command) input["command"] = *subtask.command;
  const JsonText arguments = wire::to_json_text(input);
  Part part{.id = engine_.ids.part(),
            .session_id = message_.session_id,
            .message_id = message_.id,
            .content = ToolPart{.call_id = engine_.ids.other("call"),
                                .tool = "task",
                                .state = ToolRunning{.input = arguments, .start = engine_.clock.now_ms()},
                                .metadata = wire::to_json_text(
                                    wire::JsonObject{{"quarterdeck", wire::JsonObject{{"subtask", of.value}}}})}};
  const PartId id = part.id;
  record_part(part);
  const auto stored = co_await actor_.committed();
  if (!stored) co_return Next::error;
  if (!instance_->find_agent(subtask.agent)) {
    const MessageError error{.name = "UnknownError",
                             .message = fmt::format("Agent not found: \"{}\". Available agents: {}", subtask.agent,
                                                    agent_names(*instance_))};
    std::get<ToolPart>(part.content).state =
        ToolError{.input = arguments, .error = error.message, .start = message_.created, .end = engine_.clock.now_ms()};
    record_part(part);
    fail_message(error);
    co_return Next::error;
  }
  co_await run_call(std::move(part), arguments);
  if (asks_on()) co_return Next::aborted;
  const auto done = std::ranges::find(parts_, id, &Part::id);
  auto& call = std::get<ToolPart>(done->content);
  if (auto* error = std::get_if<ToolError>(&call.state); error && !stop_.stop_requested()) {
    error->error = "Tool execution failed: " + error->error;
    record_part(Part(*done));
  }
  message_.finish = "tool-calls";
  complete_message();
  add_step();
  co_return stop_.stop_requested() ? Next::aborted : Next::step;
}

// The prompt names agents itself: it needs nobody's leave to call them.
bool Turn::mentions_agents() const {
  return std::ranges::any_of(prompt_parts_, [](const Part& part) {
    return std::holds_alternative<AgentPart>(part.content) || std::holds_alternative<SubtaskPart>(part.content);
  });
}

ModelRef Turn::model_of_message() const {
  return {.provider_id = message_.provider_id, .model_id = message_.model_id, .variant = message_.variant};
}

// Calls that only wait (for a person, for a child) are taken up again where a restart cut them off.
bool Turn::comes_back(const ToolPart& call) const {
  return call.tool == "task" || call.tool == "question" || call.tool == "plan_exit" ||
         actor_.asked({message_.id, call.call_id});
}

// Three times the same call in one step may be a model that is stuck: a person decides.
Task<std::expected<void, tools::ToolFailure>> Turn::ask_about_repetition(const Part& part, CallHost& host) {
  constexpr std::size_t kSameMax = 3;
  const auto at = std::ranges::find(parts_, part.id, &Part::id);
  const auto count = static_cast<std::size_t>(at - parts_.begin()) + 1;
  const auto& call = std::get<ToolPart>(part.content);
  const auto input_of = [](const ToolPart& of) { return std::visit([](const auto& s) { return s.input; }, of.state); };
  const JsonText input = input_of(call);
  bool same = at != parts_.end() && count >= kSameMax;
  for (std::size_t back = 0; same && back < kSameMax; ++back) {
    const auto* other = std::get_if<ToolPart>(&parts_[count - 1 - back].content);
    same = other && other->tool == call.tool && input_of(*other) == input;
  }
  if (!same) co_return std::expected<void, tools::ToolFailure>();
  tools::PermissionAsk ask{
      .permission = "doom_loop",
      .patterns = {call.tool},
      .always = {call.tool},
      .metadata = {fmt::format(R"({{"tool":{},"input":{}}})", wire::quoted(call.tool), input.text)}};
  co_return co_await host.ask(std::move(ask));
}

// ------------------------------------------------------------------------------------------------ structured output

// After a step's calls: is this the answer in the form that was asked for, one more try, or the end of them?
Turn::Next Turn::structured_answer(Next next, bool asked_for_tools) {
  if (next != Next::step && next != Next::completed) return next;
  message_.structured = structured_output_of(parts_);
  if (message_.structured) return Next::completed;
  if (asked_for_tools && !structured_output_refused(parts_)) return next;
  if (format_retries_ < format_->retries) {
    ++format_retries_;
    return Next::step;
  }
  fail_message({.name = "StructuredOutputError",
                .message = asked_for_tools ? "Model did not produce structured output that fits the schema"
                                           : "Model did not produce structured output",
                .retries = format_retries_});
  return Next::error;
}

void Turn::remind_of_format() {
  messages_.push_back({.role = llm::Role::user, .content = {llm::TextContent{std::string(kStructuredOutputMissing)}}});
}

// ------------------------------------------------------------------------------------------------ limits

int Turn::steps_limit() const {
  int limit = agent_->steps.value_or(engine_.options.steps_max);
  if (limits_.steps) limit = std::min(limit, *limits_.steps);
  return limit;
}

// The step that must be the last one: asked for in words, without tools.
bool Turn::is_last_step(int steps) const {
  const bool limited = agent_->steps || limits_.steps;
  if (limited && steps + 1 >= steps_limit()) return true;
  return limits_.tokens && tokens_used(actor_.state().session) >= *limits_.tokens;
}

void Turn::say_that_it_is_the_last_step() {
  last_step_ = true;
  const std::string_view text = format_ ? kLastStructuredStep : kLastStep;
  messages_.push_back({.role = llm::Role::user, .content = {llm::TextContent{std::string(text)}}});
}

}  // namespace quarterdeck::session
