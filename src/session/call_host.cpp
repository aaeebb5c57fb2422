#include "session/call_host.hpp"

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

void CallHost::close() {
  closed_ = true;
  store_timer_.reset();
}

}  // namespace quarterdeck::session
