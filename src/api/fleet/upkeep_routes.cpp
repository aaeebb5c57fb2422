// What cleaning up would do and does, and the way back (docs/worktrees.md).
#include "api/fleet/routes.hpp"
#include "fleet/fleet.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::api::fleet {

using quarterdeck::fleet::Collected;
using quarterdeck::fleet::CollectOptions;
using quarterdeck::fleet::CollectReport;

namespace {

struct CollectBody {
  std::optional<bool> dry_run;
  std::optional<SessionId> session;
};
template <class Io>
void describe(Io& io, CollectBody& body) {
  io.field("dry_run", body.dry_run);
  io.field("session", body.session);
}

struct UndoBody {
  SessionId session;
};
template <class Io>
void describe(Io& io, UndoBody& body) {
  io.field("session", body.session);
}

struct OpenBody {
  std::optional<std::string> directory;
  std::optional<SessionId> session;
  std::optional<std::string> title;
  std::optional<std::string> branch;
  std::optional<std::string> base;
};
template <class Io>
void describe(Io& io, OpenBody& body) {
  io.field("directory", body.directory);
  io.field("session", body.session);
  io.field("title", body.title);
  io.field("branch", body.branch);
  io.field("base", body.base);
}

std::string entry_json(const Collected& entry) {
  std::string reasons;
  for (const auto& reason : entry.reasons) {
    reasons += fmt::format(R"({}{{"code":"{}","text":{}}})", reasons.empty() ? "" : ",", reason.code,
                           wire::quoted(reason.text));
  }
  const std::string undo = entry.undo_until ? fmt::format(R"(,"undo_until":{})", *entry.undo_until) : "";
  return fmt::format(
      R"({{"session":{},"title":{},"directory":{},"branch":{},"action":"{}","policy":"{}","reasons":[{}]{}}})",
      wire::quoted(entry.session.value), wire::quoted(entry.title), wire::quoted(entry.directory),
      wire::quoted(entry.branch), entry.action, entry.policy, reasons, undo);
}

std::string report_json(const CollectReport& report, bool dry_run) {
  std::string entries;
  for (const Collected& entry : report.entries) entries += (entries.empty() ? "" : ",") + entry_json(entry);
  return fmt::format(R"({{"dry_run":{},"worktrees":[{}],"bytes":{},"quota_bytes":{}}})", dry_run, entries, report.bytes,
                     report.quota_bytes);
}

struct UpkeepRoutes {
  Services& services;

  Task<net::Response> collect(CollectOptions options) const {
    const bool dry_run = options.dry_run;
    const auto report = co_await services.fleet->upkeep().collect(std::move(options));
    if (!report) co_return error_response(report.error());
    co_return json(report_json(*report, dry_run));
  }
  Task<net::Response> open(Call call) const {
    const auto body = wire::decode_text<OpenBody>(call.request.body.empty() ? "{}" : call.request.body);
    if (!body) co_return error_response(body.error());
    std::filesystem::path directory = requested_directory(call.request, services.directory);
    if (body->directory) directory = *body->directory;
    if (!directory.is_absolute())
      co_return bad_request("Expected an absolute path\n  at [\"directory\"]", Where::payload);
    workspace::WorktreeWish wish{.session = {},
                                 .project = directory,
                                 .title = body->title.value_or(""),
                                 .branch = body->branch.value_or(""),
                                 .base = body->base.value_or("")};
    domain::CreateSession create{.id = body->session, .title = body->title};
    const auto opened = co_await services.fleet->upkeep().open_session(std::move(wish), std::move(create));
    if (!opened) co_return error_response(opened.error());
    const auto& problem = opened->worktree.setup_problem;
    co_return json(fmt::format(R"({{"sessionID":{},"directory":{},"branch":{},"base":{},"setup_problem":{}}})",
                               wire::quoted(opened->session.id.value), wire::quoted(opened->worktree.directory),
                               wire::quoted(opened->worktree.branch), wire::quoted(opened->worktree.base),
                               problem ? wire::quoted(*problem) : "null"));
  }
  Task<net::Response> preview(Call) const {
    CollectOptions options{.dry_run = true};
    co_return co_await collect(std::move(options));
  }
  Task<net::Response> run(Call call) const {
    CollectBody body;
    if (!call.request.body.empty()) {
      const auto given = wire::decode_text<CollectBody>(call.request.body);
      if (!given) co_return error_response(given.error());
      body = *given;
    }
    CollectOptions options{.dry_run = body.dry_run.value_or(false), .session = body.session};
    co_return co_await collect(std::move(options));
  }
  Task<net::Response> undo(Call call) const {
    const auto body = wire::decode_text<UndoBody>(call.request.body);
    if (!body) co_return error_response(body.error());
    const auto back = co_await services.fleet->upkeep().undo(body->session);
    if (!back) co_return error_response(back.error());
    co_return json(fmt::format(R"({{"session":{},"directory":{},"branch":{}}})", wire::quoted(back->session.value),
                               wire::quoted(back->directory), wire::quoted(back->branch)));
  }
};

}  // namespace

std::vector<Route> upkeep_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (UpkeepRoutes::*handler)(Call) const) {
    return [routes = UpkeepRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = UpkeepRoutes;
  return {
      {"POST", "/fleet/worktree", "fleet.worktree.open", "A session in a worktree of its own, on a new branch",
       bind(&R::open), "FleetWorktreeOpened", "FleetWorktreeInput"},
      {"GET", "/fleet/gc", "fleet.gc.preview", "The sessions' worktrees, and what cleaning up would do with each",
       bind(&R::preview), "FleetCleanup"},
      {"POST", "/fleet/gc", "fleet.gc.run",
       "Clean up what the policies name, or one session's worktree; nothing that could be lost", bind(&R::run),
       "FleetCleanup", "FleetCleanupInput"},
      {"POST", "/fleet/gc/undo", "fleet.gc.undo", "Bring a session and its worktree back", bind(&R::undo), "Object",
       "Object"},
  };
}

}  // namespace quarterdeck::api::fleet
