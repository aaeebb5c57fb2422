#include "api/named_directory.hpp"

#include "api/call.hpp"

namespace quarterdeck::api {

std::optional<net::Response> outside_roots(const net::Request& request, const std::filesystem::path& fallback,
                                           const workspace::Roots& roots) {
  const std::filesystem::path directory = requested_directory(request, fallback);
  if (directory == fallback) return std::nullopt;
  const auto allowed = roots.check(directory);
  if (allowed) return std::nullopt;
  return error_response(allowed.error());
}

}  // namespace quarterdeck::api
