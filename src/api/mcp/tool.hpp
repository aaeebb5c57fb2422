// The operations of /fleet as MCP tools: a table, no logic. A tool names the operation that it is; its arguments become
// that operation's path, query, body and Idempotency-Key, and what the operation answers is the tool's answer.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/http.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::mcp {

enum class Effect { reads, changes, destroys };

struct Tool {
  std::string_view name;
  std::string_view title;
  std::string_view description;
  Effect effect = Effect::reads;
  std::string_view method;
  std::string_view path;  // "{session}" is the argument of that name
  std::string_view properties;  // of the input's JSON schema; a "default" is put in where the argument is absent
  std::string_view required = "[]";
};

std::span<const Tool> tools();
const Tool* find_tool(std::string_view name);
// As tools/list shows it.
wire::JsonObject described(const Tool& tool);
// Errors: `invalid`, for the model to read: an argument that is missing, unknown or of another type.
Result<net::Request> request_of(const Tool& tool, wire::JsonObject arguments);

}  // namespace quarterdeck::api::mcp
