#include "wire/event.hpp"

#include "wire/codec.hpp"
#include "wire/describe/message.hpp"
#include "wire/describe/question.hpp"
#include "wire/describe/session.hpp"

namespace quarterdeck::wire {
namespace {

template <class Kind>
inline constexpr std::string_view kType = "";
template <> inline constexpr std::string_view kType<domain::SessionCreated> = "session.created";
template <> inline constexpr std::string_view kType<domain::SessionUpdated> = "session.updated";
template <> inline constexpr std::string_view kType<domain::SessionDeleted> = "session.deleted";
template <> inline constexpr std::string_view kType<domain::MessageUpdated> = "message.updated";
template <> inline constexpr std::string_view kType<domain::MessageRemoved> = "message.removed";
template <> inline constexpr std::string_view kType<domain::PartUpdated> = "message.part.updated";
template <> inline constexpr std::string_view kType<domain::PartRemoved> = "message.part.removed";
template <> inline constexpr std::string_view kType<domain::PartAppended> = "quarterdeck.part.appended";
template <> inline constexpr std::string_view kType<domain::PromptAdmitted> = "quarterdeck.prompt.admitted";
template <> inline constexpr std::string_view kType<domain::TurnStarted> = "quarterdeck.turn.started";
template <> inline constexpr std::string_view kType<domain::TurnEnded> = "quarterdeck.turn.ended";
template <> inline constexpr std::string_view kType<domain::ToolStarted> = "quarterdeck.tool.started";
template <> inline constexpr std::string_view kType<domain::PermissionAsked> = "permission.asked";
template <> inline constexpr std::string_view kType<domain::PermissionReplied> = "permission.replied";
template <> inline constexpr std::string_view kType<domain::QuestionAsked> = "question.asked";
template <> inline constexpr std::string_view kType<domain::QuestionReplied> = "question.replied";
template <> inline constexpr std::string_view kType<domain::QuestionRejected> = "question.rejected";
template <> inline constexpr std::string_view kType<domain::RulesSaved> = "quarterdeck.rules.saved";
template <> inline constexpr std::string_view kType<domain::TodoUpdated> = "todo.updated";
template <> inline constexpr std::string_view kType<domain::SessionFailed> = "session.error";
template <> inline constexpr std::string_view kType<domain::KeyUsed> = "quarterdeck.key.used";
template <> inline constexpr std::string_view kType<domain::RecordPut> = "quarterdeck.record.put";
template <> inline constexpr std::string_view kType<domain::TextDelta> = "message.part.delta";
template <> inline constexpr std::string_view kType<domain::PartProgress> = "message.part.updated";
template <> inline constexpr std::string_view kType<domain::StatusChanged> = "session.status";
template <> inline constexpr std::string_view kType<domain::SessionIdle> = "session.idle";
template <> inline constexpr std::string_view kType<domain::SessionDiffed> = "session.diff";
template <> inline constexpr std::string_view kType<domain::SessionCompacted> = "session.compacted";
template <> inline constexpr std::string_view kType<domain::FileEdited> = "file.edited";
template <> inline constexpr std::string_view kType<domain::CommandExecuted> = "command.executed";

// Events whose properties hold one entity that is stored alone.
template <class Kind>
concept CarriesInfo = requires(Kind kind) { kind.info; };
// Events whose properties are the request itself.
template <class Kind>
concept CarriesRequest = requires(Kind kind) { kind.request; };
template <class Kind>
concept CarriesPart = std::same_as<Kind, domain::PartUpdated>;

// The rest: their properties after `sessionID`.
template <class Io>
void members(Io& io, domain::MessageRemoved& event) {
  io.field("messageID", event.message_id);
}
template <class Io>
void members(Io& io, domain::PartRemoved& event) {
  io.field("messageID", event.message_id);
  io.field("partID", event.part_id);
}
template <class Io>
void members(Io& io, domain::PartAppended& event) {
  io.field("messageID", event.message_id);
  io.field("partID", event.part_id);
  io.field("text", event.text);
}
template <class Io>
void members(Io& io, domain::PromptAdmitted& event) {
  io.field("messageID", event.message_id);
  io.field("delivery", event.delivery);
}
template <class Io>
void members(Io& io, domain::TurnStarted& event) {
  io.field("messageID", event.message_id);
  io.field_or("attempt", event.attempt, 1);
}
template <class Io>
void members(Io& io, domain::TurnEnded& event) {
  io.field("messageID", event.message_id);
  io.field("reason", event.reason);
}
template <class Io>
void members(Io& io, domain::ToolStarted& event) {
  io.field("messageID", event.message_id);
  io.field("partID", event.part_id);
  io.field("pid", event.pid);
}
template <class Io>
void members(Io& io, domain::PermissionReplied& event) {
  io.field("requestID", event.request_id);
  io.field("reply", event.reply);
  io.field("message", event.message);
}
template <class Io>
void members(Io& io, domain::QuestionReplied& event) {
  io.field("requestID", event.request_id);
  io.field("answers", event.answers);
}
template <class Io>
void members(Io& io, domain::QuestionRejected& event) {
  io.field("requestID", event.request_id);
}
template <class Io>
void members(Io& io, domain::RulesSaved& event) {
  io.field("rules", event.rules);
}
void members(Reader& io, domain::TodoUpdated& event) { io.field("todos", event.todos); }
template <class Io>
void members(Io& io, domain::SessionFailed& event) {
  io.field("error", event.error);
}
template <class Io>
void members(Io& io, domain::KeyUsed& event) {
  io.field("key", event.key.key);
  io.field("fingerprint", event.key.fingerprint);
  io.field("messageID", event.message_id);
}
template <class Io>
void members(Io& io, domain::RecordPut& event) {
  io.field("kind", event.kind);
  io.field_or("key", event.key, {});
  io.field_or("open", event.open, false);
  io.field("body", event.body);
}
void members(Writer& io, domain::TextDelta& delta) {
  io.field("messageID", delta.message_id);
  io.field("partID", delta.part_id);
  io.field("field", delta.field);
  io.field("delta", delta.delta);
}
void members(Writer& io, domain::PartProgress& delta) {
  io.field("part", delta.part);
  io.field("time", delta.time);
}
void members(Writer& io, domain::CommandExecuted& delta) {
  io.field("name", delta.name);
  io.field("arguments", delta.arguments);
  io.field("messageID", delta.message_id);
}
void members(Writer& io, domain::StatusChanged& delta) { io.field("status", delta.status); }
void members(Writer&, domain::SessionIdle&) {}
void members(Writer& io, domain::SessionDiffed& delta) { io.field("diff", delta.diff); }
void members(Writer&, domain::SessionCompacted&) {}

template <class Kind>
std::string properties_with_session(const SessionId& session, Kind& kind) {
  std::string out;
  Writer writer(out);
  const auto all = [&](Writer& io) {
    SessionId id = session;
    io.field("sessionID", id);
    members(io, kind);
  };
  writer.write_object(all);
  return out;
}

template <class Kind>
std::string body_of(const SessionId& session, const Kind& event) {
  Kind& kind = const_cast<Kind&>(event);
  if constexpr (CarriesInfo<Kind>) {
    return encode(kind.info);
  } else if constexpr (CarriesPart<Kind>) {
    return encode(kind.part);
  } else if constexpr (CarriesRequest<Kind>) {
    return encode(kind.request);
  } else if constexpr (std::same_as<Kind, domain::TodoUpdated>) {
    return encode(kind.todos);
  } else {
    return properties_with_session(session, kind);
  }
}

enum class Wrap { none, info, part, todos };

Wrap wrap_of(std::string_view type) {
  if (type == kType<domain::PartUpdated>) return Wrap::part;
  if (type == kType<domain::TodoUpdated>) return Wrap::todos;
  if (type == kType<domain::MessageUpdated> || type == kType<domain::SessionUpdated> ||
      type == kType<domain::SessionCreated> || type == kType<domain::SessionDeleted>) {
    return Wrap::info;
  }
  return Wrap::none;
}

template <class Kind>
struct PropertiesShape {
  Kind event;
};
template <class Kind>
void describe(Reader& io, PropertiesShape<Kind>& shape) {
  if constexpr (CarriesInfo<Kind>) {
    io.field("info", shape.event.info);
  } else if constexpr (CarriesPart<Kind>) {
    io.field("part", shape.event.part);
    io.field("time", shape.event.time);
  } else {
    members(io, shape.event);
  }
}

template <class Kind>
Result<domain::Event> decode_kind(const Json& properties) {
  if constexpr (CarriesRequest<Kind>) {
    TRY(auto request, decode<decltype(Kind::request)>(properties));
    return Kind{std::move(request)};
  } else {
    TRY(auto shape, decode<PropertiesShape<Kind>>(properties));
    return std::move(shape.event);
  }
}

template <std::size_t Index = 0>
Result<domain::Event> decode_type(std::string_view type, const Json& properties) {
  if constexpr (Index == std::variant_size_v<domain::Event>) {
    return fail(ErrorCode::invalid, "unknown event type {}", type);
  } else {
    using Kind = std::variant_alternative_t<Index, domain::Event>;
    if (type == kType<Kind>) return decode_kind<Kind>(properties);
    return decode_type<Index + 1>(type, properties);
  }
}

template <std::size_t Index = 0>
std::string_view find_type(std::string_view type) {
  if constexpr (Index == std::variant_size_v<domain::Event>) {
    return {};
  } else {
    constexpr std::string_view candidate = kType<std::variant_alternative_t<Index, domain::Event>>;
    return type == candidate ? candidate : find_type<Index + 1>(type);
  }
}

// Lifts the properties of one event by one version. A new version adds a case here and its samples to wire/golden/.
void upcast(std::string_view /*type*/, int /*from_version*/, Json& /*properties*/) {}

}  // namespace

std::string_view event_type(const domain::Event& event) {
  return std::visit([]<class Kind>(const Kind&) { return kType<Kind>; }, event);
}
std::string_view delta_type(const domain::Delta& delta) {
  return std::visit([]<class Kind>(const Kind&) { return kType<Kind>; }, delta);
}
std::string_view static_type(std::string_view type) { return find_type(type); }
bool shown_to_clients(std::string_view type) { return !type.starts_with("quarterdeck."); }

EncodedEvent encode_event(const SessionId& session, const domain::Event& event) {
  const auto* part = std::get_if<domain::PartUpdated>(&event);
  StoredBody stored = encode_body(session, event);
  return {stored.type, properties_of(stored.type, session.value, stored.body, part ? part->time : 0)};
}

EncodedEvent encode_delta(const SessionId& session, const domain::Delta& delta) {
  if (const auto* edited = std::get_if<domain::FileEdited>(&delta)) {
    return {delta_type(delta), "{\"file\":" + wire::quoted(edited->file) + "}"};
  }
  const auto encode_kind = [&]<class Kind>(const Kind& kind) -> std::string {
    if constexpr (std::same_as<Kind, domain::FileEdited>) {
      return {};
    } else {
      return properties_with_session(session, const_cast<Kind&>(kind));
    }
  };
  return {delta_type(delta), std::visit(encode_kind, delta)};
}

Result<domain::Event> decode_event(std::string_view type, int version, std::string_view properties) {
  if (version > kEventVersion) {
    return fail(ErrorCode::invalid, "event {} has version {}, newer than this server understands ({})", type, version,
                kEventVersion);
  }
  TRY(Json json, parse(properties));
  for (int from = version; from < kEventVersion; ++from) upcast(type, from, json);
  return decode_type(type, json);
}

StoredBody encode_body(const SessionId& session, const domain::Event& event) {
  return {event_type(event), std::visit([&](const auto& kind) { return body_of(session, kind); }, event)};
}

std::string properties_of(std::string_view type, std::string_view session_id, std::string_view body, TimeMs time) {
  const Wrap wrap = wrap_of(type);
  if (wrap == Wrap::none) return std::string(body);
  std::string out;
  out.reserve(body.size() + session_id.size() + 64);
  out += "{\"sessionID\":";
  append_quoted(out, session_id);
  out += wrap == Wrap::info ? ",\"info\":" : wrap == Wrap::part ? ",\"part\":" : ",\"todos\":";
  out += body;
  if (wrap == Wrap::part) {
    out += ",\"time\":";
    out += std::to_string(time);
  }
  return out + "}";
}

}  // namespace quarterdeck::wire
