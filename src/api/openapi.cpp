#include <map>

#include "api/router.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api {
namespace {

// "/session/:sessionID" -> "/session/{sessionID}", collecting the names.
std::string braced(std::string_view path, std::vector<std::string_view>& names) {
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    if (path[at] != ':') {
      out += path[at++];
      continue;
    }
    const std::size_t end = std::min(path.find('/', at), path.size());
    names.push_back(path.substr(at + 1, end - at - 1));
    out += fmt::format("{{{}}}", names.back());
    at = end;
  }
  return out;
}

wire::JsonObject reference(std::string_view schema) {
  return {{"$ref", fmt::format("#/components/schemas/{}", schema)}};
}

wire::JsonObject content(std::string_view schema, std::string_view type = "application/json") {
  return {{type, wire::JsonObject{{"schema", schema.empty() ? wire::JsonObject{} : reference(schema)}}}};
}

wire::JsonObject operation_of(const Route& route, const std::vector<std::string_view>& names) {
  wire::JsonArray parameters;
  for (const std::string_view name : names) {
    parameters.push_back(wire::JsonObject{
        {"name", name}, {"in", "path"}, {"required", true}, {"schema", wire::JsonObject{{"type", "string"}}}});
  }
  for (const Query& query : route.query) {
    parameters.push_back(wire::JsonObject{{"name", query.name},
                                          {"in", "query"},
                                          {"required", query.required},
                                          {"description", query.description},
                                          {"schema", wire::JsonObject{{"type", "string"}}}});
  }
  const std::string_view type = route.response == "EventStream" ? "text/event-stream"
                                : route.response == "Metrics"   ? "text/plain"
                                : route.response == "RawDiff"   ? "text/x-diff"
                                : route.response == "RawFile"   ? "application/octet-stream"
                                : route.response == "Page"      ? "text/html"
                                                                : "application/json";
  wire::JsonObject responses;
  if (route.response == "NoContent") {
    responses["204"] = wire::JsonObject{{"description", "Accepted and stored"}};
  } else {
    responses["200"] = wire::JsonObject{{"description", "OK"}, {"content", content(route.response, type)}};
  }
  responses["400"] = wire::JsonObject{{"description", "The request is wrong"}, {"content", content("Error")}};
  responses["401"] = wire::JsonObject{{"description", "No credential, or a wrong one"}, {"content", content("Error")}};
  responses["429"] = wire::JsonObject{{"description", "Too many wrong ones"}, {"content", content("Error")}};
  if (route.response == "Readiness") {
    responses["503"] = wire::JsonObject{{"description", "Not ready"}, {"content", content(route.response)}};
  }
  // Of a web page of a foreign origin, a ticket that is not valid, a project that is not trusted.
  responses["403"] = wire::JsonObject{{"description", "Not allowed"}, {"content", content("Error")}};
  // Also without a name in the path: a directory, a file or a session of the query or body may not be there.
  responses["404"] = wire::JsonObject{{"description", "No such thing"}, {"content", content("Error")}};
  wire::JsonObject operation{{"operationId", route.operation},
                             {"summary", route.summary},
                             {"parameters", std::move(parameters)},
                             {"x-quarterdeck-needs", roles_of(route.need.level)},
                             {"responses", std::move(responses)}};
  if (!route.request.empty()) operation["requestBody"] = wire::JsonObject{{"content", content(route.request)}};
  return operation;
}

std::string lower(std::string_view method) {
  std::string out(method);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

std::string openapi_document(const std::vector<Route>& routes, std::string_view version, std::string_view schemas) {
  wire::JsonObject paths;
  for (const Route& route : routes) {
    std::vector<std::string_view> names;
    const std::string path = braced(route.path, names);
    auto& entry = paths[path];
    if (!entry.is_object()) entry = wire::JsonObject{};
    entry.get_object()[lower(route.method)] = operation_of(route, names);
  }
  const auto components = wire::parse(schemas);
  ASSERT(components.has_value(), "schemas.json is part of the build");
  return wire::to_text(wire::JsonObject{
      {"openapi", "3.1.1"},
      {"info", wire::JsonObject{{"title", "Quarterdeck"},
                                {"description", "Sessions of coding agents over HTTP; compatible with OpenCode's API."},
                                {"version", version}}},
      {"paths", std::move(paths)},
      {"components", wire::JsonObject{{"schemas", *components}}}});
}

}  // namespace quarterdeck::api
