#include "wire/session.hpp"

#include "wire/codec.hpp"
#include "wire/describe/message.hpp"
#include "wire/describe/session.hpp"
#include "wire/result_schema.hpp"

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
  wire::content_members(io, part.content, Part{});
}

// Checked here; kept as it was written.
struct FormatShape {
  std::string type;
  JsonText schema;
  std::optional<std::int64_t> retries;
};

void describe(wire::Reader& io, FormatShape& format) {
  io.field("type", format.type);
  if (io.problem().found()) return;
  if (format.type != "text" && format.type != "json_schema") {
    const wire::Path at{&io.path(), "type"};
    return io.problem().expected(R"("text" | "json_schema")", io.raw().at("type"), at);
  }
  if (format.type == "text") return;
  io.field("schema", format.schema);
  if (io.problem().found()) return;
  if (!io.raw().at("schema").is_object()) {
    const wire::Path at{&io.path(), "schema"};
    return io.problem().expected("object", io.raw().at("schema"), at);
  }
  io.field("retryCount", format.retries);
  if (format.retries && *format.retries < 0) {
    const wire::Path at{&io.path(), "retryCount"};
    io.problem().expected("a value greater than or equal to 0", io.raw().at("retryCount"), at);
  }
}

void describe(wire::Reader& io, Prompt& prompt) {
  std::optional<FormatShape> format;
  io.field("format", format);
  io.field("messageID", prompt.message_id);
  io.field("model", prompt.model);
  io.field("agent", prompt.agent);
  io.field("system", prompt.system);
  wire::object_text_field(io, "tools", prompt.tools);
  wire::object_text_field(io, "format", prompt.format);
  io.field_or("noReply", prompt.no_reply, false);
  io.field("variant", prompt.variant);
  io.field("parts", prompt.parts);
  if (prompt.model && prompt.variant) prompt.model->variant = prompt.variant;
}

struct FleetMessage {
  Prompt prompt;
};

void describe(wire::Reader& io, FleetMessage& message) {
  Prompt& prompt = message.prompt;
  io.field_or("mode", prompt.delivery, Delivery::queue);
  io.field("messageID", prompt.message_id);
  io.field("model", prompt.model);
  io.field("agent", prompt.agent);
  io.field("system", prompt.system);
  std::optional<JsonText> schema;
  wire::result_schema_field(io, schema);
  if (schema) prompt.format = wire::format_for(*schema);
  if (io.has("parts")) return io.field("parts", prompt.parts);
  TextPart said;
  io.field("text", said.text);
  prompt.parts.push_back({.id = {}, .content = std::move(said)});
}

enum class DeliveryV2 { steer, queue };

constexpr auto enum_names(DeliveryV2) {
  return std::array<std::pair<DeliveryV2, std::string_view>, 2>{
      {{DeliveryV2::steer, "steer"}, {DeliveryV2::queue, "queue"}}};
}

struct FileV2 {
  std::string uri;
  std::string mime;
  std::optional<std::string> name;
  std::optional<std::string> description;
};

template <class Io>
void describe(Io& io, FileV2& file) {
  io.field("uri", file.uri);
  if constexpr (Io::reading) {
    // data:image/png;base64,… says what it is; of a file it is not known here.
    const auto end = file.uri.find_first_of(";,");
    const bool says = file.uri.starts_with("data:") && end != std::string::npos && end > 5;
    file.mime = says ? file.uri.substr(5, end - 5) : "text/plain";
  } else {
    io.field("mime", file.mime);
  }
  io.field("name", file.name);
  io.field("description", file.description);
}

struct AgentV2 {
  std::string name;
};

template <class Io>
void describe(Io& io, AgentV2& agent) {
  io.field("name", agent.name);
}

struct SaidV2 {
  std::string text;
  std::optional<std::vector<FileV2>> files;
  std::optional<std::vector<AgentV2>> agents;
};

template <class Io>
void describe(Io& io, SaidV2& said) {
  io.field("text", said.text);
  io.field("files", said.files);
  io.field("agents", said.agents);
}

struct InputV2 {
  std::optional<MessageId> id;
  SaidV2 prompt;
  DeliveryV2 delivery = DeliveryV2::steer;
  bool resume = true;
};

void describe(wire::Reader& io, InputV2& input) {
  io.field("id", input.id);
  io.field("prompt", input.prompt);
  io.field_or("delivery", input.delivery, DeliveryV2::steer);
  io.field_or("resume", input.resume, true);
}

void describe(wire::Reader& io, RevertTo& command) {
  io.field("messageID", command.message_id);
  io.field("partID", command.part_id);
}

void describe(wire::Reader& io, Summarize& command) {
  io.field("providerID", command.model.provider_id);
  io.field("modelID", command.model.model_id);
  io.field_or("auto", command.automatic, false);
}

void describe(wire::Reader& io, RunCommand& command) {
  io.field("command", command.command);
  io.field("arguments", command.arguments);
  io.field("agent", command.agent);
  std::optional<std::string> model;
  io.field("model", model);
  if (model) {
    const auto slash = model->find('/');
    if (slash == 0 || slash == model->npos || slash + 1 == model->size()) {
      const wire::Path at{&io.path(), "model"};
      return io.problem().expected("\"provider/model\"", io.raw().at("model"), at);
    }
    command.model = ModelRef{model->substr(0, slash), model->substr(slash + 1), {}};
  }
  io.field("variant", command.variant);
  io.field("messageID", command.message_id);
  std::optional<std::vector<PromptPart>> parts;
  io.field("parts", parts);
  if (parts) command.parts = std::move(*parts);
}

void describe(wire::Reader& io, RunShell& command) {
  io.field("agent", command.agent);
  io.field("command", command.command);
  io.field("model", command.model);
  io.field("messageID", command.message_id);
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {
namespace {

constexpr std::size_t kTitleBytesMax = 1024;
constexpr std::size_t kPromptPartsMax = 1000;

Result<void> check_title(const std::optional<std::string>& title) {
  if (!title || title->size() <= kTitleBytesMax) return {};
  return fail(ErrorCode::invalid, "Expected at most {} bytes, got {}\n  at [\"title\"]", kTitleBytesMax, title->size());
}

}  // namespace

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
  TRY(auto command, decode_text<domain::CreateSession>(json));
  TRY_VOID(check_title(command.title));
  return command;
}
Result<domain::UpdateSession> decode_update_session(std::string_view json) {
  TRY(auto command, decode_text<domain::UpdateSession>(json));
  TRY_VOID(check_title(command.title));
  return command;
}
Result<domain::Prompt> decode_prompt(std::string_view json) {
  TRY(auto prompt, decode_text<domain::Prompt>(json));
  if (prompt.parts.size() > kPromptPartsMax) {
    return fail(ErrorCode::invalid, "Expected at most {} parts, got {}\n  at [\"parts\"]", kPromptPartsMax,
                prompt.parts.size());
  }
  return prompt;
}

Result<domain::Prompt> decode_fleet_message(std::string_view json) {
  TRY(auto message, decode_text<domain::FleetMessage>(json));
  if (message.prompt.parts.empty()) return fail(ErrorCode::invalid, "Expected at least one part\n  at [\"parts\"]");
  return std::move(message.prompt);
}

std::string_view delivery_name(domain::Delivery delivery) {
  for (const auto& [value, name] : enum_names(delivery)) {
    if (value == delivery) return name;
  }
  return "";
}

Result<PromptV2> decode_prompt_v2(std::string_view json) {
  TRY(auto input, decode_text<domain::InputV2>(json));
  PromptV2 out;
  out.echo = encode(input.prompt);
  domain::Prompt& prompt = out.prompt;
  prompt.message_id = std::move(input.id);
  prompt.delivery = input.delivery == domain::DeliveryV2::queue ? domain::Delivery::queue : domain::Delivery::steer;
  prompt.wait_for_next = !input.resume;
  prompt.parts.push_back({.id = {}, .content = domain::TextPart{.text = std::move(input.prompt.text)}});
  if (input.prompt.files) {
    for (auto& file : *input.prompt.files) {
      prompt.parts.push_back(
          {.id = {},
           .content = domain::FilePart{
               .mime = std::move(file.mime), .filename = std::move(file.name), .url = std::move(file.uri)}});
    }
  }
  if (input.prompt.agents) {
    for (auto& agent : *input.prompt.agents) {
      prompt.parts.push_back({.id = {}, .content = domain::AgentPart{.name = std::move(agent.name)}});
    }
  }
  return out;
}
Result<domain::RevertTo> decode_revert(std::string_view json) { return decode_text<domain::RevertTo>(json); }
Result<domain::Summarize> decode_summarize(std::string_view json) { return decode_text<domain::Summarize>(json); }
Result<domain::RunCommand> decode_run_command(std::string_view json) { return decode_text<domain::RunCommand>(json); }

Result<domain::RunShell> decode_run_shell(std::string_view json) { return decode_text<domain::RunShell>(json); }

}  // namespace quarterdeck::wire
