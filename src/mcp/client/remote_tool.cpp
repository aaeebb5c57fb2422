#include "mcp/client/remote_tool.hpp"

#include "tools/arguments.hpp"
#include "wire/json.hpp"

namespace quarterdeck::mcp {
namespace {

constexpr std::size_t kNameBytesMax = 64;  // what model providers take

// Texts become the output, pictures and other files attachments.
tools::ToolResult to_tool_result(const domain::JsonText& answer, IdSource& ids) {
  const auto json = wire::parse(answer.text);
  if (!json || !json->is_object()) return tools::failed("The MCP server's answer is not an object");
  tools::ToolOutput output;
  const auto add_text = [&](std::string_view text) {
    if (!output.output.empty()) output.output += "\n\n";
    output.output += text;
  };
  const auto attach = [&](const std::string& mime, std::string_view data) {
    output.attachments.push_back({.id = ids.part(),
                                  .mime = mime.empty() ? "application/octet-stream" : mime,
                                  .url = fmt::format("data:{};base64,{}", mime, data)});
  };
  if (const wire::JsonArray* content = wire::array_at(*json, "content")) {
    for (const wire::Json& item : *content) {
      const std::string type = wire::string_at(item, "type");
      if (type == "text") {
        add_text(wire::string_at(item, "text"));
      } else if (type == "image" || type == "audio") {
        attach(wire::string_at(item, "mimeType"), wire::string_at(item, "data"));
      } else if (type == "resource") {
        const wire::Json* resource = wire::value_at(item, "resource");
        if (!resource) continue;
        if (wire::value_at(*resource, "text")) add_text(wire::string_at(*resource, "text"));
        if (wire::value_at(*resource, "blob")) {
          attach(wire::string_at(*resource, "mimeType"), wire::string_at(*resource, "blob"));
        }
      } else if (type == "resource_link") {
        add_text(fmt::format("{}: {}", wire::string_at(item, "name"), wire::string_at(item, "uri")));
      }
    }
  }
  const wire::Json* structured = wire::value_at(*json, "structuredContent");
  if (output.output.empty() && output.attachments.empty() && structured) output.output = wire::to_text(*structured);
  output.output = wire::valid_utf8(output.output);
  const wire::Json* failed = wire::value_at(*json, "isError");
  if (failed && failed->is_bool() && failed->get_bool()) {
    return tools::failed(output.output.empty() ? "The MCP server's tool failed without a word" : output.output);
  }
  return output;
}

class CalledTool final : public tools::Tool {
 public:
  CalledTool(std::string server, RemoteTool tool, std::int64_t timeout_ms, FindConnection connection)
      : name_(tool_name(server, tool.name)),
        tool_(std::move(tool)),
        timeout_ms_(timeout_ms),
        connection_(std::move(connection)) {}

  std::string_view name() const override { return name_; }
  std::string_view description() const override { return tool_.description; }
  std::string_view parameters() const override { return tool_.input_schema.text; }

  Task<tools::ToolResult> run(domain::JsonText input, tools::ToolContext& context) override {
    const auto arguments = wire::parse(input.text.empty() ? std::string_view("{}") : std::string_view(input.text));
    if (!arguments || !arguments->is_object()) co_return tools::failed("The arguments must be a JSON object");
    tools::PermissionAsk ask{.permission = name_, .patterns = {"*"}, .always = {"*"}};
    const auto allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());
    const auto connection = connection_();
    if (!connection) co_return tools::failed(connection.error().message);

    wire::JsonObject params{{"name", tool_.name}, {"arguments", *arguments}};
    auto answer = co_await (*connection)->call("tools/call", wire::to_json_text(params), timeout_ms_, context.stop);
    if (context.stop.stop_requested()) co_return std::unexpected(tools::cancelled());
    if (!answer) co_return tools::failed(answer.error().message);
    co_return to_tool_result(*answer, context.ids);
  }

 private:
  std::string name_;
  RemoteTool tool_;
  std::int64_t timeout_ms_;
  FindConnection connection_;
};

void append_clean(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    out += plain ? c : '_';
  }
}

}  // namespace

std::string tool_name(std::string_view server, std::string_view tool) {
  std::string name;
  append_clean(name, server);
  name += '_';
  append_clean(name, tool);
  name.resize(std::min(name.size(), kNameBytesMax));
  return name;
}

std::shared_ptr<tools::Tool> make_remote_tool(std::string server, RemoteTool tool, std::int64_t timeout_ms,
                                              FindConnection connection) {
  return std::make_shared<CalledTool>(std::move(server), std::move(tool), timeout_ms, std::move(connection));
}

}  // namespace quarterdeck::mcp
