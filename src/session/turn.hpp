// One turn: from one prompt until the model has nothing more to do. A loop of steps, each one model call and the tool
// calls it asked for:
//
//   step:  assistant message -> model stream (retried) -> parts -> tool calls, in parallel -> step-finish
//   again while the model asked for tools and nobody rejected, aborted or failed
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "domain/message.hpp"
#include "llm/provider.hpp"
#include "session/actor.hpp"
#include "session/history.hpp"
#include "session/model_call.hpp"
#include "session/no_progress.hpp"
#include "session/offered_tools.hpp"
#include "session/step_assembler.hpp"
#include "session/structured_output.hpp"
#include "session/task_record.hpp"

namespace quarterdeck::session {

class CallHost;

// Who takes over from a turn, and with which words: the build agent with an approved plan, or the same agent with the
// result of a slash command's subtask.
struct Successor {
  std::string agent;
  std::string text;
};

class Turn {
 public:
  Turn(Engine& engine, Actor& actor, std::shared_ptr<Instance> instance, MessageId prompt, std::stop_token stop);

  // Returns why the turn ended: completed | aborted | error | rejected | steered. Its effects are recorded, not yet committed.
  Task<std::string> run();
  const domain::Agent& agent() const { return *agent_; }

 private:
  enum class Next { step, completed, aborted, error, rejected, steered, continued };

  Task<Result<void>> prepare();
  Task<void> look_for_more_tools();
  Task<Next> step();
  Task<std::expected<llm::ModelFinish, llm::ModelError>> call_model(StepAssembler& assembler);
  Task<Next> run_calls(std::vector<domain::Part> calls);
  // `input`: the arguments as the model wrote them. True: a person rejected it.
  Task<bool> run_call(domain::Part part, domain::JsonText input);
  Task<tools::ToolResult> run_tool(std::string name, domain::JsonText input, tools::ToolContext& context);
  Task<Next> finish_interrupted_step();
  void add_step();  // what was said in it goes to the next model call
  llm::ModelRequest request_for(const Candidate& candidate) const;
  void show_wait(const ModelCall::Wait& wait);
  void fall_back(const Candidate& to, const llm::ModelError& why);
  Recovery recovery() const;
  bool may_resume() const;
  bool asks_on() const;  // a call was left waiting, for the next start
  domain::MessageError not_resumed_error() const;

  // What the step does to the worktree (turn_changes.cpp): snapshots around it, the patch part, the turn's diffs.
  bool takes_snapshots() const;
  Task<void> snapshot_before(const std::vector<domain::Part>& calls);
  Task<std::optional<std::string>> snapshot_after();
  Task<void> record_patch(std::optional<std::string> after);
  Task<void> keep_unfinished_changes();
  Task<void> summarize_changes();

  // What happens when the context is full (turn_compaction.cpp).
  bool context_is_full(const domain::Tokens& tokens) const;
  Task<bool> prune(std::int64_t tokens);
  Task<Next> make_room(Next next, std::int64_t tokens, bool refused);
  Task<Next> summarise(domain::CompactionPart request);
  MessageId say_for_user(std::vector<domain::PartContent> contents);
  Task<Result<const History*>> committed_history();
  void rebuild_messages(const History& history);

  struct Answer {
    std::expected<llm::ModelFinish, llm::ModelError> finish;
    std::vector<RequestedCall> calls;  // pending
  };
  Task<Answer> stream_answer();
  void drop_calls(const std::vector<RequestedCall>& calls);
  void begin_message(std::optional<std::string> summarised_by = {});

  void record_part(domain::Part part);
  void finish_step(const std::string& reason, const domain::Tokens& tokens, std::optional<std::string> snapshot);
  void complete_message();
  void fail_message(domain::MessageError error);

  // turn_agents.cpp
  const domain::Ruleset& session_rules() const;
  Offer offer() const;
  std::vector<llm::ToolSpec> offered_tools() const;
  // Ours, those of the directory's MCP servers as they are in this step, and the answer's own.
  const tools::Registry& tools() const { return with_more_ ? *with_more_ : engine_.tools; }
  Next structured_answer(Next next, bool asked_for_tools);
  void remind_of_format();
  Task<Result<void>> remind_of_planning();
  void look_back(const History& history);
  void approve_plan();
  void hand_over();
  void see_whether_plan_was_approved();
  Task<Next> run_subtasks();
  Task<Next> run_subtask(PartId of, domain::SubtaskPart subtask);
  bool mentions_agents() const;
  domain::ModelRef model_of_message() const;
  bool comes_back(const domain::ToolPart& call) const;
  Task<std::expected<void, tools::ToolFailure>> ask_about_repetition(const domain::Part& part, CallHost& host);
  int steps_limit() const;
  bool is_last_step(int steps) const;
  void say_that_it_is_the_last_step();

  Engine& engine_;
  Actor& actor_;
  std::shared_ptr<Instance> instance_;
  MessageId prompt_;
  std::stop_token stop_;

  domain::UserMessage user_;
  std::optional<domain::CompactionPart> compaction_;  // the prompt asks for a summary
  const domain::Agent* agent_ = nullptr;
  const domain::ProviderInfo* provider_ = nullptr;
  const domain::ModelInfo* model_ = nullptr;
  llm::ChatMessages messages_;
  std::optional<domain::MessageWithParts> interrupted_;  // the step that a restart cut off
  std::optional<tools::Registry> with_more_;
  MessageId newest_;  // later messages must sort after it

  domain::AssistantMessage message_;  // of the current step
  std::vector<domain::Part> parts_;  // of the current step
  std::vector<Candidate> candidates_;  // the model that answers, and who would instead of it
  ProgressGuard progress_;
  std::vector<domain::PartContent> continuation_;  // what the turn after this one begins with
  bool changed_ = false;  // some step of this turn changed the worktree
  std::vector<domain::Part> prompt_parts_;
  std::vector<std::string> subtasks_begun_;  // ids of the prompt's subtask parts
  std::optional<Successor> successor_;
  TaskRecord limits_;  // of a subagent
  bool last_step_ = false;  // no tools any more
  std::optional<OutputFormat> format_;  // of the answer
  bool answered_ = false;  // in that format, before a restart
  int format_retries_ = 0;
};

domain::MessageError to_message_error(const llm::ModelError& error);

}  // namespace quarterdeck::session
