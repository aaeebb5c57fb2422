// One table of routes drives everything that is said about them: matching, 404 and 405, /doc.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.hpp"
#include "api/needs.hpp"
#include "base/task.hpp"
#include "net/http.hpp"

namespace quarterdeck::api {

struct Query {
  std::string_view name;
  std::string_view description;
  bool required = false;
};

struct Route {
  std::string_view method;
  std::string_view path;       // "/session/:sessionID/message"; "/files/*": param("*") is the rest
  std::string_view operation;  // OpenAPI operationId
  std::string_view summary;
  std::function<Task<net::Response>(Call)> handler;
  std::string_view response = "";  // name of a component schema in schemas.json; "" = none (204) or free-form
  std::string_view request = "";   // the same for the body
  std::vector<Query> query = {};
  Need need = {};  // from the table in needs.cpp
};

class Router {
 public:
  // What calls of agents and of principals with a scope pass.
  using Scope = std::function<Task<net::Response>(const Route&, Call)>;
  // What calls that are written down go through; it calls `admitted`.
  using Around = std::function<Task<net::Response>(const Route&, Call)>;
  explicit Router(std::vector<Route> routes, Scope scope, Around audited = {});

  // Unknown paths answer 404, known ones with another method 405, and what the caller's role does not allow 403, as JSON;
  // HEAD is answered as GET.
  Task<net::Response> handle(net::Request request, access::Who who) const;
  // The role, the scope, the handler.
  Task<net::Response> admitted(const Route& route, Call call) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Pattern {
    std::vector<std::string_view> segments;  // ":name" matches any one segment, a last "*" any number
    const Route* route;
  };
  std::vector<Route> routes_;
  Scope scope_;
  Around audited_;
  std::vector<std::vector<Pattern>> by_length_;  // index = number of segments
  std::vector<Pattern> open_ended_;
};

// OpenAPI 3.1 document of the routes. `schemas` is the JSON text of components.schemas.
std::string openapi_document(const std::vector<Route>& routes, std::string_view version, std::string_view schemas);

}  // namespace quarterdeck::api
