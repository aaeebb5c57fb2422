#include "feed/frames.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "wire/event.hpp"
#include "wire/json.hpp"

namespace quarterdeck::feed {
namespace {

constexpr std::string_view kIdField = "id: ";

void append_id(std::string& out, Position id) {
  out += kIdField;
  out += std::to_string(id);
  out += '\n';
}

void append_payload(std::string& out, const EventText& text) {
  out += R"({"id":")";
  out += text.id;
  out += R"(","type":")";
  out += text.type;
  out += R"(","properties":)";
  out += text.properties;
  out += '}';
}

void append_envelope(std::string& out, const EventText& text) {
  out += R"({"directory":)";
  wire::append_quoted(out, text.directory);
  out += R"(,"project":)";
  wire::append_quoted(out, text.project);
  out += R"(,"payload":)";
}

}  // namespace

void append_frame(std::string& out, Form form, const EventText& text, Position id) {
  append_id(out, id);
  out += "data: ";
  if (form == Form::instance) {
    append_payload(out, text);
  } else {
    append_envelope(out, text);
    append_payload(out, text);
    out += '}';
  }
  out += "\n\n";
}

void append_sync_frame(std::string& out, const EventText& text, std::string_view session, std::int64_t session_seq,
                       Position id) {
  append_id(out, id);
  out += "data: ";
  append_envelope(out, text);
  out += R"({"type":"sync","syncEvent":{"id":")";
  out += text.id;
  out += R"(","type":")";
  out += text.type;
  out += R"(.1","seq":)";
  out += std::to_string(session_seq);
  out += R"(,"aggregateID":)";
  wire::append_quoted(out, session);
  out += R"(,"data":)";
  out += text.properties;
  out += R"(},"id":")";
  out += text.id;
  out += "\"}}\n\n";
}

bool has_sync_frame(std::string_view type) {
  constexpr std::array<std::string_view, 7> synced = {"session.created",     "session.updated", "session.deleted",
                                                      "message.updated",     "message.removed", "message.part.updated",
                                                      "message.part.removed"};
  return std::ranges::find(synced, type) != synced.end();
}

Position last_position(Form form, const store::StoredEvent& event) {
  return position_of(event.seq) + (form == Form::global && has_sync_frame(event.type) ? 1 : 0);
}

void append_event(std::string& out, Form form, const store::StoredEvent& event, Position seen) {
  if (!wire::shown_to_clients(event.type)) return;
  const Position id = position_of(event.seq);
  const EventText text{event.directory, event.project_id, event.id.value, event.type, *event.properties};
  if (id > seen) append_frame(out, form, text, id);
  if (last_position(form, event) > std::max(id, seen)) {
    append_sync_frame(out, text, event.session.value, event.session_seq, id + 1);
  }
}

std::string server_frame(Form form, Position position, std::string_view id, std::string_view type,
                         std::string_view properties) {
  std::string out;
  if (position > 0) append_id(out, position);
  out += form == Form::global ? R"(data: {"payload":)" : "data: ";
  append_payload(out, {.id = id, .type = type, .properties = properties});
  out += form == Form::global ? "}\n\n" : "\n\n";
  return out;
}

std::string frames_after(std::string_view frames, Position seen) {
  std::string out;
  while (!frames.empty()) {
    const std::size_t size = std::min(frames.find("\n\n"), frames.size() - 2) + 2;
    const std::string_view frame = frames.substr(0, size);
    Position id = 0;
    std::from_chars(frame.data() + kIdField.size(), frame.data() + frame.size(), id);
    if (id > seen) out += frame;
    frames.remove_prefix(size);
  }
  return out;
}

}  // namespace quarterdeck::feed
