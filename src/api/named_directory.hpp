// The directory that a request names (?directory=, location[directory], x-opencode-directory) has to lie below a root,
// whatever the route makes of it.
#pragma once

#include <optional>

#include "net/http.hpp"
#include "workspace/roots.hpp"

namespace quarterdeck::api {

std::optional<net::Response> outside_roots(const net::Request& request, const std::filesystem::path& fallback,
                                           const workspace::Roots& roots);

}  // namespace quarterdeck::api
