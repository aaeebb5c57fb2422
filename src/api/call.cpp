#include "api/call.hpp"

#include <charconv>

#include "base/encoding.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api {
namespace {

std::string_view name_of(Where where) {
  switch (where) {
    case Where::payload: return "Payload";
    case Where::params: return "Params";
    case Where::query: return "Query";
    case Where::body: return "Body";
  }
  return "Payload";
}

net::Response named(int status, std::string_view name, std::string_view message) {
  return json(fmt::format(R"({{"name":{},"data":{{"message":{}}}}})", wire::quoted(name), wire::quoted(message)),
              status);
}

}  // namespace

const std::string& Call::param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  ASSERT(false, "the handler names a parameter that its pattern does not have");
  std::unreachable();
}

net::Response json(std::string body, int status) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

net::Response json(net::Bytes body, int status) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

net::Response no_content() { return {.status = 204}; }

net::Response bad_request(std::string_view message, Where where) {
  return json(fmt::format(R"({{"name":"BadRequest","data":{{"message":{},"kind":"{}"}}}})", wire::quoted(message),
                          name_of(where)),
              400);
}

net::Response not_found(std::string_view message) { return named(404, "NotFoundError", message); }

net::Response internal_error(std::string_view details) {
  const std::string reference = fmt::format("err_{:08x}", static_cast<std::uint32_t>(system_random().next()));
  log::error("{}: {}", reference, details);
  return json(fmt::format(R"({{"name":"UnknownError","data":{{"message":)"
                          R"("Unexpected server error. Check server logs for details.","ref":"{}"}}}})",
                          reference),
              500);
}

net::Response tagged(int status, std::string_view tag, std::string_view members) {
  return json(fmt::format(R"({{"_tag":"{}"{}{}}})", tag, members.empty() ? "" : ",", members), status);
}

net::Response error_response(const Error& error, Where where) {
  switch (error.code) {
    case ErrorCode::not_found: return not_found(error.message);
    case ErrorCode::invalid: return bad_request(error.message, where);
    case ErrorCode::conflict: return named(409, "ConflictError", error.message);
    case ErrorCode::denied: return named(403, "ForbiddenError", error.message);
    case ErrorCode::too_large: return named(413, "TooLargeError", error.message);
    case ErrorCode::unavailable: return named(503, "UnavailableError", error.message);
    case ErrorCode::no_space: return named(507, "InsufficientStorageError", error.message);
    case ErrorCode::cancelled: return named(503, "UnavailableError", error.message);
    case ErrorCode::internal: break;
  }
  return internal_error(error.message);
}

std::filesystem::path requested_directory(const net::Request& request, const std::filesystem::path& fallback) {
  std::string text;
  if (const auto query = request.query_value("directory"); query && !query->empty()) {
    text = percent_decode(*query);
  } else if (const auto located = request.query_value("location[directory]"); located && !located->empty()) {
    text = percent_decode(*located);
  } else if (const std::string* header = request.header("x-opencode-directory"); header && !header->empty()) {
    text = percent_decode(*header);
  }
  if (text.empty() || text.contains('\0')) return fallback;
  std::filesystem::path directory(text);
  if (directory.is_relative()) directory = fallback / directory;
  directory = directory.lexically_normal();
  if (!directory.has_filename() && directory.has_relative_path()) directory = directory.parent_path();
  return directory;
}

bool is_opencode_cli(const net::Request& request) {
  const std::string* agent = request.header("user-agent");
  return agent && agent->starts_with("opencode/");
}

Result<std::optional<bool>> query_bool(const net::Request& request, std::string_view name) {
  const auto value = request.query_value(name);
  if (!value) return std::nullopt;
  if (*value == "true") return true;
  if (*value == "false") return false;
  return fail(ErrorCode::invalid, "Expected \"true\" | \"false\", got {}\n  at [{}]", wire::quoted(*value),
              wire::quoted(name));
}

std::optional<std::int64_t> query_number(const net::Request& request, std::string_view name) {
  const auto value = request.query_value(name);
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc{} || end != value->data() + value->size()) return std::nullopt;
  return number;
}

}  // namespace quarterdeck::api
