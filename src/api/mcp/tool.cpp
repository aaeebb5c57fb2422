#include "api/mcp/tool.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace quarterdeck::api::mcp {
namespace {

constexpr std::string_view kKey = "idempotency_key";
constexpr std::string_view kKeySchema =
    R"("idempotency_key":{"type":"string","description":"Sent again with the same one, it is done once"})";

wire::JsonObject object_of(const std::string& text) {
  auto json = wire::parse(text);
  ASSERT(json && json->is_object(), "the tools' schemas are ours");
  return std::move(json->get_object());
}

wire::JsonObject properties_of(const Tool& tool) {
  std::string text = fmt::format("{{{}", tool.properties);
  if (tool.effect != Effect::reads) text += fmt::format("{}{}", tool.properties.empty() ? "" : ",", kKeySchema);
  return object_of(text + '}');
}

std::string list_of(const wire::JsonObject& members) {
  std::string out;
  for (const auto& member : members) {
    if (!out.empty()) out += ", ";
    out += std::string_view(member.key());
  }
  return out.empty() ? "none" : out;
}

bool has_type(const wire::Json& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "integer") {
    return value.is_int64() || value.is_uint64() ||
           (value.is_double() &&
            static_cast<double>(static_cast<std::int64_t>(value.get_double())) == value.get_double());
  }
  return true;
}

// The schema's "type": one name, or several.
bool fits(const wire::Json& value, const wire::Json& schema) {
  const wire::Json* type = wire::value_at(schema, "type");
  if (!type) return true;
  if (type->is_string()) return has_type(value, std::string_view(type->get_string()));
  return std::ranges::any_of(type->get_array(), [&](const wire::Json& each) {
    return each.get_string() == "null" ? value.is_null() : has_type(value, std::string_view(each.get_string()));
  });
}

Result<void> check(const Tool& tool, const wire::JsonObject& properties, const wire::JsonObject& arguments) {
  for (const auto& given : arguments) {
    const wire::Json* schema = properties.if_contains(given.key());
    if (!schema) {
      return fail(ErrorCode::invalid, "{} has no argument {}; it takes: {}", tool.name, wire::quoted(given.key()),
                  list_of(properties));
    }
    if (!fits(given.value(), *schema)) {
      return fail(ErrorCode::invalid, "Expected {}, got {}\n  at [{}]", wire::to_text(*wire::value_at(*schema, "type")),
                  wire::to_text(given.value()).substr(0, 200), wire::quoted(given.key()));
    }
    const auto* names = wire::array_at(*schema, "enum");
    if (names && std::ranges::find(*names, given.value()) == names->end()) {
      return fail(ErrorCode::invalid, "Expected one of {}, got {}\n  at [{}]", wire::to_text(*names),
                  wire::to_text(given.value()), wire::quoted(given.key()));
    }
  }
  const auto required = wire::parse(tool.required);
  for (const auto& name : required->get_array()) {
    if (!arguments.contains(std::string_view(name.get_string()))) {
      return fail(ErrorCode::invalid, "Missing argument\n  at [{}]", wire::to_text(name));
    }
  }
  return {};
}

std::string plain(const wire::Json& value) {
  if (value.is_string()) return std::string(std::string_view(value.get_string()));
  if (!value.is_array()) return wire::to_text(value);
  std::string out;
  for (const auto& each : value.get_array()) out += (out.empty() ? "" : ",") + plain(each);
  return out;
}

// A path of its own for each argument: nothing in it leads elsewhere.
bool is_segment(std::string_view text) {
  return !text.empty() && text.size() <= 200 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// Takes what the path names out of the arguments.
Result<std::string> path_of(const Tool& tool, wire::JsonObject& arguments) {
  std::string path(tool.path);
  for (auto open = path.find('{'); open != path.npos; open = path.find('{')) {
    const auto close = path.find('}', open);
    const std::string name = path.substr(open + 1, close - open - 1);
    const std::string value = arguments.contains(name) ? plain(arguments.at(name)) : "";
    if (!is_segment(value))
      return fail(ErrorCode::invalid, "Expected an id, got {}\n  at [\"{}\"]", wire::quoted(value), name);
    path.replace(open, close - open + 1, value);
    arguments.erase(name);
  }
  return path;
}

}  // namespace

wire::JsonObject described(const Tool& tool) {
  wire::JsonObject schema{{"type", "object"},
                          {"properties", properties_of(tool)},
                          {"required", *wire::parse(tool.required)},
                          {"additionalProperties", false}};
  wire::JsonObject hints{{"readOnlyHint", tool.effect == Effect::reads},
                         {"destructiveHint", tool.effect == Effect::destroys},
                         {"idempotentHint", true},
                         {"openWorldHint", false}};
  return {{"name", tool.name},
          {"title", tool.title},
          {"description", tool.description},
          {"inputSchema", std::move(schema)},
          {"annotations", std::move(hints)}};
}

Result<net::Request> request_of(const Tool& tool, wire::JsonObject arguments) {
  const wire::JsonObject properties = properties_of(tool);
  TRY_VOID(check(tool, properties, arguments));
  for (const auto& property : properties) {
    const wire::Json* otherwise = wire::value_at(property.value(), "default");
    if (otherwise && !arguments.contains(property.key())) arguments[property.key()] = *otherwise;
  }
  net::Request request{.method = std::string(tool.method)};
  TRY(request.path, path_of(tool, arguments));
  request.target = request.path;
  if (const wire::Json* key = arguments.if_contains(kKey)) {
    request.headers.push_back({"Idempotency-Key", plain(*key)});
    arguments.erase(kKey);
  }
  if (tool.method == "GET") {
    for (const auto& each : arguments) request.query.emplace_back(each.key(), plain(each.value()));
  } else {
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = wire::to_text(arguments);
  }
  return request;
}

const Tool* find_tool(std::string_view name) {
  const auto all = tools();
  const auto found = std::ranges::find(all, name, &Tool::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace quarterdeck::api::mcp
