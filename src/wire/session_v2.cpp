#include "wire/session_v2.hpp"

#include "wire/codec.hpp"

namespace quarterdeck::wire {

void describe(Reader& io, StageRevert& command) {
  io.field("messageID", command.message_id);
  io.field_or("files", command.files, true);
}

namespace {

// {"id","providerID","variant"?}
struct ModelV2 {
  std::string id;
  std::string provider_id;
  std::optional<std::string> variant;
};

struct LocationV2 {
  std::optional<std::string> directory;
};

struct CreateShape {
  std::optional<SessionId> id;
  std::optional<std::string> agent;
  std::optional<ModelV2> model;
  std::optional<LocationV2> location;
};

struct AgentShape {
  std::string agent;
};
struct ModelShape {
  ModelV2 model;
};

void describe(Reader& io, ModelV2& model) {
  io.field("id", model.id);
  io.field("providerID", model.provider_id);
  io.field("variant", model.variant);
}
void describe(Reader& io, LocationV2& location) { io.field("directory", location.directory); }
void describe(Reader& io, CreateShape& shape) {
  io.field("id", shape.id);
  io.field("agent", shape.agent);
  io.field("model", shape.model);
  io.field("location", shape.location);
}
void describe(Reader& io, AgentShape& shape) { io.field("agent", shape.agent); }
void describe(Reader& io, ModelShape& shape) { io.field("model", shape.model); }
domain::ModelRef to_ref(ModelV2 model) {
  return {.provider_id = std::move(model.provider_id),
          .model_id = std::move(model.id),
          .variant = std::move(model.variant)};
}

JsonObject model_v2(const domain::ModelRef& model) {
  JsonObject out{{"id", model.model_id}, {"providerID", model.provider_id}};
  if (model.variant) out["variant"] = *model.variant;
  return out;
}

JsonObject tokens_v2(const domain::Tokens& tokens) {
  return {{"input", tokens.input},
          {"output", tokens.output},
          {"reasoning", tokens.reasoning},
          {"cache", JsonObject{{"read", tokens.cache_read}, {"write", tokens.cache_write}}}};
}

// An object that is kept as text; `{}` for what is none.
JsonObject object_of(const domain::JsonText& text) {
  auto parsed = parse(text.text);
  return parsed && parsed->is_object() ? std::move(parsed->get_object()) : JsonObject{};
}

JsonArray text_content(std::string_view text) { return {JsonObject{{"type", "text"}, {"text", text}}}; }

struct ToolStates {
  JsonObject time;

  JsonObject operator()(const domain::ToolPending& state) {
    return {{"status", "pending"}, {"input", state.raw.empty() ? state.input.text : state.raw}};
  }
  JsonObject operator()(const domain::ToolRunning& state) {
    time["ran"] = state.start;
    return {{"status", "running"},
            {"input", object_of(state.input)},
            {"structured", state.metadata ? object_of(*state.metadata) : JsonObject{}},
            {"content", JsonArray{}}};
  }
  JsonObject operator()(const domain::ToolCompleted& state) {
    time["ran"] = state.start;
    time["completed"] = state.end;
    if (state.compacted) time["pruned"] = *state.compacted;
    JsonArray content = text_content(state.output);
    for (const auto& file : state.attachments) {
      content.push_back(JsonObject{{"type", "file"}, {"uri", file.url}, {"mime", file.mime}});
    }
    return {{"status", "completed"},
            {"input", object_of(state.input)},
            {"content", std::move(content)},
            {"structured", object_of(state.metadata)}};
  }
  JsonObject operator()(const domain::ToolError& state) {
    time["ran"] = state.start;
    time["completed"] = state.end;
    return {{"status", "error"},
            {"input", object_of(state.input)},
            {"content", JsonArray{}},
            {"structured", state.metadata ? object_of(*state.metadata) : JsonObject{}},
            {"error", JsonObject{{"type", "unknown"}, {"message", state.error}}}};
  }
};

TimeMs start_of(const domain::ToolState& state, TimeMs otherwise) {
  if (const auto* running = std::get_if<domain::ToolRunning>(&state)) return running->start;
  if (const auto* completed = std::get_if<domain::ToolCompleted>(&state)) return completed->start;
  if (const auto* failed = std::get_if<domain::ToolError>(&state)) return failed->start;
  return otherwise;
}

JsonObject tool_v2(const domain::ToolPart& part, TimeMs message_created) {
  ToolStates states{.time = {{"created", start_of(part.state, message_created)}}};
  JsonObject state = std::visit(states, part.state);
  return {{"type", "tool"},
          {"id", part.call_id},
          {"name", part.tool},
          {"state", std::move(state)},
          {"time", std::move(states.time)}};
}

JsonObject user_v2(const domain::UserMessage& info, const std::vector<domain::Part>& parts) {
  std::string text;
  JsonArray files;
  JsonArray agents;
  for (const auto& part : parts) {
    if (const auto* said = std::get_if<domain::TextPart>(&part.content)) {
      if (said->synthetic.value_or(false)) continue;
      if (!text.empty()) text += '\n';
      text += said->text;
    } else if (const auto* file = std::get_if<domain::FilePart>(&part.content)) {
      JsonObject attached{{"uri", file->url}, {"mime", file->mime}};
      if (file->filename) attached["name"] = *file->filename;
      files.push_back(std::move(attached));
    } else if (const auto* agent = std::get_if<domain::AgentPart>(&part.content)) {
      agents.push_back(JsonObject{{"name", agent->name}});
    }
  }
  JsonObject out{{"id", info.id.value}, {"time", JsonObject{{"created", info.created}}}, {"text", text}};
  if (!files.empty()) out["files"] = std::move(files);
  if (!agents.empty()) out["agents"] = std::move(agents);
  out["type"] = "user";
  return out;
}

std::string text_of(const std::vector<domain::Part>& parts) {
  std::string text;
  for (const auto& part : parts) {
    if (const auto* said = std::get_if<domain::TextPart>(&part.content)) text += said->text;
  }
  return text;
}

JsonObject assistant_v2(const domain::AssistantMessage& info, const std::vector<domain::Part>& parts) {
  JsonObject time{{"created", info.created}};
  if (info.summary.value_or(false)) {
    return {{"type", "compaction"}, {"reason", "manual"},  {"summary", text_of(parts)},
            {"recent", ""},         {"id", info.id.value}, {"time", std::move(time)}};
  }
  if (info.completed) time["completed"] = *info.completed;
  JsonArray content;
  JsonObject snapshot;
  for (const auto& part : parts) {
    if (const auto* said = std::get_if<domain::TextPart>(&part.content)) {
      content.push_back(JsonObject{{"type", "text"}, {"id", part.id.value}, {"text", said->text}});
    } else if (const auto* thought = std::get_if<domain::ReasoningPart>(&part.content)) {
      JsonObject span{{"created", thought->time.start}};
      if (thought->time.end) span["completed"] = *thought->time.end;
      content.push_back(
          JsonObject{{"type", "reasoning"}, {"id", part.id.value}, {"text", thought->text}, {"time", std::move(span)}});
    } else if (const auto* tool = std::get_if<domain::ToolPart>(&part.content)) {
      content.push_back(tool_v2(*tool, info.created));
    } else if (const auto* start = std::get_if<domain::StepStartPart>(&part.content)) {
      if (start->snapshot && !snapshot.contains("start")) snapshot["start"] = *start->snapshot;
    } else if (const auto* finish = std::get_if<domain::StepFinishPart>(&part.content)) {
      if (finish->snapshot) snapshot["end"] = *finish->snapshot;
    }
  }
  JsonObject out{
      {"id", info.id.value},
      {"time", std::move(time)},
      {"type", "assistant"},
      {"agent", info.agent},
      {"model", model_v2({.provider_id = info.provider_id, .model_id = info.model_id, .variant = info.variant})},
      {"content", std::move(content)}};
  if (!snapshot.empty()) out["snapshot"] = std::move(snapshot);
  if (info.finish) out["finish"] = *info.finish;
  if (info.completed) {
    out["cost"] = info.cost;
    out["tokens"] = tokens_v2(info.tokens);
  }
  if (info.error) out["error"] = JsonObject{{"type", "unknown"}, {"message", info.error->message}};
  return out;
}

}  // namespace

JsonObject revert_v2(const domain::Revert& revert) {
  JsonObject out{{"messageID", revert.message_id.value}};
  if (revert.part_id) out["partID"] = revert.part_id->value;
  if (revert.snapshot) out["snapshot"] = *revert.snapshot;
  if (revert.diff) out["diff"] = *revert.diff;
  return out;
}

JsonObject session_v2(const domain::Session& session) {
  JsonObject time{{"created", session.created}, {"updated", session.updated}};
  if (session.archived) time["archived"] = *session.archived;
  JsonObject out{{"id", session.id.value},
                 {"projectID", session.project_id},
                 {"cost", session.cost},
                 {"tokens", tokens_v2(session.tokens)},
                 {"time", std::move(time)},
                 {"title", session.title},
                 {"location", JsonObject{{"directory", session.directory}}}};
  if (session.parent_id) out["parentID"] = session.parent_id->value;
  if (session.agent) out["agent"] = *session.agent;
  if (session.model) out["model"] = model_v2(*session.model);
  if (!session.path.empty()) out["subpath"] = session.path;
  if (session.revert) out["revert"] = revert_v2(*session.revert);
  return out;
}

std::optional<JsonObject> message_v2(const domain::MessageWithParts& message) {
  if (const auto* answer = std::get_if<domain::AssistantMessage>(&message.info))
    return assistant_v2(*answer, message.parts);
  for (const auto& part : message.parts) {
    if (std::holds_alternative<domain::CompactionPart>(part.content)) return std::nullopt;
  }
  return user_v2(std::get<domain::UserMessage>(message.info), message.parts);
}

JsonObject permission_v2(const domain::PermissionRequest& request) {
  JsonArray resources(request.patterns.begin(), request.patterns.end());
  JsonArray save(request.always.begin(), request.always.end());
  JsonObject out{{"id", request.id.value},       {"sessionID", request.session_id.value},
                 {"action", request.permission}, {"resources", std::move(resources)},
                 {"save", std::move(save)},      {"metadata", object_of(request.metadata)}};
  if (request.tool) {
    out["source"] =
        JsonObject{{"type", "tool"}, {"messageID", request.tool->message_id.value}, {"callID", request.tool->call_id}};
  }
  return out;
}

Result<CreateSessionV2> decode_create_session_v2(std::string_view json) {
  if (json.find_first_not_of(" \t\r\n") == json.npos) return CreateSessionV2{};
  TRY(auto shape, decode_text<CreateShape>(json));
  CreateSessionV2 out;
  out.command.id = std::move(shape.id);
  out.command.agent = std::move(shape.agent);
  if (shape.model) out.command.model = to_ref(std::move(*shape.model));
  if (shape.location) out.directory = std::move(shape.location->directory);
  return out;
}

Result<domain::UpdateSession> decode_switch_agent(std::string_view json) {
  TRY(auto shape, decode_text<AgentShape>(json));
  return domain::UpdateSession{.agent = std::move(shape.agent)};
}

Result<domain::UpdateSession> decode_switch_model(std::string_view json) {
  TRY(auto shape, decode_text<ModelShape>(json));
  return domain::UpdateSession{.model = to_ref(std::move(shape.model))};
}

Result<StageRevert> decode_stage_revert(std::string_view json) { return decode_text<StageRevert>(json); }

}  // namespace quarterdeck::wire
