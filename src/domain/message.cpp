#include "domain/message.hpp"

namespace quarterdeck::domain {

const MessageId& id_of(const Message& message) {
  return std::visit([](const auto& m) -> const MessageId& { return m.id; }, message);
}

const SessionId& session_of(const Message& message) {
  return std::visit([](const auto& m) -> const SessionId& { return m.session_id; }, message);
}

TimeMs created_of(const Message& message) {
  return std::visit([](const auto& m) { return m.created; }, message);
}

}  // namespace quarterdeck::domain
