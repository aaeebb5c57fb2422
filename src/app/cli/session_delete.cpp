#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/cli/ask.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/terminal.hpp"

namespace quarterdeck::app {
namespace {

// Nothing else runs while the person thinks.
bool confirmed(const domain::Session& session) {
  write_all(STDERR_FILENO,
            fmt::format("Delete {} \"{}\" with all its messages? y/n > ", session.id.value, harmless(session.title)));
  std::string line;
  if (!std::getline(std::cin, line)) return false;
  const auto answer = read_answer(line);
  return answer && answer->reply == domain::Reply::once;
}

Task<int> work(Connected with, SessionDeleteOptions options) {
  auto session = co_await with.client.session({options.session});
  if (!session) co_return give_up(session.error(), options.target);
  with.client.use_directory(session->directory);
  if (!options.yes && !confirmed(*session)) {
    complain("kept");
    co_return kExitFailed;
  }
  auto removed = co_await with.client.remove(session->id);
  if (!removed) co_return give_up(removed.error(), options.target);
  const std::string text = options.format == Format::json
                               ? fmt::format("{{\"id\":\"{}\",\"deleted\":true}}\n", session->id.value)
                               : fmt::format("deleted {}\n", session->id.value);
  co_return write_all(STDOUT_FILENO, text) ? kExitOk : kExitFailed;
}

}  // namespace

int session_delete(const SessionDeleteOptions& options) {
  if (!options.yes && ::isatty(STDIN_FILENO) != 1) {
    complain("deleting needs --yes when nobody can be asked");
    return kExitUsage;
  }
  return on_loop(options.target, [&](Connected with) { return work(with, options); });
}

}  // namespace quarterdeck::app
