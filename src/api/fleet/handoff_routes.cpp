// Work that is handed over, and what supervisors decide about the session it became.
#include "api/fleet/once.hpp"
#include "api/fleet/routes.hpp"
#include "api/idempotency.hpp"
#include "fleet/fleet.hpp"
#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

using quarterdeck::fleet::Close;

// Where the session works, and why there.
std::string place_json(const std::optional<workspace::SessionWorktree>& worktree, bool asked_in_place) {
  if (!worktree) {
    return fmt::format(R"("worktree":null,"in_place":"{}")",
                       asked_in_place ? "as asked" : "not a git repository with a commit");
  }
  return fmt::format(R"("worktree":{{"directory":{},"branch":{},"base":{},"setup_problem":{}}})",
                     wire::quoted(worktree->directory), wire::quoted(worktree->branch), wire::quoted(worktree->base),
                     worktree->setup_problem ? wire::quoted(*worktree->setup_problem) : "null");
}

struct HandoffRoutes {
  Services& services;

  net::Response shown(const SessionId& id) const {
    const auto row = services.fleet->row(id);
    return row ? json(wire::encode_roster_row(*row)) : error_response(row.error());
  }

  Task<net::Response> open(Call call) const {
    auto handoff = wire::decode_handoff(call.request.body);
    if (!handoff) co_return error_response(handoff.error());
    auto key = idempotency_key(call.request, "handoff");
    if (!key) co_return error_response(key.error());
    handoff->key = std::move(*key);
    // Whoever shows a credential of its own is known by it.
    if (!handoff->principal && (call.who->kind == access::Kind::agent || call.who->credential.starts_with("tok_"))) {
      handoff->principal = call.who->name;
    }
    // The owner is asked first: one that may not approve would only keep people waiting.
    const bool can_answer = call.who->approves || call.who->role >= access::Role::operator_;
    if (!handoff->owner && call.who->kind == access::Kind::agent && can_answer) handoff->owner = call.who->name;
    const bool asked_in_place = handoff->in_place;
    if (handoff->directory.empty()) {
      handoff->directory = requested_directory(call.request, services.directory).string();
    } else if (!handoff->directory.starts_with('/')) {
      co_return bad_request("Expected an absolute path\n  at [\"directory\"]", Where::payload);
    }
    const auto done = co_await services.fleet->hand_over(std::move(*handoff));
    if (!done) co_return error_response(done.error());
    const auto row = services.fleet->row(done->session);
    if (!row) co_return error_response(row.error());
    const auto worktree = co_await services.fleet->upkeep().worktrees().of(done->session);
    co_return json(fmt::format(R"({{"sessionID":{},"created":{},{},"session":{}}})", wire::quoted(done->session.value),
                               done->created, place_json(worktree, asked_in_place), wire::encode_roster_row(*row)));
  }

  // Which session an Idempotency-Key made, as long as the key is kept.
  Task<net::Response> find(Call call) const {
    const auto key = call.request.query_value("key");
    if (!key || key->empty()) co_return bad_request("Expected a key\n  at [\"key\"]", Where::query);
    const auto used = services.engine.query.used_key(fmt::format("handoff {}", *key));
    if (!used) co_return error_response(used.error());
    if (!*used) co_return not_found("No handoff had this key");
    co_return json(fmt::format(R"({{"sessionID":{}}})", wire::quoted((*used)->session.value)));
  }

  Task<net::Response> change(Call call) const {
    const SessionId id{call.param("sessionID")};
    return once(services, id, std::move(call), [this](Call sent) { return change_now(std::move(sent)); });
  }
  Task<net::Response> change_now(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto change = wire::decode_standing_change(call.request.body);
    if (!change) co_return error_response(change.error());
    const auto done = co_await services.fleet->change(id, std::move(*change));
    if (!done) co_return error_response(done.error());
    co_return shown(id);
  }

  Task<net::Response> nudge(Call call) const {
    const SessionId id{call.param("sessionID")};
    std::optional<std::string> text;
    if (!call.request.body.empty()) {
      const auto body = wire::parse(call.request.body);
      if (!body) co_return error_response(body.error());
      if (const auto said = wire::string_at(*body, "text"); !said.empty()) text = said;
    }
    auto key = idempotency_key(call.request, id.value);
    if (!key) co_return error_response(key.error());
    const auto message = co_await services.fleet->nudge(id, std::move(text), std::move(*key));
    if (!message) co_return error_response(message.error());
    co_return json(
        fmt::format(R"({{"sessionID":{},"messageID":{}}})", wire::quoted(id.value), wire::quoted(message->value)));
  }

  // {"stop": true}: also while it works.
  static Result<Close> how(const net::Request& request) {
    if (request.body.empty()) return Close::only_idle;
    TRY(const auto body, wire::parse(request.body));
    const auto* stop = wire::value_at(body, "stop");
    if (!stop) return Close::only_idle;
    if (!stop->is_bool()) return fail(ErrorCode::invalid, "Expected boolean\n  at [\"stop\"]");
    return stop->get_bool() ? Close::stop_work : Close::only_idle;
  }

  template <class Step>
  Task<net::Response> step(Call call, Step what) const {
    const SessionId id{call.param("sessionID")};
    const auto act = [this, what](Call sent) { return run_step(std::move(sent), what); };
    return once(services, id, std::move(call), act);
  }
  template <class Step>
  Task<net::Response> run_step(Call call, Step what) const {
    const SessionId id{call.param("sessionID")};
    const auto given = how(call.request);
    if (!given) co_return error_response(given.error());
    const auto done = co_await what(*services.fleet, id, *given);
    if (!done) co_return error_response(done.error());
    co_return shown(id);
  }

  Task<net::Response> close(Call call) const {
    return step(std::move(call), [](auto& fleet, SessionId id, Close given) { return fleet.close(id, given); });
  }
  Task<net::Response> archive(Call call) const {
    return step(std::move(call), [](auto& fleet, SessionId id, Close given) { return fleet.archive(id, given); });
  }
  Task<net::Response> reopen(Call call) const {
    return step(std::move(call), [](auto& fleet, SessionId id, Close) { return fleet.reopen(id); });
  }
  Task<net::Response> accept(Call call) const {
    return step(std::move(call), [](auto& fleet, SessionId id, Close) { return fleet.accept(id); });
  }
};

}  // namespace

std::vector<Route> handoff_routes(Services& services) {
  // The routes outlive their calls: a call may still run when its handler was copied.
  const auto routes = std::make_shared<HandoffRoutes>(services);
  const auto bind = [routes](Task<net::Response> (HandoffRoutes::*handler)(Call) const) {
    return [routes, handler](Call call) { return ((*routes).*handler)(std::move(call)); };
  };
  using R = HandoffRoutes;
  return {
      {"POST", "/fleet/handoff", "fleet.handoff",
       "Hand work over: one session, however often it is sent (Idempotency-Key, or the refs)", bind(&R::open),
       "FleetHandedOver", "FleetHandoff"},
      {"GET",
       "/fleet/handoff",
       "fleet.handoff.find",
       "Which session the handoff with this Idempotency-Key became",
       bind(&R::find),
       "Object",
       "",
       {{"key", "The key, as long as it is kept (24 hours)"}}},
      {"PATCH", "/fleet/session/:sessionID", "fleet.session.change",
       "Change title, agent, model, priority, labels, owner or budget", bind(&R::change), "FleetSession",
       "FleetSessionChange"},
      {"POST", "/fleet/session/:sessionID/nudge", "fleet.session.nudge",
       "Ask a session that makes no progress to go on", bind(&R::nudge), "FleetNudged", "FleetNudge"},
      {"POST", "/fleet/session/:sessionID/accept", "fleet.session.accept",
       "Say that the result, or the failure, was seen", bind(&R::accept), "FleetSession", "Object"},
      {"POST", "/fleet/session/:sessionID/close", "fleet.session.close",
       "Say that the session is done: it needs nobody any more", bind(&R::close), "FleetSession", "FleetClose"},
      {"POST", "/fleet/session/:sessionID/reopen", "fleet.session.reopen", "Take back close or archive",
       bind(&R::reopen), "FleetSession", "Object"},
      {"POST", "/fleet/session/:sessionID/archive", "fleet.session.archive", "Close it and take it out of the lists",
       bind(&R::archive), "FleetSession", "FleetClose"},
  };
}

}  // namespace quarterdeck::api::fleet
