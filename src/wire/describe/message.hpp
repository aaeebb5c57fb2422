// Members of messages and parts, for the codecs of this folder. Unions carry `role`, `type` or `status`.
#pragma once

#include "domain/message.hpp"
#include "wire/codec.hpp"
#include "wire/describe/model.hpp"

namespace quarterdeck::wire {

template <class Io>
void describe(Io& io, domain::MessageError& error) {
  io.field("name", error.name);
  io.object("data", [&](auto& data) {
    data.field_or("message", error.message, {});
    data.field("statusCode", error.status_code);
    data.field("isRetryable", error.retryable);
    data.field("responseBody", error.response_body);
    data.field("retries", error.retries);
  });
}

template <class Io>
void describe(Io& io, domain::UserMessage& message) {
  io.field("id", message.id);
  io.field("sessionID", message.session_id);
  io.literal("role", "user");
  io.object("time", [&](auto& time) { time.field("created", message.created); });
  io.field("agent", message.agent);
  io.field("model", message.model);
  io.field("system", message.system);
  io.field("tools", message.tools);
  io.field("format", message.format);
  io.field("summary", message.summary);
}

template <class Io>
void describe(Io& io, domain::AssistantMessage& message) {
  io.field("id", message.id);
  io.field("sessionID", message.session_id);
  io.literal("role", "assistant");
  io.object("time", [&](auto& time) {
    time.field("created", message.created);
    time.field("completed", message.completed);
  });
  io.field("parentID", message.parent_id);
  io.field("modelID", message.model_id);
  io.field("providerID", message.provider_id);
  io.field("variant", message.variant);
  io.field("mode", message.mode);
  io.field("agent", message.agent);
  io.object("path", [&](auto& path) {
    path.field("cwd", message.cwd);
    path.field("root", message.root);
  });
  io.field("cost", message.cost);
  io.field("tokens", message.tokens);
  io.field("finish", message.finish);
  io.field("error", message.error);
  io.field("summary", message.summary);
  io.field("structured", message.structured);
}

template <class Io>
void describe(Io& io, domain::Message& message) {
  if constexpr (Io::reading) {
    std::string role;
    io.field("role", role);
    if (role == "assistant") {
      message.emplace<domain::AssistantMessage>();
    } else if (role == "user") {
      message.emplace<domain::UserMessage>();
    } else if (!io.problem().found()) {
      const Path at{&io.path(), "role"};
      return io.problem().expected("\"user\" | \"assistant\"", io.raw().at("role"), at);
    }
  }
  std::visit([&](auto& kind) { describe(io, kind); }, message);
}

template <class Io>
void describe(Io& io, domain::Span& span) {
  io.field("start", span.start);
  io.field("end", span.end);
}

// ------------------------------------------------------------------------------------------------ part contents

template <class Io>
void describe(Io& io, domain::TextPart& part) {
  io.field("text", part.text);
  io.field("synthetic", part.synthetic);
  io.field("ignored", part.ignored);
  io.field("time", part.time);
  io.field("metadata", part.metadata);
}
template <class Io>
void describe(Io& io, domain::ReasoningPart& part) {
  io.field("text", part.text);
  io.field("time", part.time);
  io.field("metadata", part.metadata);
}
template <class Io>
void describe(Io& io, domain::FilePart& part) {
  io.field("mime", part.mime);
  io.field("filename", part.filename);
  io.field("url", part.url);
  io.field("source", part.source);
}
template <class Io>
void describe(Io& io, domain::AgentPart& part) {
  io.field("name", part.name);
  io.field("source", part.source);
}
template <class Io>
void describe(Io& io, domain::SubtaskPart& part) {
  io.field("prompt", part.prompt);
  io.field("description", part.description);
  io.field("agent", part.agent);
  io.field("model", part.model);
  io.field("command", part.command);
}
template <class Io>
void describe(Io& io, domain::StepStartPart& part) {
  io.field("snapshot", part.snapshot);
}
template <class Io>
void describe(Io& io, domain::StepFinishPart& part) {
  io.field("reason", part.reason);
  io.field("snapshot", part.snapshot);
  io.field("cost", part.cost);
  io.field("tokens", part.tokens);
}
template <class Io>
void describe(Io& io, domain::PatchPart& part) {
  io.field("hash", part.hash);
  io.field("files", part.files);
}
template <class Io>
void describe(Io& io, domain::CompactionPart& part) {
  io.field("auto", part.automatic);
  io.field("overflow", part.overflow);
  io.field("tail_start_id", part.tail_start_id);
}

// What a tool attaches is a file part of the same message on the wire.
struct AttachmentShape {
  PartId id;
  SessionId session_id;
  MessageId message_id;
  std::string mime;
  std::string url;
};
template <class Io>
void describe(Io& io, AttachmentShape& shape) {
  io.field("id", shape.id);
  io.field("sessionID", shape.session_id);
  io.field("messageID", shape.message_id);
  io.literal("type", "file");
  io.field("mime", shape.mime);
  io.field("url", shape.url);
}

template <class Io>
void attachments_field(Io& io, std::vector<domain::Attachment>& attachments, const domain::Part& owner) {
  std::optional<std::vector<AttachmentShape>> shapes;
  if constexpr (!Io::reading) {
    if (attachments.empty()) return;
    shapes.emplace();
    for (const auto& each : attachments) {
      shapes->push_back({each.id, owner.session_id, owner.message_id, each.mime, each.url});
    }
  }
  io.field("attachments", shapes);
  if constexpr (Io::reading) {
    attachments.clear();
    if (!shapes) return;
    for (auto& each : *shapes) {
      attachments.push_back({std::move(each.id), std::move(each.mime), std::move(each.url)});
    }
  }
}

template <class Io>
void tool_state_members(Io& io, domain::ToolPending& state, const domain::Part&) {
  io.literal("status", "pending");
  io.field("input", state.input);
  io.field_or("raw", state.raw, {});
}
template <class Io>
void tool_state_members(Io& io, domain::ToolRunning& state, const domain::Part&) {
  io.literal("status", "running");
  io.field("input", state.input);
  io.field("title", state.title);
  io.field("metadata", state.metadata);
  io.object("time", [&](auto& time) { time.field("start", state.start); });
}
template <class Io>
void tool_state_members(Io& io, domain::ToolCompleted& state, const domain::Part& owner) {
  io.literal("status", "completed");
  io.field("input", state.input);
  io.field("output", state.output);
  io.field("title", state.title);
  io.field("metadata", state.metadata);
  io.object("time", [&](auto& time) {
    time.field("start", state.start);
    time.field("end", state.end);
    time.field("compacted", state.compacted);
  });
  attachments_field(io, state.attachments, owner);
}
template <class Io>
void tool_state_members(Io& io, domain::ToolError& state, const domain::Part&) {
  io.literal("status", "error");
  io.field("input", state.input);
  io.field("error", state.error);
  io.field("metadata", state.metadata);
  io.object("time", [&](auto& time) {
    time.field("start", state.start);
    time.field("end", state.end);
  });
}

template <class Io>
void tool_members(Io& io, domain::ToolPart& part, const domain::Part& owner) {
  io.field("callID", part.call_id);
  io.field("tool", part.tool);
  io.object("state", [&](auto& state) {
    if constexpr (Io::reading) {
      std::string status;
      state.field("status", status);
      if (status == "pending") {
        part.state.emplace<domain::ToolPending>();
      } else if (status == "running") {
        part.state.emplace<domain::ToolRunning>();
      } else if (status == "completed") {
        part.state.emplace<domain::ToolCompleted>();
      } else if (status == "error") {
        part.state.emplace<domain::ToolError>();
      } else if (!state.problem().found()) {
        const Path at{&state.path(), "status"};
        return state.problem().expected(R"("pending" | "running" | "completed" | "error")", state.raw().at("status"),
                                        at);
      }
    }
    std::visit([&](auto& kind) { tool_state_members(state, kind, owner); }, part.state);
  });
  io.field("metadata", part.metadata);
}

inline std::string_view type_of(const domain::PartContent& content) {
  struct Names {
    std::string_view operator()(const domain::TextPart&) const { return "text"; }
    std::string_view operator()(const domain::ReasoningPart&) const { return "reasoning"; }
    std::string_view operator()(const domain::FilePart&) const { return "file"; }
    std::string_view operator()(const domain::AgentPart&) const { return "agent"; }
    std::string_view operator()(const domain::SubtaskPart&) const { return "subtask"; }
    std::string_view operator()(const domain::StepStartPart&) const { return "step-start"; }
    std::string_view operator()(const domain::StepFinishPart&) const { return "step-finish"; }
    std::string_view operator()(const domain::PatchPart&) const { return "patch"; }
    std::string_view operator()(const domain::ToolPart&) const { return "tool"; }
    std::string_view operator()(const domain::CompactionPart&) const { return "compaction"; }
    std::string_view operator()(const domain::OtherPart& other) const { return other.type; }
  };
  return std::visit(Names{}, content);
}

inline domain::PartContent empty_content(std::string_view type) {
  if (type == "text") return domain::TextPart{};
  if (type == "reasoning") return domain::ReasoningPart{};
  if (type == "file") return domain::FilePart{};
  if (type == "agent") return domain::AgentPart{};
  if (type == "subtask") return domain::SubtaskPart{};
  if (type == "step-start") return domain::StepStartPart{};
  if (type == "step-finish") return domain::StepFinishPart{};
  if (type == "patch") return domain::PatchPart{};
  if (type == "tool") return domain::ToolPart{};
  if (type == "compaction") return domain::CompactionPart{};
  return domain::OtherPart{std::string(type), {}};
}

// Everything of a part that we do not know, in its order.
inline domain::JsonText other_members(const JsonObject& object) {
  JsonObject rest(object.storage());
  for (const auto& member : object) {
    const std::string_view key = member.key();
    if (key != "id" && key != "sessionID" && key != "messageID" && key != "type") rest.emplace(key, member.value());
  }
  return to_json_text(Json(std::move(rest)));
}

template <class Io>
void content_members(Io& io, domain::PartContent& content, const domain::Part& owner) {
  if (auto* tool = std::get_if<domain::ToolPart>(&content)) return tool_members(io, *tool, owner);
  if (auto* other = std::get_if<domain::OtherPart>(&content)) {
    if constexpr (Io::reading) {
      other->members = other_members(io.raw());
    } else {
      io.splice(other->members.text);
    }
    return;
  }
  std::visit(
      [&]<class Kind>(Kind& kind) {
        if constexpr (!std::same_as<Kind, domain::ToolPart> && !std::same_as<Kind, domain::OtherPart>)
          describe(io, kind);
      },
      content);
}

template <class Io>
void describe(Io& io, domain::Part& part) {
  io.field("id", part.id);
  io.field("sessionID", part.session_id);
  io.field("messageID", part.message_id);
  std::string type(type_of(part.content));
  io.field("type", type);
  if constexpr (Io::reading) part.content = empty_content(type);
  content_members(io, part.content, part);
}

template <class Io>
void describe(Io& io, domain::MessageWithParts& message) {
  io.field("info", message.info);
  io.field("parts", message.parts);
}

}  // namespace quarterdeck::wire
