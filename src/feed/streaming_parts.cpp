#include "feed/streaming_parts.hpp"

#include <algorithm>

#include "wire/json.hpp"

namespace quarterdeck::feed {
namespace {

bool is_about(const std::string& properties, const std::string& part) {
  return properties.find("\"id\":\"" + part + "\"") != std::string::npos;
}

// The part of `opened` with `text` behind its own; empty when that is no part with a text.
std::string with_text(const std::string& opened, const std::string& text) {
  auto properties = wire::parse(opened);
  if (!properties || !wire::object_at(*properties, "part")) return {};
  auto& part = properties->get_object()["part"].get_object();
  const std::string whole = wire::string_at(properties->get_object()["part"], "text") + text;
  part["text"] = whole;
  return wire::to_text(*properties);
}

}  // namespace

void StreamingParts::on_event(const store::StoredEvent& event) {
  if (event.type == "message.part.updated") {
    if (sessions_.size() >= kSessionsMax && !sessions_.contains(event.session)) {
      std::erase_if(sessions_, [](const auto& entry) { return entry.second.parts.empty(); });
      if (sessions_.size() >= kSessionsMax) return;
    }
    Session& session = sessions_[event.session];
    session.directory = event.directory;
    session.project_id = event.project_id;
    session.newest_part = event.properties;
    // The durable state of a part ends what was streamed of it.
    std::erase_if(session.parts, [&](const Part& part) { return is_about(*event.properties, part.id); });
  } else if (event.type == "session.deleted") {
    sessions_.erase(event.session);
  } else if (event.type == "message.part.removed" || event.type == "message.removed") {
    if (const auto found = sessions_.find(event.session); found != sessions_.end()) found->second.parts.clear();
  }
}

void StreamingParts::on_delta(const DeltaEnvelope& envelope) {
  if (const auto* delta = std::get_if<domain::TextDelta>(&envelope.delta)) {
    append(envelope, *delta);
  } else if (std::holds_alternative<domain::SessionIdle>(envelope.delta)) {
    sessions_.erase(envelope.session);
  }
}

void StreamingParts::append(const DeltaEnvelope& envelope, const domain::TextDelta& delta) {
  if (delta.field != "text") return;
  const auto found = sessions_.find(envelope.session);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  auto part = std::ranges::find(session.parts, delta.part_id.value, &Part::id);
  if (part == session.parts.end()) {
    if (!session.newest_part || !is_about(*session.newest_part, delta.part_id.value)) return;
    session.parts.push_back({.id = delta.part_id.value, .opened = session.newest_part, .text = {}});
    part = std::prev(session.parts.end());
  }
  if (part->text.size() + delta.delta.size() > kTextBytesMax) {
    // Not kept any more, and not begun again: nothing about it is newest.
    session.newest_part.reset();
    session.parts.erase(part);
    return;
  }
  part->text += delta.delta;
}

std::vector<StreamingParts::Shown> StreamingParts::now(const Scope& scope) const {
  std::vector<Shown> all;
  for (const auto& [id, session] : sessions_) {
    if (scope.directory && *scope.directory != session.directory) continue;
    for (const Part& part : session.parts) {
      std::string properties = with_text(*part.opened, part.text);
      if (!properties.empty()) all.push_back({session.directory, session.project_id, std::move(properties)});
    }
  }
  return all;
}

}  // namespace quarterdeck::feed
