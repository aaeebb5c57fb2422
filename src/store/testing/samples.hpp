// Small domain values and a temporary directory, for tests of the store and of what lies above it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/testing/temp_dir.hpp"
#include "domain/event.hpp"
#include "store/event_store.hpp"

namespace quarterdeck::store::testing {

using quarterdeck::testing::TempDir;

inline domain::Session session(const std::string& id, TimeMs updated = 1000) {
  domain::Session session;
  session.id = {id};
  session.slug = "calm-tiger";
  session.project_id = "project";
  session.directory = "/work";
  session.title = "Title of " + id;
  session.version = "0.1.0";
  session.created = 1000;
  session.updated = updated;
  return session;
}

inline domain::Message user(const std::string& session_id, const std::string& id, TimeMs created = 1000) {
  domain::UserMessage message;
  message.id = {id};
  message.session_id = {session_id};
  message.created = created;
  message.agent = "build";
  message.model = {"fake", "fake", {}};
  return message;
}

inline domain::AssistantMessage assistant(const std::string& session_id, const std::string& id, TimeMs created = 1001) {
  domain::AssistantMessage message;
  message.id = {id};
  message.session_id = {session_id};
  message.parent_id = {"msg_0"};
  message.created = created;
  message.model_id = "fake";
  message.provider_id = "fake";
  message.mode = "build";
  message.agent = "build";
  message.cwd = message.root = "/work";
  return message;
}

inline domain::Part text_part(const std::string& session_id, const std::string& message, const std::string& id,
                              const std::string& text, std::optional<domain::Span> time = domain::Span{1, 2}) {
  return {{id}, {session_id}, {message}, domain::TextPart{text, {}, {}, time, {}}};
}

inline domain::Part tool_part(const std::string& session_id, const std::string& message, const std::string& id,
                              domain::ToolState state) {
  return {{id}, {session_id}, {message}, domain::ToolPart{"call_1", "bash", std::move(state), {}}};
}

inline Batch batch(const std::string& session_id, std::vector<domain::Event> events) {
  return {{session_id}, "/work", "project", std::move(events)};
}

}  // namespace quarterdeck::store::testing
