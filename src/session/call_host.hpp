// The session's side of one running tool call: permissions, progress, todos.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "domain/message.hpp"
#include "session/actor.hpp"
#include "session/children.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::session {

// How often the growing state of a running call is stored; subscribers see every change at once.
inline constexpr std::int64_t kProgressStoreMs = 150;

class CallHost final : public tools::ToolHost {
 public:
  CallHost(Engine& engine, Actor& actor, Instance& instance, const domain::Agent& agent, domain::Part part,
           std::stop_token stop, std::function<void(domain::Part)> record_part);

  Task<std::expected<void, tools::ToolFailure>> ask(tools::PermissionAsk ask) override;
  void progress(std::optional<std::string> title, std::optional<domain::JsonText> metadata) override;
  void process_started(std::int64_t pid) override;
  void file_edited(const std::filesystem::path& file) override;
  Task<Result<void>> set_todos(std::vector<domain::Todo> todos) override;
  Task<std::expected<domain::Answers, tools::ToolFailure>> ask_questions(
      std::vector<domain::Question> questions) override;
  Task<tools::ToolResult> delegate(tools::Delegation delegation) override;

  // The message that the call stands in: its model is the subagents' too. `ask`: whether calling one needs permission.
  void let_delegate(domain::ModelRef model, bool ask) {
    model_ = std::move(model);
    ask_for_tasks_ = ask;
  }
  // What the part says beside its state.
  const std::optional<domain::JsonText>& tool_metadata() const {
    return std::get<domain::ToolPart>(part_.content).metadata;
  }
  // The child that this call has, from before a restart.
  std::optional<ChildLink> child_link() const;
  // Returns when it is on disk.
  Task<Result<void>> remember_child(ChildLink link);

  // The call has ended: later progress is ignored.
  void close();
  // The newest running state, with its progress.
  const domain::ToolState& part_state() const { return std::get<domain::ToolPart>(part_.content).state; }

 private:
  Engine& engine_;
  Actor& actor_;
  Instance& instance_;
  const domain::Agent& agent_;
  domain::Part part_;
  std::stop_token stop_;
  std::function<void(domain::Part)> record_part_;
  std::unique_ptr<Loop::Handle> store_timer_;
  bool closed_ = false;
  domain::ModelRef model_;
  bool ask_for_tasks_ = true;
};

// The child of a task call, as its part has it.
std::optional<ChildLink> child_link_of(const domain::ToolPart& call);

}  // namespace quarterdeck::session
