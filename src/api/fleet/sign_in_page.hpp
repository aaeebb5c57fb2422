// The page where a browser signs in. A one-time link is /sign-in#qd_…: what follows the # never leaves the browser by
// itself, so it is in no log, and no preview of the link uses it up.
#pragma once

#include "net/http.hpp"

namespace quarterdeck::api::fleet {

net::Response sign_in_page();

}  // namespace quarterdeck::api::fleet
