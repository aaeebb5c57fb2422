// Checkpoints and commits of a session, what differs between two, reviews, rollback (docs/worktrees.md).
#include <charconv>

#include "api/fleet/once.hpp"
#include "api/fleet/routes.hpp"
#include "api/idempotency.hpp"
#include "fleet/fleet.hpp"
#include "fleet/work.hpp"
#include "wire/codec.hpp"
#include "wire/fleet.hpp"

namespace quarterdeck::api::fleet {

using quarterdeck::fleet::Comparison;
using workspace::Checkpoint;

namespace {

constexpr int kLimit = 100;
constexpr int kLimitMax = 1'000;

struct RollbackBody {
  std::string to;
};
template <class Io>
void describe(Io& io, RollbackBody& body) {
  io.field("to", body.to);
}

struct ForkBody {
  quarterdeck::fleet::ForkAt at;
};
void describe(wire::Reader& io, ForkBody& body) {
  io.field("checkpoint", body.at.checkpoint);
  io.field("text", body.at.text);
  io.field("title", body.at.title);
  io.field_or("branch", body.at.branch, {});
  std::optional<std::string> priority;
  io.field("priority", priority);
  if (!priority || io.problem().found()) return;
  body.at.priority = wire::priority_named(*priority);
  if (!body.at.priority) io.problem().custom("Expected P0, P1, P2 or P3", wire::Path{&io.path(), "priority"});
}

std::string commit_json(const Checkpoint& each) {
  std::string more;
  if (!each.message.empty()) more += ",\"message\":" + wire::quoted(each.message);
  if (!each.head.empty()) more += ",\"head\":" + wire::quoted(each.head);
  if (each.kind == "commit") more += ",\"author\":" + wire::quoted(each.author);
  return fmt::format(
      R"({{"id":{},"parent":{},"kind":{},"created_at":{},"title":{},"files":{},"additions":{},"deletions":{}{}}})",
      wire::quoted(each.id), wire::quoted(each.parent), wire::quoted(each.kind), each.at, wire::quoted(each.title),
      each.files, each.additions, each.deletions, more);
}

std::string list_json(const std::vector<Checkpoint>& list) {
  std::string out = "[";
  for (const Checkpoint& each : list) out += (out.size() > 1 ? "," : "") + commit_json(each);
  return out + ']';
}

std::string strings_json(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const std::string& each : list) {
    if (out.size() > 1) out += ',';
    wire::append_quoted(out, each);
  }
  return out + ']';
}

std::string worktree_json(const workspace::SessionWorktree& record) {
  std::string state;
  for (const auto& [value, name] : enum_names(record.state)) {
    if (value == record.state) state = name;
  }
  std::string more;
  if (record.setup_problem) more += ",\"setup_problem\":" + wire::quoted(*record.setup_problem);
  return fmt::format(
      R"({{"state":"{}","directory":{},"branch":{},"base":{},"main":{},"port_first":{},"port_count":{},"created_at":{}{}}})",
      state, wire::quoted(record.directory), wire::quoted(record.branch), wire::quoted(record.base),
      wire::quoted(record.main), record.port_first, record.port_count, record.created, more);
}

struct CommitRoutes {
  Services& services;

  Task<net::Response> list(Call call) const {
    const SessionId id{call.param("sessionID")};
    int limit = kLimit;
    if (const auto given = call.request.query_value("limit")) {
      const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), limit);
      if (error != std::errc() || end != given->data() + given->size() || limit < 1 || limit > kLimitMax) {
        co_return bad_request(fmt::format("Expected a number from 1 to {}\n  at [\"limit\"]", kLimitMax), Where::query);
      }
    }
    const auto work = co_await quarterdeck::fleet::work_of(services.engine, id, limit);
    if (!work) co_return error_response(work.error());
    co_return json(fmt::format(R"({{"branch":{},"base":{},"checkpoints":{},"commits":{}}})", wire::quoted(work->branch),
                               wire::quoted(work->base), list_json(work->checkpoints), list_json(work->commits)));
  }

  Task<net::Response> compare(Call call) const {
    const SessionId id{call.param("sessionID")};
    const std::string range = call.param("range");
    const auto dots = range.find("..");
    if (dots == range.npos || dots == 0 || dots + 2 == range.size()) {
      co_return bad_request("Expected two commits: a..b\n  at [\"range\"]", Where::params);
    }
    const auto patch = query_bool(call.request, "patch");
    if (!patch) co_return error_response(patch.error(), Where::query);
    const auto found = co_await quarterdeck::fleet::compare(services.engine, id, range.substr(0, dots),
                                                            range.substr(dots + 2), patch->value_or(true));
    if (!found) co_return error_response(found.error());
    std::string files = "[";
    std::int64_t additions = 0, deletions = 0;
    for (const auto& file : found->files) {
      additions += file.additions;
      deletions += file.deletions;
      files +=
          fmt::format(R"({}{{"file":{},"status":"{}","additions":{},"deletions":{}}})", files.size() > 1 ? "," : "",
                      wire::quoted(file.file), file.status, file.additions, file.deletions);
    }
    co_return json(
        fmt::format(R"({{"from":{},"to":{},"files":{}],"additions":{},"deletions":{},"patch":{},"truncated":{}}})",
                    wire::quoted(found->from), wire::quoted(found->to), files, additions, deletions,
                    wire::quoted(found->patch), found->truncated));
  }

  Task<net::Response> review(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto given = quarterdeck::fleet::decode_review(call.request.body);
    if (!given) co_return error_response(given.error());
    if (const auto known = services.engine.query.session(id); !known) co_return error_response(known.error());
    auto key = idempotency_key(call.request, id.value);
    if (!key) co_return error_response(key.error());
    const auto admitted = co_await quarterdeck::fleet::review(*services.fleet, id, std::move(*given), std::move(*key));
    if (!admitted) co_return error_response(admitted.error());
    co_return json(
        fmt::format(R"({{"sessionID":{},"messageID":{}}})", wire::quoted(id.value), wire::quoted(admitted->value)));
  }

  Task<net::Response> reviews(Call call) const {
    const auto found = co_await quarterdeck::fleet::reviews(services.engine, SessionId{call.param("sessionID")});
    if (!found) co_return error_response(found.error());
    std::string out = "[";
    for (const std::string& each : *found) out += (out.size() > 1 ? "," : "") + each;
    co_return json(out + ']');
  }

  Task<net::Response> rollback(Call call) const {
    const auto act = [this](Call sent) { return roll_back_now(std::move(sent)); };
    const SessionId id{call.param("sessionID")};
    return once(services, id, std::move(call), act);
  }

  Task<net::Response> roll_back_now(Call call) const {
    const SessionId id{call.param("sessionID")};
    const auto body = wire::decode_text<RollbackBody>(call.request.body);
    if (!body) co_return error_response(body.error());
    const auto done = co_await quarterdeck::fleet::roll_back(services.engine, services.host, id, body->to);
    if (!done) co_return error_response(done.error());
    co_return json(fmt::format(R"({{"undo":{},"left":{}}})", wire::quoted(done->undo), strings_json(done->left)));
  }

  Task<net::Response> fork(Call call) const {
    const auto act = [this](Call sent) { return fork_now(std::move(sent)); };
    const SessionId id{call.param("sessionID")};
    return once(services, id, std::move(call), act);
  }

  Task<net::Response> fork_now(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto body = wire::decode_text<ForkBody>(call.request.body);
    if (!body) co_return error_response(body.error());
    const auto forked = co_await services.fleet->fork(id, std::move(body->at));
    if (!forked) co_return error_response(forked.error());
    co_return json(
        fmt::format(R"({{"sessionID":{},"directory":{},"branch":{}{}}})", wire::quoted(forked->session.value),
                    wire::quoted(forked->directory), wire::quoted(forked->branch),
                    forked->prompt ? fmt::format(R"(,"messageID":{})", wire::quoted(forked->prompt->value)) : ""));
  }

  Task<net::Response> worktree(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (const auto known = services.engine.query.session(id); !known) co_return error_response(known.error());
    auto read = [places = services.engine.places, id] { return workspace::record_of(places, id); };
    const auto record = co_await blocking(services.engine.loop, services.engine.pool, read);
    if (!record) co_return not_found("The session has no worktree of its own: " + id.value);
    co_return json(worktree_json(*record));
  }
};

}  // namespace

std::vector<Route> commit_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (CommitRoutes::*handler)(Call) const) {
    return [routes = CommitRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = CommitRoutes;
  return {
      {"GET",
       "/fleet/session/:sessionID/commits",
       "fleet.session.commits",
       "Checkpoints of the steps that changed files, and the branch's own commits",
       bind(&R::list),
       "FleetCommits",
       "",
       {{"limit", "At most so many of each, 1 to 1000; 100 by default"}}},
      {"GET",
       "/fleet/session/:sessionID/commits/:range",
       "fleet.session.compare",
       "What differs between two of them: a..b, also base, start, head and now",
       bind(&R::compare),
       "FleetComparison",
       "",
       {{"patch", "false: without the patch"}}},
      {"GET", "/fleet/session/:sessionID/review", "fleet.session.reviews", "The reviews that the session was given",
       bind(&R::reviews), "ObjectList"},
      {"POST", "/fleet/session/:sessionID/review", "fleet.session.review",
       "Comments on lines, accepted or to be reworked; the session sees them on its next turn", bind(&R::review),
       "FleetReviewed", "FleetReview"},
      {"POST", "/fleet/session/:sessionID/rollback", "fleet.session.rollback",
       "Take the files back to a checkpoint, byte for byte; the answer names the one that undoes it",
       bind(&R::rollback), "FleetRolledBack", "FleetRollback"},
      {"POST", "/fleet/session/:sessionID/fork", "fleet.session.fork",
       "A session in a worktree of its own that begins with the files and the conversation of a checkpoint",
       bind(&R::fork), "FleetForked", "FleetFork"},
      {"GET", "/fleet/session/:sessionID/worktree", "fleet.session.worktree",
       "The session's own worktree: directory, branch, ports", bind(&R::worktree), "Object"},
  };
}

}  // namespace quarterdeck::api::fleet
