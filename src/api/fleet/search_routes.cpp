// GET /fleet/search: full text over all sessions.
#include <algorithm>
#include <charconv>

#include "api/fleet/routes.hpp"
#include "fleet/search.hpp"
#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

using quarterdeck::fleet::SearchAsked;
using quarterdeck::fleet::SearchFound;

constexpr std::int64_t kLimitMax = 100;
constexpr std::string_view kKinds[] = {"title", "prompt", "answer", "tool", "commit"};

Result<std::optional<std::int64_t>> number_in(const net::Request& request, std::string_view name, std::int64_t most) {
  const auto given = request.query_value(name);
  if (!given) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), number);
  if (error != std::errc() || end != given->data() + given->size() || number < 0 || number > most)
    return fail(ErrorCode::invalid, "Expected a number from 0 to {}\n  at [\"{}\"]", most, name);
  return number;
}

template <class E>
Result<std::optional<E>> name_in(const net::Request& request, std::string_view name,
                                 std::optional<E> (*named)(std::string_view)) {
  const auto given = request.query_value(name);
  if (!given) return std::nullopt;
  const auto found = named(*given);
  if (!found) return fail(ErrorCode::invalid, "Unknown value {}\n  at [\"{}\"]", wire::quoted(*given), name);
  return found;
}

Result<std::vector<std::string>> kinds_in(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    const std::string_view kind = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    if (std::ranges::find(kKinds, kind) == std::end(kKinds))
      return fail(ErrorCode::invalid, "Expected title, prompt, answer, tool or commit, got {}\n  at [\"kind\"]",
                  wire::quoted(kind));
    out.emplace_back(kind);
  }
  return out;
}

Result<SearchAsked> read(const net::Request& request) {
  SearchAsked asked;
  asked.query.words = request.query_value("q").value_or("");
  TRY(asked.query.kinds, kinds_in(request.query_value("kind").value_or("")));
  if (const auto session = request.query_value("session")) asked.query.session = SessionId{std::string(*session)};
  if (const auto project = request.query_value("project")) asked.query.project_id = *project;
  TRY(asked.query.since, number_in(request, "since", INT64_MAX));
  TRY(asked.query.until, number_in(request, "until", INT64_MAX));
  TRY(const auto limit, number_in(request, "limit", kLimitMax));
  if (limit == 0) return fail(ErrorCode::invalid, "Expected a number from 1 to {}\n  at [\"limit\"]", kLimitMax);
  asked.query.limit = limit.value_or(20);
  const std::string order(request.query_value("order").value_or("best"));
  if (order != "best" && order != "newest")
    return fail(ErrorCode::invalid, "Expected best or newest\n  at [\"order\"]");
  asked.query.newest_first = order == "newest";
  TRY(asked.group, name_in(request, "group", &wire::group_named));
  TRY(asked.state, name_in(request, "state", &wire::state_named));
  TRY(asked.priority, name_in(request, "priority", &wire::priority_named));
  asked.cursor = request.query_value("cursor").value_or("");
  return asked;
}

std::string hit_json(const SearchFound::Hit& found) {
  const store::SearchHit& hit = found.hit;
  std::string matches;
  for (const auto& [begin, length] : hit.matches) {
    if (!matches.empty()) matches += ',';
    matches += fmt::format("[{},{}]", begin, length);
  }
  const auto optional = [](std::string_view name, const std::string& value) {
    return value.empty() ? std::string() : fmt::format(",\"{}\":{}", name, wire::quoted(value));
  };
  return fmt::format(
      R"({{"sessionID":{},"headID":{},"title":{},"projectID":{},"directory":{},"priority":"{}","group":"{}","state":"{}","kind":"{}"{}{}{},"time":{},"snippet":{},"matches":[{}]}})",
      wire::quoted(hit.session.value), wire::quoted(found.head.value), wire::quoted(found.title),
      wire::quoted(found.row.project_id), wire::quoted(found.row.directory),
      wire::priority_name(found.row.standing.priority), wire::group_name(found.row.attention.group),
      wire::state_name(found.row.attention.state), hit.kind, optional("messageID", hit.message),
      optional("partID", hit.part), optional("tool", hit.tool), hit.time, wire::quoted(hit.snippet), matches);
}

Task<net::Response> search(Services& services, Call call) {
  if (!services.search) co_return not_found("This server has no search");
  auto asked = read(call.request);
  if (!asked) co_return error_response(asked.error(), Where::query);
  const auto found = co_await services.search->find(std::move(*asked));
  if (!found) co_return error_response(found.error(), Where::query);
  std::string hits;
  for (const auto& hit : found->hits) {
    if (!hits.empty()) hits += ',';
    hits += hit_json(hit);
  }
  co_return json(fmt::format(R"({{"hits":[{}],"behind":{}{}}})", hits, found->behind,
                             found->next.empty() ? "" : ",\"next\":" + wire::quoted(found->next)));
}

}  // namespace

std::vector<Route> search_routes(Services& services) {
  const auto handler = [&services](Call call) { return search(services, std::move(call)); };
  return {{"GET",
           "/fleet/search",
           "fleet.search",
           "Full text over titles, prompts, answers, tool calls with their output, and commits",
           handler,
           "Object",
           "",
           {{"q", "Words; \"a phrase\", begin*, -without"},
            {"kind", "title, prompt, answer, tool, commit, with commas between"},
            {"session", "Only in this session"},
            {"project", "Id of the project"},
            {"since", "Not older, ms"},
            {"until", "Older than this, ms"},
            {"group", "Only of sessions in this group now"},
            {"state", "Only of sessions in this state now"},
            {"priority", "P0 to P3"},
            {"order", "best (default) or newest"},
            {"cursor", "`next` of the page before"},
            {"limit", "1 to 100; 20 by default"}}}};
}

}  // namespace quarterdeck::api::fleet
