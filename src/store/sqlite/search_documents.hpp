// What of an event is searched for. Pure.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "store/event_store.hpp"

namespace quarterdeck::store::sqlite {

struct Document {
  std::string key;  // one per thing: a later one with the same key takes its place
  std::string kind;
  std::string message;
  std::string part;
  std::string tool;
  TimeMs time = 0;
  std::string text;  // bounded
};
struct ForgetSession {};
struct ForgetMessage {
  std::string message;
};
struct ForgetPart {
  std::string part;
};
struct Found {
  std::vector<Document> documents;
  std::variant<std::monostate, ForgetSession, ForgetMessage, ForgetPart> forget;
};

// Nothing for events that say nothing new to a reader, and for those that cannot be read.
Found documents_of(const StoredEvent& event);

}  // namespace quarterdeck::store::sqlite
