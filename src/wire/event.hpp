// Events and deltas as JSON: the name and `properties` that clients know. Events that are ours alone are named
// "quarterdeck.…"; they are stored and replayed to our own code, never shown on OpenCode's streams.
//
// Stored events are never edited: each has a version, and reading lifts old ones through upcasters. Samples of every
// version lie in wire/golden/.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/event.hpp"

namespace quarterdeck::wire {

// What new events are written as.
inline constexpr int kEventVersion = 1;

struct EncodedEvent {
  std::string_view type;   // static storage
  std::string properties;  // {"sessionID":…,"info":{…}} and the like
};

std::string_view event_type(const domain::Event& event);
std::string_view delta_type(const domain::Delta& delta);
// The same name in static storage; empty when there is no such event.
std::string_view static_type(std::string_view type);
// False for events that are ours alone.
bool shown_to_clients(std::string_view type);

EncodedEvent encode_event(const SessionId& session, const domain::Event& event);
EncodedEvent encode_delta(const SessionId& session, const domain::Delta& delta);
// Errors: `invalid` for an unknown type, a version newer than ours, or properties of another shape.
Result<domain::Event> decode_event(std::string_view type, int version, std::string_view properties);

// The entity inside an event's properties (the session, message, part or todo list), and the way back. The store keeps the entity
// alone, once. Types without one keep all of their properties.
struct StoredBody {
  std::string_view type;
  std::string body;
};
StoredBody encode_body(const SessionId& session, const domain::Event& event);
// `time` is PartUpdated's. Costs one copy, no parsing.
std::string properties_of(std::string_view type, std::string_view session_id, std::string_view body, TimeMs time);

}  // namespace quarterdeck::wire
