// One HTTP call on its way through a route: the request, what the pattern matched, and the answers in OpenCode's shapes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "access/principal.hpp"
#include "base/result.hpp"
#include "net/http.hpp"

namespace quarterdeck::api {

struct Call {
  net::Request request;
  std::vector<std::pair<std::string_view, std::string>> params;  // ":sessionID" -> value
  access::Who who;  // who calls; never null behind the router

  const std::string& param(std::string_view name) const;
};

// Which part of a request an error is about; OpenCode's clients see it as "kind".
enum class Where { payload, params, query, body };

net::Response json(std::string body, int status = 200);
net::Response json(net::Bytes body, int status = 200);
net::Response no_content();

// {"name":"BadRequest","data":{"message","kind"}}, 400
net::Response bad_request(std::string_view message, Where where);
// {"name":"NotFoundError","data":{"message"}}, 404
net::Response not_found(std::string_view message);
// {"name":"UnknownError","data":{"message","ref"}}, 500: details go to the log under the same reference.
net::Response internal_error(std::string_view details);
// {"_tag":tag, …members}; `members` is JSON text without braces, may be empty.
net::Response tagged(int status, std::string_view tag, std::string_view members = {});
// The error by its code: not_found 404, invalid 400, conflict 409, denied 403, too_large 413, unavailable 503 …
net::Response error_response(const Error& error, Where where = Where::payload);

// The directory a request is about: ?directory= wins over x-opencode-directory, both percent-encoded once more by
// clients (the v2 API calls the query location[directory]); relative paths start at the server's own directory, and without either it is that one.
std::filesystem::path requested_directory(const net::Request& request, const std::filesystem::path& fallback);

// OpenCode's own command line (run, TUI), which has habits that others do not have.
bool is_opencode_cli(const net::Request& request);

// Query parameters with OpenCode's leniency and errors.
Result<std::optional<bool>> query_bool(const net::Request& request, std::string_view name);
std::optional<std::int64_t> query_number(const net::Request& request, std::string_view name);

}  // namespace quarterdeck::api
