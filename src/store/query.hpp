// Reads of the projections. Answers for clients are the stored JSON texts, joined, never decoded.
// Thread-safe; each call sees one state of the database. Calls marked "pool" may take milliseconds (they grow with the
// session) and belong on the blocking pool; the others take well under one.
// Errors: `not_found` for an unknown session, message or request; `unavailable` when the database cannot be read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "domain/delivery.hpp"
#include "domain/message.hpp"
#include "domain/permission.hpp"
#include "domain/project.hpp"
#include "domain/question.hpp"
#include "domain/session.hpp"
#include "store/event_store.hpp"

namespace quarterdeck::store {

// A place in a list of sessions, whether or not the session is still there.
struct SessionCursor {
  TimeMs updated = 0;
  SessionId id;
};
enum class SessionOrder {
  latest,  // newest update first; of the same millisecond the one created last
  newest,  // newest update first, then the greatest id: what cursors walk through
  oldest,  // the other way round
};
struct SessionFilter {
  std::optional<std::string> directory;
  std::optional<std::string> project_id;
  std::optional<std::string> path;      // relative to the project's worktree
  std::optional<bool> roots;            // true: without a parent; false: with one
  std::optional<TimeMs> updated_since;  // inclusive
  std::optional<TimeMs> updated_before;  // exclusive
  std::optional<bool> archived;
  std::string search;                   // part of the title, without regard to ASCII case
  SessionOrder order = SessionOrder::latest;
  std::optional<SessionCursor> after;   // only what follows it in this order; not with `latest`
  std::int64_t limit = 100;
};

struct MessageCursor {
  MessageId id;
  TimeMs time = 0;
  bool operator==(const MessageCursor&) const = default;
};
struct MessageSlice {
  std::int64_t limit = 0;               // newest so many; 0 = all
  std::optional<MessageCursor> before;  // older than this one
};
struct MessagePage {
  std::string json;  // [{"info":…,"parts":[…]}…], oldest first
  std::optional<MessageCursor> next;  // of the oldest one, when there are older ones
};

struct QuestionRow {
  domain::QuestionRequest request;
  std::string directory;
  bool open = true;
  std::optional<domain::Answers> answers;  // absent while open and when it was dismissed
};

struct SavedRuleRow {
  domain::SavedRule rule;
  std::string project_id;
  std::string directory;  // empty where the project is a repository
};

struct RequestRow {
  domain::PermissionRequest request;
  std::string directory;
  bool open = true;
};

// What a crash left behind, for recovery.
struct OpenTurn {
  SessionId session;
  MessageId message;
};
struct WaitingPrompt {
  SessionId session;
  MessageId message;
};
struct OpenWork {
  std::vector<OpenTurn> turns;
  std::vector<WaitingPrompt> inbox;                 // admitted, no turn yet; oldest first
  std::vector<domain::AssistantMessage> messages;  // not completed
  std::vector<domain::Part> parts;  // tools pending or running, texts without an end; streamed text included
};

// What one session still has to do.
struct SessionWork {
  struct Waiting {
    MessageId message;
    domain::Delivery delivery = domain::Delivery::queue;
    bool operator==(const Waiting&) const = default;
  };
  std::optional<MessageId> turn;  // the prompt whose turn is open
  int attempt = 0;  // of that turn; more than 1 after a restart
  std::vector<Waiting> inbox;  // admitted, no turn yet; oldest first
  bool operator==(const SessionWork&) const = default;
};

// What a request with an idempotency key did.
struct UsedKey {
  SessionId session;
  std::string fingerprint;
  std::optional<MessageId> message;  // the prompt; empty: the session was made
  bool operator==(const UsedKey&) const = default;
};

// A permission request whose answer was stored, while its call had not gone on yet when the server ended.
struct AnsweredRequest {
  domain::PermissionRequest request;
  domain::Reply reply = domain::Reply::once;
  std::optional<std::string> message;
};

struct RecordRow {
  SessionId session;
  std::string kind;
  std::string key;
  Seq seq = 0;
  bool open = false;
  domain::JsonText body;
  bool operator==(const RecordRow&) const = default;
};
struct RecordFilter {
  std::string kind;
  std::optional<SessionId> session;
  std::optional<std::string> key;
  bool open_only = false;
  Seq after = 0;  // only newer ones
  std::int64_t limit = 1'000;
};

// The newest turn of a session.
struct TurnRow {
  MessageId prompt;
  std::optional<std::string> reason;  // absent while it is open
  TimeMs time = 0;  // when it began or ended
};

struct Counts {
  std::int64_t sessions = 0;
  std::int64_t messages = 0;
  std::int64_t parts = 0;
  std::int64_t events = 0;
  std::int64_t open_requests = 0;
  std::int64_t open_turns = 0;
};

class Query {
 public:
  virtual ~Query() = default;

  virtual Result<std::string> session_json(const SessionId& id) = 0;
  virtual Result<domain::Session> session(const SessionId& id) = 0;
  // Newest update first.
  virtual Result<std::string> sessions_json(const SessionFilter& filter) = 0;
  virtual Result<std::vector<domain::Session>> sessions(const SessionFilter& filter) = 0;
  virtual Result<std::string> children_json(const SessionId& parent) = 0;
  virtual Result<std::vector<SessionId>> children(const SessionId& parent) = 0;

  virtual Result<MessagePage> messages_json(const SessionId& session, const MessageSlice& slice) = 0;  // pool
  virtual Result<std::string> message_json(const SessionId& session, const MessageId& message) = 0;
  virtual Result<domain::MessageWithParts> message(const SessionId& session, const MessageId& message) = 0;
  virtual Result<std::vector<domain::MessageWithParts>> history(const SessionId& session) = 0;  // pool

  virtual Result<std::string> requests_json(
      const std::optional<std::string>& directory) = 0;  // open ones, oldest first
  virtual Result<std::vector<domain::PermissionRequest>> open_requests(const SessionId& session) = 0;
  virtual Result<RequestRow> request(const PermissionId& id) = 0;
  // Of calls that are still running and have done nothing yet.
  virtual Result<std::vector<AnsweredRequest>> answered_requests(const SessionId& session) = 0;
  virtual Result<std::string> questions_json(
      const std::optional<std::string>& directory) = 0;  // open ones, oldest first
  virtual Result<std::vector<domain::QuestionRequest>> open_questions(const SessionId& session) = 0;
  virtual Result<QuestionRow> question(const QuestionId& id) = 0;
  // What a tool call asked last, open or not.
  virtual Result<std::optional<QuestionRow>> question_of(const SessionId& session, const domain::ToolRef& call) = 0;
  // All, or those of one project; oldest first.
  virtual Result<std::vector<SavedRuleRow>> saved_rules(const std::optional<std::string>& project_id) = 0;
  // Sessions that are a background task whose result is still to be delivered.
  virtual Result<std::vector<SessionId>> background_tasks() = 0;
  virtual Result<std::string> todos_json(const SessionId& session) = 0;
  virtual Result<OpenWork> open_work() = 0;  // pool
  virtual Result<SessionWork> work(const SessionId& session) = 0;
  // Sessions with an open turn or a waiting prompt, longest waiting first.
  virtual Result<std::vector<SessionId>> sessions_with_work() = 0;
  // What the request with this key did, if it came before.
  virtual Result<std::optional<UsedKey>> used_key(std::string_view key) = 0;
  // The newest assistant message that answers `prompt`.
  virtual Result<std::optional<MessageId>> last_answer(const SessionId& session, const MessageId& prompt) = 0;

  // Numbers greater than `after`, ascending, at most `limit`. Superseded states are absent.
  virtual Result<std::vector<StoredEvent>> events_after(Seq after, std::int64_t limit) = 0;  // pool
  virtual Result<Seq> last_seq() = 0;
  // The newest number whose event is older than `time`; 0 when there is none.
  virtual Result<Seq> seq_before(TimeMs time) = 0;

  virtual Result<std::vector<domain::Project>> projects() = 0;
  virtual Result<domain::Project> project(const std::string& id) = 0;
  // By number, ascending.
  virtual Result<std::vector<RecordRow>> records(const RecordFilter& filter) = 0;
  virtual Result<std::optional<TurnRow>> last_turn(const SessionId& session) = 0;
  // Of the sessions that are not archived, those whose newest turn ended with `reason`. Reads the newest turn of each.
  virtual Result<std::vector<SessionId>> sessions_ended_with(std::string_view reason) = 0;  // pool
  // Like events_after, of one session.
  virtual Result<std::vector<StoredEvent>> session_events(const SessionId& session, Seq after,
                                                          std::int64_t limit) = 0;  // pool
  virtual Result<Counts> counts() = 0;
};

}  // namespace quarterdeck::store
