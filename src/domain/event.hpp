// Durable facts about sessions. The log of these is the truth; every table and every answer is a projection of it.
// An event is numbered by the store, committed, and only then shown to anyone.
//
// Most events carry the whole new state of one entity (session, message, part), so replaying one twice is harmless.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/delivery.hpp"
#include "domain/message.hpp"
#include "domain/permission.hpp"
#include "domain/question.hpp"
#include "domain/record.hpp"
#include "domain/session.hpp"

namespace quarterdeck::domain {

struct SessionCreated {
  Session info;
  bool operator==(const SessionCreated&) const = default;
};
struct SessionUpdated {
  Session info;
  bool operator==(const SessionUpdated&) const = default;
};
struct SessionDeleted {
  Session info;
  bool operator==(const SessionDeleted&) const = default;
};

struct MessageUpdated {
  Message info;
  bool operator==(const MessageUpdated&) const = default;
};
struct MessageRemoved {
  MessageId message_id;
  bool operator==(const MessageRemoved&) const = default;
};

struct PartUpdated {
  Part part;
  TimeMs time = 0;
  bool operator==(const PartUpdated&) const = default;
};
struct PartRemoved {
  MessageId message_id;
  PartId part_id;
  bool operator==(const PartRemoved&) const = default;
};
// Streamed text, gathered for at most 250 ms or 4 KB. Clients get it as deltas, long before; this is what a crash
// leaves of an answer that was on its way. Superseded by the PartUpdated that ends the part.
struct PartAppended {
  MessageId message_id;
  PartId part_id;
  std::string text;
  bool operator==(const PartAppended&) const = default;
};

// A prompt was admitted and waits for its turn (MessageUpdated and PartUpdated of it are in the same commit).
struct PromptAdmitted {
  MessageId message_id;
  std::optional<Delivery> delivery = {};  // absent: queue
  bool operator==(const PromptAdmitted&) const = default;
};
// A turn begins to answer `message_id`. Open until TurnEnded: after a crash, recovery ends or resumes it.
struct TurnStarted {
  MessageId message_id;
  int attempt = 1;  // counts the restarts that interrupted this turn
  bool operator==(const TurnStarted&) const = default;
};
struct TurnEnded {
  MessageId message_id;
  std::string reason;  // completed | aborted | error | rejected | steered
  bool operator==(const TurnEnded&) const = default;
};

// Between "requested" (PartUpdated, running) and "finished" (PartUpdated, completed or error) of a tool call.
struct ToolStarted {
  MessageId message_id;
  PartId part_id;
  std::int64_t pid = 0;  // 0 when the tool runs inside the server
  bool operator==(const ToolStarted&) const = default;
};

struct PermissionAsked {
  PermissionRequest request;
  bool operator==(const PermissionAsked&) const = default;
};
struct PermissionReplied {
  PermissionId request_id;
  Reply reply = Reply::once;
  std::optional<std::string> message;
  bool operator==(const PermissionReplied&) const = default;
};

struct QuestionAsked {
  QuestionRequest request;
  bool operator==(const QuestionAsked&) const = default;
};
struct QuestionReplied {
  QuestionId request_id;
  Answers answers;
  bool operator==(const QuestionReplied&) const = default;
};
struct QuestionRejected {
  QuestionId request_id;
  bool operator==(const QuestionRejected&) const = default;
};
// What an answer "always" allows from now on, in the project of the session.
struct RulesSaved {
  std::vector<SavedRule> rules;
  bool operator==(const RulesSaved&) const = default;
};

struct TodoUpdated {
  std::vector<Todo> todos;
  bool operator==(const TodoUpdated&) const = default;
};

struct SessionFailed {  // "session.error" on the wire
  MessageError error;
  bool operator==(const SessionFailed&) const = default;
};

// A request with this key was carried out; in the same commit as what it did.
struct KeyUsed {
  IdempotencyKey key;
  std::optional<MessageId> message_id = {};  // of the prompt; absent: it made the session
  bool operator==(const KeyUsed&) const = default;
};

using Event = std::variant<SessionCreated, SessionUpdated, SessionDeleted, MessageUpdated, MessageRemoved, PartUpdated,
                           PartRemoved, PartAppended, PromptAdmitted, TurnStarted, TurnEnded, ToolStarted,
                           PermissionAsked, PermissionReplied, QuestionAsked, QuestionReplied, QuestionRejected,
                           RulesSaved, TodoUpdated, SessionFailed, KeyUsed, RecordPut>;

// Live-only: shown to subscribers at once, never stored. What of it matters is in the next durable event.
struct TextDelta {
  MessageId message_id;
  PartId part_id;
  std::string field = "text";
  std::string delta;
};
// The state of a running tool between its durable events: growing output.
struct PartProgress {
  Part part;
  TimeMs time = 0;
};
struct StatusChanged {
  Status status;
};
struct SessionIdle {};
struct SessionDiffed {  // "session.diff"
  JsonText diff{"[]"};
};
struct SessionCompacted {};
struct FileEdited {
  std::string file;  // absolute
};
struct CommandExecuted {
  std::string name;
  std::string arguments;
  MessageId message_id;
};

using Delta = std::variant<TextDelta, PartProgress, StatusChanged, SessionIdle, SessionDiffed, SessionCompacted,
                           FileEdited, CommandExecuted>;

}  // namespace quarterdeck::domain
