#include "session/call_host.hpp"

#include "wire/json.hpp"

#include "base/failpoint.hpp"

namespace quarterdeck::session {

using namespace domain;

CallHost::CallHost(Engine& engine, Actor& actor, Instance& instance, const Agent& agent, Part part,
                   std::stop_token stop, std::function<void(Part)> record_part)
    : engine_(engine),
      actor_(actor),
      instance_(instance),
      agent_(agent),
      part_(std::move(part)),
      stop_(std::move(stop)),
      record_part_(std::move(record_part)) {}

Task<std::expected<void, tools::ToolFailure>> CallHost::ask(tools::PermissionAsk ask) {
  ToolRef call{part_.message_id, std::get<ToolPart>(part_.content).call_id};
  auto asked = co_await actor_.ask(std::move(ask), std::move(call), agent_, instance_, stop_);
  if (!asked) co_return std::unexpected(std::move(asked.error()));
  if (*asked == Asked::yes) {
    // With the answer the call goes on and may have effects: after a crash from here on it is not run again, before it
    // is, with the stored answer.
    actor_.record(ToolStarted{part_.message_id, part_.id, 0});
    const auto stored = co_await actor_.committed();
    if (!stored) co_return std::unexpected(tools::ToolFailure{.message = stored.error().message});
  }
  co_return std::expected<void, tools::ToolFailure>();
}

void CallHost::progress(std::optional<std::string> title, std::optional<JsonText> metadata) {
  if (closed_) return;
  auto& running = std::get<ToolRunning>(std::get<ToolPart>(part_.content).state);
  if (title) running.title = std::move(title);
  if (metadata) running.metadata = std::move(metadata);
  actor_.show(PartProgress{part_, engine_.clock.now_ms()});
  if (store_timer_) return;
  store_timer_ = engine_.loop.after_ms(kProgressStoreMs, [this] {
    store_timer_.reset();
    record_part_(part_);
    failpoint::reach("session.tool.progress");
  });
}

void CallHost::process_started(std::int64_t pid) {
  actor_.record(ToolStarted{part_.message_id, part_.id, pid});
  failpoint::reach("session.tool.process_started");
}

void CallHost::file_edited(const std::filesystem::path& file) { actor_.show(FileEdited{file.string()}); }

Task<Result<void>> CallHost::set_todos(std::vector<Todo> todos) {
  actor_.record(TodoUpdated{std::move(todos)});
  co_return Result<void>();
}

Task<std::expected<Answers, tools::ToolFailure>> CallHost::ask_questions(std::vector<Question> questions) {
  ToolRef call{part_.message_id, std::get<ToolPart>(part_.content).call_id};
  co_return co_await actor_.questions().ask(std::move(questions), std::move(call), stop_);
}

Task<tools::ToolResult> CallHost::delegate(tools::Delegation delegation) {
  ASSERT(engine_.children, "the host of the sessions runs subagents");
  ChildCall call{.work = std::move(delegation),
                 .parent = part_.session_id,
                 .model = model_,
                 .agent = agent_,
                 .instance = instance_,
                 .ask = ask_for_tasks_,
                 .stop = stop_,
                 .host = *this};
  co_return co_await engine_.children->run(std::move(call));
}

std::optional<ChildLink> child_link_of(const ToolPart& call) {
  if (!call.metadata) return std::nullopt;
  const auto metadata = wire::parse(call.metadata->text);
  const wire::Json* ours = metadata ? wire::value_at(*metadata, "quarterdeck") : nullptr;
  if (!ours) return std::nullopt;
  ChildLink link{.child = {wire::string_at(*ours, "child")}, .prompt = {wire::string_at(*ours, "prompt")}};
  if (link.child.empty() || link.prompt.empty()) return std::nullopt;
  return link;
}

std::optional<ChildLink> CallHost::child_link() const { return child_link_of(std::get<ToolPart>(part_.content)); }

Task<Result<void>> CallHost::remember_child(ChildLink link) {
  auto& call = std::get<ToolPart>(part_.content);
  wire::JsonObject metadata;
  if (call.metadata) {
    if (auto parsed = wire::parse(call.metadata->text); parsed && parsed->is_object()) metadata = parsed->get_object();
  }
  wire::Json& ours = metadata["quarterdeck"];
  if (!ours.is_object()) ours.emplace_object();
  ours.get_object()["child"] = link.child.value;
  ours.get_object()["prompt"] = link.prompt.value;
  call.metadata = wire::to_json_text(metadata);
  record_part_(part_);
  co_return co_await actor_.committed();
}

void CallHost::close() {
  closed_ = true;
  store_timer_.reset();
}

}  // namespace quarterdeck::session
