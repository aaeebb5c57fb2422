// A session's messages as the store has them, kept between turns: a turn costs what it adds, not what was said before.
// Law: after the same committed events a History equals store::Query::history(). Edits, removals, compactions and
//      reverts are events like any other, so nothing has to be invalidated by hand; a new kind of event says in apply()
//      what it does to the history. history_cache.hpp holds the histories in memory.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "domain/event.hpp"
#include "domain/message.hpp"
#include "llm/chat_messages.hpp"
#include "session/settled.hpp"

namespace quarterdeck::session {

// One message and what the model sees of it, rendered (context.hpp) when first asked for and again when it changes.
class HistoryMessage {
 public:
  using Said = std::vector<llm::ChatMessages::Shared>;

  explicit HistoryMessage(domain::MessageWithParts message) : message_(std::move(message)) {}

  const domain::Message& info() const { return message_.info; }
  const std::vector<domain::Part>& parts() const { return message_.parts; }
  const domain::MessageWithParts& message() const { return message_; }
  const Said& said() const;
  // About what it takes in memory.
  std::size_t bytes() const;

  // What is said is to be rendered again.
  domain::MessageWithParts& change() {
    said_.reset();
    return message_;
  }

 private:
  domain::MessageWithParts message_;
  mutable std::optional<Said> said_;
};

class History {
 public:
  History() = default;
  History(std::vector<domain::MessageWithParts> messages);

  // Ordered like the store's: by time of creation, then id.
  const std::deque<HistoryMessage>& messages() const { return messages_; }
  const HistoryMessage* find(const MessageId& id) const;
  // Its place in messages(); their number when there is no such message.
  std::size_t place_of(const MessageId& id) const;
  // The answers to this prompt stand at this place or behind it, mostly close to the end.
  std::size_t answers_from(const MessageId& prompt) const;
  // The greatest id that there ever was; later messages must sort after it.
  const MessageId& newest() const { return newest_; }
  std::size_t bytes() const { return bytes_; }

  void apply(const domain::Event& event);

  // Rendered by context.cpp, dropped here when what it stands for changes.
  Settled& settled() const { return settled_; }

 private:
  HistoryMessage* changing(const MessageId& id);
  void put(const domain::Message& info);
  void remove(const MessageId& id);
  void erase(const MessageId& id);
  void put(const domain::Part& part);
  void remove(const domain::PartRemoved& removed);
  void append(const domain::PartAppended& appended);

  std::deque<HistoryMessage> messages_;
  mutable Settled settled_;
  MessageId newest_;
  std::size_t bytes_ = 0;
};

}  // namespace quarterdeck::session
