#include <unistd.h>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"
#include "app/cli/table.hpp"
#include "app/cli/terminal.hpp"

namespace quarterdeck::app {
namespace {

std::string why(const wire::Json& entry) {
  std::string out = wire::string_at(entry, "policy");
  const wire::JsonArray* reasons = wire::array_at(entry, "reasons");
  if (!reasons || reasons->empty()) return out;
  out += out.empty() ? "" : ", but ";
  for (std::size_t i = 0; i < reasons->size(); ++i) out += (i ? "; " : "") + wire::string_at((*reasons)[i], "text");
  return out;
}

Task<int> collect(Connected with, CleanupOptions options) {
  wire::JsonObject body{{"dry_run", options.dry_run}};
  if (!options.session.empty()) body["session"] = options.session;
  Client::Call call{.method = "POST", .path = "/fleet/gc", .body = wire::to_text(body)};
  const auto report = co_await with.client.call(std::move(call));
  if (!report) co_return give_up(report.error(), options.target);
  if (options.format == Format::json) {
    co_return write_all(STDOUT_FILENO, wire::to_text(*report) + "\n") ? kExitOk : kExitFailed;
  }
  const wire::JsonArray* entries = wire::array_at(*report, "worktrees");
  if (!entries || entries->empty()) {
    complain("no session has a worktree of its own");
    co_return kExitOk;
  }
  Table table({"SESSION", "ACTION", "BRANCH", "WHY"});
  for (const auto& entry : *entries) {
    const std::string action = wire::string_at(entry, "action");
    table.add({{harmless(wire::string_at(entry, "session"))},
               {(options.dry_run && action != "keep" ? "would " : "") + harmless(action)},
               {harmless(wire::string_at(entry, "branch"))},
               {harmless(why(entry))}});
  }
  co_return write_all(STDOUT_FILENO, table.text(style_of(STDOUT_FILENO))) ? kExitOk : kExitFailed;
}

Task<int> undo(Connected with, CleanupOptions options) {
  Client::Call call{.method = "POST",
                    .path = "/fleet/gc/undo",
                    .body = wire::to_text(wire::JsonObject{{"session", options.session}})};
  const auto back = co_await with.client.call(std::move(call));
  if (!back) co_return give_up(back.error(), options.target);
  const std::string said = fmt::format("{} is back on branch {}\n", harmless(wire::string_at(*back, "directory")),
                                       harmless(wire::string_at(*back, "branch")));
  co_return write_all(STDOUT_FILENO, said) ? kExitOk : kExitFailed;
}

}  // namespace

int clean_up(const CleanupOptions& options) {
  return on_loop(options.target, [&](Connected with) {
    return options.action == CleanupOptions::Action::undo ? undo(with, options) : collect(with, options);
  });
}

}  // namespace quarterdeck::app
