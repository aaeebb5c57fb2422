// The HTTP surface as one handler: guard, routes, /doc.
#pragma once

#include <memory>

#include "api/audited.hpp"
#include "api/guard.hpp"
#include "api/mcp/server.hpp"
#include "api/opencode/routes.hpp"
#include "api/router.hpp"
#include "api/scoped.hpp"
#include "net/http.hpp"

namespace quarterdeck::api {

class Api {
 public:
  // With services.access.
  Api(Services services, GuardOptions guard);
  Task<net::Response> handle(net::Request request);
  // After the last request.
  Task<void> shutdown();
  const Router& router() const { return *router_; }

 private:
  Services services_;
  Guard guard_;
  Scoped scoped_;
  Audited audited_{services_};
  std::string document_;  // made on first use
  std::unique_ptr<Router> router_;
  std::unique_ptr<mcp::Server> mcp_;
};

}  // namespace quarterdeck::api
