// The bytes of server-sent events, in both forms. Pure.
#pragma once

#include <string>
#include <string_view>

#include "feed/position.hpp"
#include "store/event_store.hpp"

namespace quarterdeck::feed {

enum class Form { instance, global };

// One event as JSON sees it; all texts are JSON-safe ids or raw JSON, except `directory` and `project`.
struct EventText {
  std::string_view directory;
  std::string_view project;
  std::string_view id;
  std::string_view type;
  std::string_view properties;
};

void append_frame(std::string& out, Form form, const EventText& text, Position id);
// The duplicate of a durable event that follows it on the global stream.
void append_sync_frame(std::string& out, const EventText& text, std::string_view session, std::int64_t session_seq,
                       Position id);
bool has_sync_frame(std::string_view type);
// An event with its duplicate, as one stream sees it; nothing for events that clients do not know, nor for frames that
// a client has which has seen everything up to `seen`.
void append_event(std::string& out, Form form, const store::StoredEvent& event, Position seen = 0);
// The id of the last frame that append_event makes.
Position last_position(Form form, const store::StoredEvent& event);
// "server.connected" and the like: no directory, no project; without an id when `position` is 0.
std::string server_frame(Form form, Position position, std::string_view id, std::string_view type,
                         std::string_view properties = "{}");
// Of `frames`, those whose id is greater than `seen`.
std::string frames_after(std::string_view frames, Position seen);

}  // namespace quarterdeck::feed
