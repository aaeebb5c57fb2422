// webfetch: a page of the web as Markdown, text or HTML; pictures as attachments.
#pragma once

#include <memory>

#include "net/http_client.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_webfetch(net::HttpClient& http);

}  // namespace quarterdeck::tools
