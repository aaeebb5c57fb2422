#include "api/mcp/revision.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace quarterdeck::api::mcp {
namespace {

constexpr std::string_view kVersion = "io.modelcontextprotocol/protocolVersion";
constexpr std::string_view kCapabilities = "io.modelcontextprotocol/clientCapabilities";

const wire::JsonObject* meta_of(const Message& message) {
  const wire::Json* meta = message.params.if_contains("_meta");
  return meta && meta->is_object() ? &meta->get_object() : nullptr;
}

std::string version_in(const Message& message) {
  const wire::JsonObject* meta = meta_of(message);
  const wire::Json* version = meta ? meta->if_contains(kVersion) : nullptr;
  return version && version->is_string() ? std::string(std::string_view(version->get_string())) : "";
}

Failure mismatch(std::string message) {
  return {.code = Code::header_mismatch, .message = std::move(message), .status = 400};
}
Failure invalid(std::string message) {
  return {.code = Code::invalid_params, .message = std::move(message), .status = 400};
}

// Header values that are not plain ASCII come as =?base64?…?=.
std::optional<std::string> decoded(std::string_view value) {
  constexpr std::string_view open = "=?base64?";
  if (!value.starts_with(open) || !value.ends_with("?=") || value.size() < open.size() + 2) return std::string(value);
  return base64_decode(value.substr(open.size(), value.size() - open.size() - 2));
}

std::optional<Failure> check_name(const net::Request& request, const Message& message) {
  std::string_view member;
  if (message.method == "tools/call" || message.method == "prompts/get") member = "name";
  if (message.method == "resources/read") member = "uri";
  if (member.empty()) return std::nullopt;
  const std::string* header = request.header("mcp-name");
  if (!header) return mismatch("Expected the header Mcp-Name");
  const auto name = decoded(*header);
  if (!name || *name != message.text(member)) {
    return mismatch(fmt::format("The header Mcp-Name is not params.{}", member));
  }
  return std::nullopt;
}

}  // namespace

bool is_stateful_revision(std::string_view version) {
  return std::ranges::find(kStatefulRevisions, version) != kStatefulRevisions.end();
}

wire::JsonArray supported_revisions() {
  wire::JsonArray out{kStateless};
  for (const auto version : kStatefulRevisions) out.push_back(wire::Json(version));
  return out;
}

bool is_stateless(const net::Request& request, const Message& message) {
  const std::string version = version_in(message);
  if (const std::string* header = request.header("mcp-protocol-version")) {
    const bool stateful = is_stateful_revision(*header) || *header == "2025-03-26";
    return !stateful || version == kStateless;
  }
  return !version.empty() || message.method == "server/discover" || request.header("mcp-method");
}

std::optional<Failure> check_stateless(const net::Request& request, const Message& message) {
  const std::string* header = request.header("mcp-protocol-version");
  if (!header) return mismatch("Expected the header MCP-Protocol-Version");
  const std::string version = version_in(message);
  if (!version.empty() && version != *header) {
    return mismatch(fmt::format("The header MCP-Protocol-Version is {}, the message's version {}", *header, version));
  }
  if (*header != kStateless) {
    return Failure{.code = Code::unsupported_version,
                   .message = "Unsupported protocol version",
                   .status = 400,
                   .data = wire::JsonObject{{"supported", supported_revisions()}, {"requested", *header}}};
  }
  if (message.id.empty()) return std::nullopt;
  if (version.empty()) return invalid(fmt::format("Expected params._meta[\"{}\"]", kVersion));
  const wire::Json* capabilities = meta_of(message)->if_contains(kCapabilities);
  if (!capabilities || !capabilities->is_object()) {
    return invalid(fmt::format("Expected params._meta[\"{}\"]", kCapabilities));
  }
  const std::string* method = request.header("mcp-method");
  if (!method || *method != message.method) return mismatch("The header Mcp-Method is not the message's method");
  return check_name(request, message);
}

}  // namespace quarterdeck::api::mcp
