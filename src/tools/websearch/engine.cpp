#include "tools/websearch/engine.hpp"

#include <array>

#include "base/encoding.hpp"
#include "wire/codec.hpp"
#include "wire/json.hpp"

namespace quarterdeck::tools {
template <class Io>
void describe(Io& io, SearchSettings& settings) {
  io.field("engine", settings.engine);
  io.field("url", settings.url);
  io.field("key", settings.key);
}

namespace {

struct Settings {
  std::optional<SearchSettings> websearch;
};
template <class Io>
void describe(Io& io, Settings& settings) {
  io.field("websearch", settings.websearch);
}

struct Engine {
  std::string_view name;
  std::string_view url;
  std::string_view results;  // where the list is: "a.b"
  std::string_view text;     // the member that quotes the page
};
constexpr std::array<Engine, 4> kEngines{{
    {"brave", "https://api.search.brave.com/res/v1/web/search", "web.results", "description"},
    {"exa", "https://api.exa.ai/search", "results", "text"},
    {"searxng", "", "results", "content"},
    {"tavily", "https://api.tavily.com/search", "results", "content"},
}};

const Engine* engine_named(std::string_view name) {
  for (const Engine& engine : kEngines) {
    if (engine.name == name) return &engine;
  }
  return nullptr;
}

std::string text_of(const wire::Json& json, std::string_view member) {
  const wire::Json* value = wire::value_at(json, member);
  return value && value->is_string() ? std::string(std::string_view(value->get_string())) : "";
}

constexpr std::size_t kQuoteBytesMax = 2'000;

}  // namespace

Result<std::optional<SearchSettings>> search_settings(const domain::JsonText& settings) {
  const auto wrong = [](std::string_view what) {
    return fail(ErrorCode::invalid, "configuration, \"quarterdeck\".\"websearch\": {}", what);
  };
  auto decoded = wire::decode_text<Settings>(settings.text);
  if (!decoded) return wrong(decoded.error().message);
  if (!decoded->websearch) return std::nullopt;
  const SearchSettings& search = *decoded->websearch;
  if (!engine_named(search.engine)) {
    return wrong(fmt::format("\"engine\" is \"{}\"; expected brave, exa, searxng or tavily", search.engine));
  }
  if (search.engine == "searxng" && !search.url) return wrong("searxng needs \"url\", the address of its /search");
  if (search.engine != "searxng" && search.key.value_or("").empty()) {
    return wrong(fmt::format("{} needs \"key\"", search.engine));
  }
  return std::move(decoded->websearch);
}

net::ClientRequest search_request(const SearchSettings& settings, const std::string& query, int results_max) {
  net::ClientRequest request{.url = settings.url.value_or(std::string(engine_named(settings.engine)->url)),
                             .headers = {{"Accept", "application/json"}},
                             .total_timeout_ms = 30'000};
  const std::string key = settings.key.value_or("");
  if (settings.engine == "searxng" || settings.engine == "brave") {
    request.url += request.url.contains('?') ? '&' : '?';
    request.url += "q=" + percent_encode(query);
    if (settings.engine == "searxng") {
      request.url += "&format=json";
      if (!key.empty()) request.headers.push_back({"Authorization", "Bearer " + key});
    } else {
      request.url += fmt::format("&count={}", results_max);
      request.headers.push_back({"X-Subscription-Token", key});
    }
    return request;
  }
  request.method = "POST";
  request.headers.push_back({"Content-Type", "application/json"});
  wire::JsonObject body;
  body["query"] = query;
  if (settings.engine == "tavily") {
    body["max_results"] = results_max;
    request.headers.push_back({"Authorization", "Bearer " + key});
  } else {
    body["numResults"] = results_max;
    body["contents"] = wire::JsonObject{{"text", wire::JsonObject{{"maxCharacters", kQuoteBytesMax}}}};
    request.headers.push_back({"x-api-key", key});
  }
  request.body = wire::to_json_text(body).text;
  return request;
}

Result<std::vector<SearchResult>> search_results(const SearchSettings& settings, const std::string& body) {
  const Engine& engine = *engine_named(settings.engine);
  const auto json = wire::parse(body);
  const wire::Json* list = json ? &*json : nullptr;
  for (std::string_view path = engine.results; list && !path.empty();) {
    const auto dot = std::min(path.find('.'), path.size());
    list = wire::value_at(*list, path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  // Brave leaves the list out when it found nothing.
  const bool nothing_found = json && json->is_object() && engine.name == "brave" && !list;
  if (nothing_found) return std::vector<SearchResult>();
  if (!list || !list->is_array()) {
    return fail(ErrorCode::unavailable, "the search engine's answer is not what {} documents", engine.name);
  }
  std::vector<SearchResult> results;
  for (const wire::Json& entry : list->get_array()) {
    SearchResult result{text_of(entry, "title"), text_of(entry, "url"), text_of(entry, engine.text)};
    if (result.url.empty()) continue;
    if (result.text.size() > kQuoteBytesMax)
      result.text = wire::valid_utf8(result.text.substr(0, kQuoteBytesMax)) + "…";
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace quarterdeck::tools
