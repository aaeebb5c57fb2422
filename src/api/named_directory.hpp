// The directory that a request names (?directory=, location[directory], x-opencode-directory), and
// the `cwd` of a terminal and the `directory` of a new worktree, have to lie below a root. Sessions are held to it by the host.
#pragma once

#include <optional>

#include "net/http.hpp"
#include "workspace/roots.hpp"

namespace quarterdeck::api {

std::optional<net::Response> outside_roots(const net::Request& request, const std::filesystem::path& fallback,
                                           const workspace::Roots& roots);

}  // namespace quarterdeck::api
