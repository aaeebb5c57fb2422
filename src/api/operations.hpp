// The routes that tell an operator how the server is.
#pragma once

#include <string_view>
#include <vector>

#include "api/router.hpp"

namespace quarterdeck::api {

struct Services;

std::vector<Route> operations_routes(Services& services);
// True for those: they are answered while the server still recovers.
bool is_operations_path(std::string_view path);

}  // namespace quarterdeck::api
