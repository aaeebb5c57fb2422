#include "app/cli/bridge/acp_params.hpp"

#include "app/cli/bridge/acp_updates.hpp"
#include "base/encoding.hpp"

namespace quarterdeck::app {

Result<std::vector<domain::PromptPart>> acp_parts(const wire::Json& params) {
  std::vector<domain::PromptPart> parts;
  const auto* blocks = wire::array_at(params, "prompt");
  if (!blocks || blocks->empty()) return fail(ErrorCode::invalid, "Expected prompt to be a list of content");
  for (const wire::Json& block : *blocks) {
    const std::string type = wire::string_at(block, "type");
    domain::PromptPart part;
    if (type == "text") {
      part.content = domain::TextPart{.text = wire::string_at(block, "text")};
    } else if (type == "image") {
      const std::string mime = wire::string_at(block, "mimeType", "image/png");
      part.content = domain::FilePart{.mime = mime,
                                      .filename = std::nullopt,
                                      .url = "data:" + mime + ";base64," + wire::string_at(block, "data"),
                                      .source = std::nullopt};
    } else if (type == "resource_link") {
      const std::string mime = wire::string_at(block, "mimeType", "text/plain");
      part.content = domain::FilePart{.mime = mime,
                                      .filename = wire::string_at(block, "name"),
                                      .url = wire::string_at(block, "uri"),
                                      .source = std::nullopt};
    } else if (const wire::Json* resource = wire::value_at(block, "resource"); type == "resource" && resource) {
      const std::string mime = wire::string_at(*resource, "mimeType", "text/plain");
      std::string data = wire::string_at(*resource, "blob");
      if (data.empty()) data = base64(wire::string_at(*resource, "text"));
      part.content = domain::FilePart{.mime = mime,
                                      .filename = wire::string_at(*resource, "uri"),
                                      .url = "data:" + mime + ";base64," + data,
                                      .source = std::nullopt};
    } else {
      return fail(ErrorCode::invalid, "Content of type {} is not taken", wire::quoted(type));
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

std::optional<domain::RunCommand> acp_command(const std::vector<domain::PromptPart>& parts) {
  const auto* said = parts.empty() ? nullptr : std::get_if<domain::TextPart>(&parts.front().content);
  if (!said || !said->text.starts_with('/')) return std::nullopt;
  const std::string_view text = said->text;
  const auto end = std::min(text.find_first_of(" \n\t"), text.size());
  domain::RunCommand command{.command = std::string(text.substr(1, end - 1)), .arguments = {}};
  if (command.command.empty()) return std::nullopt;
  const auto begin = text.find_first_not_of(" \n\t", end);
  if (begin != text.npos) command.arguments = text.substr(begin);
  // What else is said belongs to its arguments.
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (const auto* more = std::get_if<domain::TextPart>(&parts[i].content)) {
      command.arguments += (command.arguments.empty() ? "" : "\n") + more->text;
    } else {
      command.parts.push_back(parts[i]);
    }
  }
  return command;
}

Client::Call acp_command_call(const SessionId& session, const domain::RunCommand& command,
                              const domain::Prompt& prompt) {
  wire::JsonObject body{{"command", command.command}, {"arguments", command.arguments}};
  if (prompt.message_id) body["messageID"] = prompt.message_id->value;
  if (prompt.agent) body["agent"] = *prompt.agent;
  if (prompt.model) body["model"] = prompt.model->provider_id + "/" + prompt.model->model_id;
  wire::JsonArray files;
  for (const domain::PromptPart& part : command.parts) {
    const auto* file = std::get_if<domain::FilePart>(&part.content);
    if (!file) continue;
    wire::JsonObject one{{"type", "file"}, {"mime", file->mime}, {"url", file->url}};
    if (file->filename) one["filename"] = *file->filename;
    files.push_back(std::move(one));
  }
  if (!files.empty()) body["parts"] = std::move(files);
  return {.method = "POST", .path = "/session/" + session.value + "/command", .body = wire::to_text(body)};
}

std::string acp_mcp_server(const wire::Json& server) {
  wire::JsonObject config;
  const auto pairs = [&](std::string_view name) {
    wire::JsonObject out;
    if (const auto* list = wire::array_at(server, name)) {
      for (const wire::Json& each : *list) out[wire::string_at(each, "name")] = wire::string_at(each, "value");
    }
    return out;
  };
  if (const std::string url = wire::string_at(server, "url"); !url.empty()) {
    config = {{"type", "remote"}, {"url", url}, {"headers", pairs("headers")}};
  } else {
    wire::JsonArray command{wire::Json(wire::string_at(server, "command"))};
    if (const auto* args = wire::array_at(server, "args")) {
      for (const wire::Json& each : *args) command.push_back(each);
    }
    config = {{"type", "local"}, {"command", std::move(command)}, {"environment", pairs("env")}};
  }
  return wire::to_text(wire::JsonObject{{"name", wire::string_at(server, "name")}, {"config", std::move(config)}});
}

std::string acp_permission(const SessionId& session, const domain::PermissionRequest& request) {
  const std::string title = request.patterns.empty() ? request.permission : request.patterns.front();
  const std::string call = request.tool ? request.tool->call_id : request.id.value;
  return fmt::format(
      R"({{"sessionId":{},"toolCall":{{"toolCallId":{},"title":{},"kind":"{}","status":"pending","locations":[],"rawInput":{}}},)"
      R"("options":[{{"optionId":"once","kind":"allow_once","name":"Allow once"}},)"
      R"({{"optionId":"always","kind":"allow_always","name":"Always allow"}},)"
      R"({{"optionId":"reject","kind":"reject_once","name":"Reject"}}]}})",
      wire::quoted(session.value), wire::quoted(call), wire::quoted(title), acp_kind(request.permission),
      request.metadata.text);
}

std::string acp_question(const SessionId& session, std::string_view call, const wire::Json& question) {
  std::string options;
  if (const auto* labels = wire::array_at(question, "options")) {
    for (const wire::Json& label : *labels) {
      const std::string text = wire::quoted(wire::string_at(label, "label"));
      options += fmt::format(R"({{"optionId":{},"kind":"allow_once","name":{}}},)", text, text);
    }
  }
  return fmt::format(R"({{"sessionId":{},"toolCall":{{"toolCallId":{},"title":{},"kind":"other","status":"pending"}},)"
                     R"("options":[{}{{"optionId":"quarterdeck:none","kind":"reject_once","name":"Do not answer"}}]}})",
                     wire::quoted(session.value), wire::quoted(call),
                     wire::quoted(wire::string_at(question, "question")), options);
}

}  // namespace quarterdeck::app
