#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"
#include "app/cli/table.hpp"

namespace quarterdeck::app {
namespace {

std::string status_of(const wire::Json& statuses, std::string_view session) {
  const wire::Json* status = wire::value_at(statuses, session);
  return status == nullptr ? "idle" : wire::string_at(*status, "type", "idle");
}

// What the server said about each session, with its status added.
std::string as_json(const wire::JsonArray& sessions, const wire::Json& statuses) {
  wire::JsonArray out;
  for (const auto& session : sessions) {
    const auto* members = session.if_object();
    if (members == nullptr) continue;
    wire::JsonObject copy = *members;
    copy["status"] = status_of(statuses, wire::string_at(session, "id"));
    out.push_back(std::move(copy));
  }
  return wire::to_text(out) + "\n";
}

std::string as_table(const wire::JsonArray& sessions, const wire::Json& statuses, const Style& style, TimeMs now) {
  Table table({"ID", "STATUS", "UPDATED", "COST", "TITLE", "DIRECTORY"});
  for (const auto& session : sessions) {
    const std::string id = wire::string_at(session, "id");
    const std::string status = status_of(statuses, id);
    const wire::Json* cost = wire::value_at(session, "cost");
    const wire::Json* time = wire::value_at(session, "time");
    const bool archived = time != nullptr && wire::int_at(*time, "archived") > 0;
    table.add(
        {{harmless(id)},
         {status == "idle" && archived ? "archived" : harmless(status), status == "idle" ? Paint::dim : Paint::green},
         {time != nullptr ? age(now, wire::int_at(*time, "updated")) : ""},
         {dollars(cost != nullptr && cost->is_number() ? cost->to_number<double>() : 0)},
         {wire::string_at(session, "title")},
         {wire::string_at(session, "directory"), Paint::dim}});
  }
  return table.text(style);
}

Task<int> work(Connected with, SessionListOptions options) {
  auto sessions = co_await with.client.sessions(options.limit);
  if (!sessions) co_return give_up(sessions.error(), options.target);
  auto statuses = co_await with.client.statuses();
  if (!statuses) co_return give_up(statuses.error(), options.target);
  const auto* list = sessions->if_array();
  if (list == nullptr) {
    complain(fmt::format("{} does not answer with a list of sessions", options.target.url));
    co_return kExitFailed;
  }
  std::string text;
  if (options.format == Format::json) {
    text = as_json(*list, *statuses);
  } else if (list->empty()) {
    complain(fmt::format("no sessions in {} (--dir names another directory)", options.target.directory));
  } else {
    text = as_table(*list, *statuses, style_of(STDOUT_FILENO), system_clock().now_ms());
  }
  co_return write_all(STDOUT_FILENO, text) ? kExitOk : kExitFailed;
}

}  // namespace

int session_list(const SessionListOptions& options) {
  return on_loop(options.target, [&](Connected with) { return work(with, options); });
}

}  // namespace quarterdeck::app
