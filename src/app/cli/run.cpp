#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

#include "app/cli/attachment.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/follower.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "base/id.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::size_t kTaskBytesMax = 4'000'000;

Result<std::string> read_task() {
  std::string task;
  char bytes[65536];
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ErrorCode::invalid, "cannot read the task from standard input");
    if (got == 0) break;
    task.append(bytes, static_cast<std::size_t>(got));
    if (task.size() > kTaskBytesMax)
      return fail(ErrorCode::too_large, "the task is longer than {} MB", kTaskBytesMax / 1'000'000);
  }
  if (task.find_first_not_of(" \t\r\n") == task.npos) return fail(ErrorCode::invalid, "standard input holds no task");
  return task;
}

Result<domain::Prompt> prompt_of(const RunOptions& options) {
  domain::Prompt prompt;
  std::string task = options.task;
  if (task == "-") {
    TRY(task, read_task());
  }
  prompt.agent = options.agent;
  if (options.model) prompt.model = domain::ModelRef{options.model->provider, options.model->model, {}};
  for (const auto& file : options.files) {
    TRY(auto part, read_attachment(file));
    prompt.parts.push_back({{}, std::move(part)});
  }
  prompt.parts.push_back({{}, domain::TextPart{.text = std::move(task)}});
  return prompt;
}

// The session to work in: the named one, the directory's latest, or a new one.
Task<Result<domain::Session>> take_session(Client& client, const RunOptions& options) {
  if (options.session) co_return co_await client.session({*options.session});
  if (options.continue_latest) {
    CO_TRY(const wire::Json list, co_await client.sessions(100));
    if (const auto* sessions = list.if_array()) {
      for (const auto& one : *sessions) {
        const bool child = !wire::string_at(one, "parentID").empty();
        if (!child) co_return co_await client.session({wire::string_at(one, "id")});
      }
    }
    co_return fail(ErrorCode::not_found, "no session to continue in {}; leave --continue out to begin one",
                   client.target().directory);
  }
  domain::CreateSession wanted;
  wanted.title = options.title;
  // Nobody sits at this command line to answer the agent's questions or to approve its plans.
  wanted.permission = domain::Ruleset{};
  for (const char* name : {"question", "plan_enter", "plan_exit"}) {
    wanted.permission->push_back({name, "*", domain::Action::deny});
  }
  co_return co_await client.create_session(std::move(wanted));
}

Task<int> work(Connected with, RunOptions options, domain::Prompt prompt) {
  Follower* following = nullptr;
  const auto signals = with.loop.on_terminate([&](int) {
    if (following == nullptr) ::_exit(kExitInterrupted);  // nothing is under way yet
    following->on_signal();
  });
  auto session = co_await take_session(with.client, options);
  if (!session) co_return give_up(session.error(), options.target);
  with.client.use_directory(session->directory);

  IdSource ids(system_clock(), system_random());
  prompt.message_id = ids.message();
  const bool plain = options.format == Format::text && !options.quiet;
  FollowerOptions how{
      .format = options.format,
      .printer = {.style = style_of(STDERR_FILENO), .quiet = options.quiet, .directory = session->directory},
      .ask = plain && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1};
  Follower follower(with.loop, with.http, with.client, system_clock(), session->id, *prompt.message_id, std::move(how));
  following = &follower;
  const int code = co_await follower.run(std::move(prompt));
  following = nullptr;
  co_return code;
}

}  // namespace

int run(const RunOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.target.directory, ignored) && !options.session) {
    complain(fmt::format("{} is not a directory", options.target.directory));
    return kExitUsage;
  }
  auto prompt = prompt_of(options);
  if (!prompt) {
    complain(prompt.error().message);
    return kExitUsage;
  }
  return on_loop(options.target, [&](Connected with) { return work(with, options, std::move(*prompt)); });
}

}  // namespace quarterdeck::app
