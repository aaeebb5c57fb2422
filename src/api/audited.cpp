#include "api/audited.hpp"

#include <algorithm>
#include <array>

#include "access/access.hpp"
#include "access/audit.hpp"
#include "api/opencode/routes.hpp"
#include "base/log.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api {
namespace {

constexpr std::size_t kJsonBytesMax = 4'096;  // of what was asked, of what was before, and after

// Where the state that an operation changes is read: the same parameters, another route.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kReadBy{{
    {"session.update", "session.get"},
    {"session.delete", "session.get"},
    {"fleet.session.change", "fleet.session.get"},
    {"fleet.session.close", "fleet.session.get"},
    {"fleet.session.reopen", "fleet.session.get"},
    {"fleet.session.archive", "fleet.session.get"},
    {"fleet.budget.set", "fleet.budget"},
    {"fleet.schedules.replace", "fleet.schedules.get"},
    {"fleet.schedules.remove", "fleet.schedules.get"},
    {"fleet.trust.add", "fleet.trust.list"},
    {"fleet.trust.remove", "fleet.trust.list"},
    {"fleet.token.create", "fleet.token.list"},
    {"fleet.token.revoke", "fleet.token.list"},
}};
// What changes with everything.
constexpr std::string_view kVolatile[] = {"time", "updated", "seq", "cursor", "attention"};

// Operations whose bodies hold keys, or a person's words: of these only the names of the members are kept.
bool keeps_body(const Route& route) {
  constexpr std::string_view kSecret[] = {
      "auth.",      "config.",       "global.config",        "mcp.", "provider.", "v2.cred", "v2.inte",
      "fleet.sign", "fleet.webhook", "fleet.session.import", "tui."};
  const bool secret = std::ranges::any_of(kSecret, [&](auto start) { return route.operation.starts_with(start); });
  if (secret) return false;
  if (route.need.level >= Level::decide) return true;
  constexpr std::string_view kPlain[] = {"session.update", "session.create", "fleet.session.change",
                                         "fleet.request.answer", "permission.reply"};
  return std::ranges::find(kPlain, route.operation) != std::end(kPlain);
}

std::string_view text_of(const net::Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
  const auto* bytes = std::get_if<net::Bytes>(&response.body);
  return bytes && *bytes ? std::string_view(**bytes) : std::string_view{};
}

std::string bounded(const wire::Json& value) {
  std::string text = wire::to_text(value);
  return text.size() > kJsonBytesMax ? fmt::format(R"({{"bytes":{}}})", text.size()) : text;
}

std::string asked_of(const Route& route, const std::string& body) {
  if (body.empty()) return {};
  const auto json = wire::parse(body);
  if (!json) return fmt::format(R"({{"bytes":{}}})", body.size());
  if (keeps_body(route)) return bounded(*json);
  if (!json->is_object()) return {};
  wire::JsonArray names;
  for (const auto& member : json->get_object()) names.emplace_back(member.key());
  return bounded(wire::JsonObject{{"members", std::move(names)}});
}

// Keeps of both what is not the same.
void keep_changes(wire::JsonObject& before, wire::JsonObject& after) {
  for (const std::string_view name : kVolatile) {
    before.erase(name);
    after.erase(name);
  }
  std::vector<std::string> same;
  for (const auto& member : before) {
    const auto* other = after.if_contains(member.key());
    if (other && *other == member.value()) same.emplace_back(member.key());
  }
  for (const std::string& name : same) {
    before.erase(name);
    after.erase(name);
  }
  // Lists of things: what went, and what came.
  for (auto& member : before) {
    auto* other = after.if_contains(member.key());
    if (!other || !other->is_array() || !member.value().is_array()) continue;
    auto& was = member.value().get_array();
    auto& is = other->get_array();
    wire::JsonArray gone, came;
    for (const auto& one : was) {
      if (std::ranges::find(is, one) == is.end()) gone.push_back(one);
    }
    for (const auto& one : is) {
      if (std::ranges::find(was, one) == was.end()) came.push_back(one);
    }
    was = std::move(gone);
    is = std::move(came);
  }
}

void put_changes(const std::string& before, const std::string& after, access::Deed& deed) {
  const auto was = wire::parse(before.empty() ? "{}" : before), is = wire::parse(after.empty() ? "{}" : after);
  if (!was || !is || !was->is_object() || !is->is_object()) return;
  wire::JsonObject old = was->get_object(), now = is->get_object();
  keep_changes(old, now);
  if (!old.empty()) deed.before = bounded(old);
  if (!now.empty()) deed.after = bounded(now);
}

}  // namespace

// What is said to a session is stored as a message of it.
static bool says(const Route& route) {
  constexpr std::array<std::string_view, 4> kSaying{"session.prompt", "session.prompt_async", "v2.session.prompt",
                                                    "fleet.session.message"};
  return std::ranges::find(kSaying, route.operation) != kSaying.end();
}

bool is_audited(const Route& route) {
  // A terminal is opened by GET; what programs log about themselves is no deed.
  if (route.operation == "pty.connect" || route.operation == "v2.pty.connect") return true;
  if (route.method == "GET" || route.operation == "app.log" || route.operation == "fleet.ticket") return false;
  return route.need.level > Level::read || route.operation == "fleet.sign_in" || route.operation == "fleet.sign_out";
}

Task<std::string> Audited::state_of(const Router& router, const Route& route, const Call& call) const {
  const auto read_by =
      std::ranges::find(kReadBy, route.operation, &std::pair<std::string_view, std::string_view>::first);
  if (read_by == kReadBy.end()) co_return std::string();
  const auto reader = std::ranges::find(router.routes(), read_by->second, &Route::operation);
  if (reader == router.routes().end()) co_return std::string();
  net::Request request{.method = "GET", .query = call.request.query};
  for (const net::Header& header : call.request.headers) {
    if (header.name == "x-opencode-directory") request.headers.push_back(header);
  }
  Call read{.request = std::move(request), .params = call.params, .who = call.who};
  const net::Response response = co_await reader->handler(std::move(read));
  co_return response.status == 200 ? std::string(text_of(response)) : std::string();
}

Task<net::Response> Audited::call(const Router& router, const Route& route, Call call) {
  // Where nobody has to say who they are, there is no more to tell of it.
  if (call.who->credential == "none" && says(route)) co_return co_await router.admitted(route, std::move(call));
  access::Deed deed{.at = services_.engine.clock.now_ms(),
                    .who = call.who->name,
                    .role = std::string(access::name(call.who->role)),
                    .credential = call.who->credential,
                    .peer = call.request.peer,
                    .operation = std::string(route.operation),
                    .route = call.request.method + " " + call.request.path,
                    .asked = asked_of(route, call.request.body)};
  for (const auto& [name, value] : call.params) {
    if (name == "sessionID") deed.session = value;
  }
  const bool may = allows(route.need.level, *call.who);
  std::string before;
  // The call goes on its way below.
  const Call asked{.request = {.query = call.request.query, .headers = call.request.headers},
                   .params = call.params,
                   .who = call.who};
  if (may) before = co_await state_of(router, route, asked);
  net::Response response = co_await router.admitted(route, std::move(call));
  deed.status = response.status;
  if (response.status < 300) {
    std::string after;
    if (may) after = co_await state_of(router, route, asked);
    put_changes(before, after, deed);
    if (route.need.reach == Reach::opens) {
      const auto answer = wire::parse(text_of(response));
      for (const char* name : {"sessionID", "id"}) {
        const std::string id = answer ? wire::string_at(*answer, name) : std::string();
        if (!id.empty()) {
          deed.session = id;
          break;
        }
      }
    }
  }
  const Places places = services_.engine.places;
  auto write = [places, deed = std::move(deed)] { return access::record(places, deed); };
  const auto written = co_await blocking(services_.engine.loop, services_.engine.pool, write);
  if (!written && !std::exchange(complained_, true)) log::error("the audit is not kept: {}", written.error().message);
  co_return response;
}

}  // namespace quarterdeck::api
