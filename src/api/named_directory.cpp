#include "api/named_directory.hpp"

#include <vector>

#include "api/call.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api {

namespace {

// The members that name a directory, of the bodies whose routes work in it before a session is made.
std::vector<std::filesystem::path> named_by_body(const net::Request& request, const std::filesystem::path& base) {
  const bool terminal = request.path == "/pty" || request.path == "/api/pty";
  if (request.method != "POST" || (!terminal && request.path != "/fleet/worktree")) return {};
  const auto body = wire::parse(request.body);
  if (!body) return {};  // the route says what is wrong with it
  const std::string text = wire::string_at(*body, terminal ? "cwd" : "directory");
  if (text.empty() || text.contains('\0')) return {};
  return {(base / text).lexically_normal()};
}

}  // namespace

std::optional<net::Response> outside_roots(const net::Request& request, const std::filesystem::path& fallback,
                                           const workspace::Roots& roots) {
  const std::filesystem::path directory = requested_directory(request, fallback);
  std::vector<std::filesystem::path> named = named_by_body(request, directory);
  named.push_back(directory);
  for (const std::filesystem::path& each : named) {
    if (each == fallback) continue;
    if (const auto allowed = roots.check(each); !allowed) return error_response(allowed.error());
  }
  return std::nullopt;
}

}  // namespace quarterdeck::api
