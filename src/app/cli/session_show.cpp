#include <unistd.h>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/transcript.hpp"
#include "wire/session.hpp"

namespace quarterdeck::app {
namespace {

Task<int> work(Connected with, SessionShowOptions options) {
  auto session = co_await with.client.session({options.session});
  if (!session) co_return give_up(session.error(), options.target);
  with.client.use_directory(session->directory);
  auto messages = co_await with.client.messages(session->id);
  if (!messages) co_return give_up(messages.error(), options.target);
  if (options.format == Format::json) {
    const std::string text =
        fmt::format("{{\"info\":{},\"messages\":{}}}\n", wire::encode_session(*session), wire::to_text(*messages));
    co_return write_all(STDOUT_FILENO, text) ? kExitOk : kExitFailed;
  }
  auto statuses = co_await with.client.statuses();
  if (!statuses) co_return give_up(statuses.error(), options.target);
  const wire::Json* status = wire::value_at(*statuses, session->id.value);
  const Style style = style_of(STDOUT_FILENO);
  const TimeMs now = system_clock().now_ms();
  const std::string text =
      transcript_head(*session, status == nullptr ? "idle" : wire::string_at(*status, "type", "idle"), style, now) +
      transcript(read_messages(*messages), style, session->directory, now);
  co_return write_all(STDOUT_FILENO, text) ? kExitOk : kExitFailed;
}

}  // namespace

int session_show(const SessionShowOptions& options) {
  return on_loop(options.target, [&](Connected with) { return work(with, options); });
}

}  // namespace quarterdeck::app
