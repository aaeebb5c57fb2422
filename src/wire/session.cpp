#include "wire/session.hpp"

#include "wire/codec.hpp"
#include "wire/describe/message.hpp"
#include "wire/describe/session.hpp"

namespace quarterdeck::domain {

void describe(wire::Reader& io, CreateSession& command) {
  io.field("parentID", command.parent_id);
  io.field("title", command.title);
  io.field("agent", command.agent);
  wire::session_model_field(io, command.model);
  wire::object_text_field(io, "metadata", command.metadata);
  io.field("permission", command.permission);
}

void describe(wire::Reader& io, UpdateSession& command) {
  io.field("title", command.title);
  io.field("permission", command.permission);
  wire::object_text_field(io, "metadata", command.metadata);
  io.optional_object("time", false, [&](wire::Reader& time) {
    if (!time.has("archived")) return;
    time.field("archived", command.archived.emplace());
  });
}

void describe(wire::Reader& io, PromptPart& part) {
  io.field("id", part.id);
  std::string type;
  io.field("type", type);
  if (io.problem().found()) return;
  if (type != "text" && type != "file" && type != "agent" && type != "subtask") {
    const wire::Path at{&io.path(), "type"};
    return io.problem().expected(R"("text" | "file" | "agent" | "subtask")", io.raw().at("type"), at);
  }
  part.content = wire::empty_content(type);
  if (type == "subtask") {
    std::string required;
    io.field("prompt", required);
    io.field("description", required);
    io.field("agent", required);
  }
  wire::content_members(io, part.content, Part{});
}

void describe(wire::Reader& io, Prompt& prompt) {
  std::optional<std::string> variant;
  io.field("messageID", prompt.message_id);
  io.field("model", prompt.model);
  io.field("agent", prompt.agent);
  io.field("system", prompt.system);
  wire::object_text_field(io, "tools", prompt.tools);
  wire::object_text_field(io, "format", prompt.format);
  io.field_or("noReply", prompt.no_reply, false);
  io.field("variant", variant);
  io.field("parts", prompt.parts);
  if (prompt.model && variant) prompt.model->variant = std::move(variant);
}

void describe(wire::Reader& io, RunShell& command) {
  io.field("agent", command.agent);
  io.field("command", command.command);
  io.field("model", command.model);
  io.field("messageID", command.message_id);
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {

std::string encode_session(const domain::Session& session) { return encode(session); }
Result<domain::Session> decode_session(std::string_view json) { return decode_text<domain::Session>(json); }
std::string encode_status(const domain::Status& status) { return encode(status); }
Result<domain::Status> decode_status(std::string_view json) { return decode_text<domain::Status>(json); }
std::string encode_todos(const std::vector<domain::Todo>& todos) { return encode(todos); }
Result<std::vector<domain::Todo>> decode_todos(std::string_view json) {
  return decode_text<std::vector<domain::Todo>>(json);
}

Result<domain::CreateSession> decode_create_session(std::string_view json) {
  if (json.find_first_not_of(" \t\r\n") == json.npos) return domain::CreateSession{};
  return decode_text<domain::CreateSession>(json);
}
Result<domain::UpdateSession> decode_update_session(std::string_view json) {
  return decode_text<domain::UpdateSession>(json);
}
Result<domain::Prompt> decode_prompt(std::string_view json) { return decode_text<domain::Prompt>(json); }

Result<domain::RunShell> decode_run_shell(std::string_view json) { return decode_text<domain::RunShell>(json); }

}  // namespace quarterdeck::wire
