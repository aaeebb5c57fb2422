// Search engines behind websearch: how each is asked and what its answer says. No I/O.
//
//   "quarterdeck": {"websearch": {"engine": "searxng", "url": "https://search.intern/search"}}
//   "quarterdeck": {"websearch": {"engine": "brave" | "tavily" | "exa", "key": "{env:BRAVE_API_KEY}"}}
//
// Sources: SearXNG's search API; Brave's Web Search API; Tavily's /search; Exa's /search.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "domain/json_text.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::tools {

struct SearchSettings {
  std::string engine;
  std::optional<std::string> url;  // another endpoint than the engine's own; needed for searxng
  std::optional<std::string> key;
};

// Nothing when the configuration names no engine. Errors: `invalid`, with the place.
Result<std::optional<SearchSettings>> search_settings(const domain::JsonText& settings);

struct SearchResult {
  std::string title;
  std::string url;
  std::string text;  // what the engine quotes of the page
};

net::ClientRequest search_request(const SearchSettings& settings, const std::string& query, int results_max);

// Errors: `unavailable`: not the JSON that the engine documents.
Result<std::vector<SearchResult>> search_results(const SearchSettings& settings, const std::string& body);

}  // namespace quarterdeck::tools
