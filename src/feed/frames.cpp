#include "feed/frames.hpp"

#include <array>

#include "wire/event.hpp"
#include "wire/json.hpp"

namespace quarterdeck::feed {
namespace {

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

void append_frame(std::string& out, Form form, const EventText& text, store::Seq seq) {
  if (seq > 0) {
    out += "id: ";
    out += std::to_string(seq);
    out += '\n';
  }
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

void append_sync_frame(std::string& out, const EventText& text, std::string_view session, std::int64_t session_seq) {
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

void append_event(std::string& out, Form form, const store::StoredEvent& event) {
  if (!wire::shown_to_clients(event.type)) return;
  const EventText text{event.directory, event.project_id, event.id.value, event.type, *event.properties};
  append_frame(out, form, text, event.seq);
  if (form == Form::global && has_sync_frame(event.type)) {
    append_sync_frame(out, text, event.session.value, event.session_seq);
  }
}

std::string server_frame(Form form, std::string_view id, std::string_view type, std::string_view properties) {
  std::string out = form == Form::global ? R"(data: {"payload":)" : "data: ";
  append_payload(out, {.id = id, .type = type, .properties = properties});
  out += form == Form::global ? "}\n\n" : "\n\n";
  return out;
}

}  // namespace quarterdeck::feed
