// websearch: a list of pages for a question, from the search engine that the configuration names (engine.hpp). Without
// one, models are not told of this tool.
#pragma once

#include <memory>

#include "net/http_client.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_websearch(net::HttpClient& http);

}  // namespace quarterdeck::tools
