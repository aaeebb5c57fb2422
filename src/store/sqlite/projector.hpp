// Writes one event and its projections, inside the caller's transaction.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "domain/event.hpp"
#include "domain/project.hpp"
#include "store/event_store.hpp"
#include "store/sqlite/connection.hpp"

namespace quarterdeck::store::sqlite {

// What the loop decided about an event before it came to the writer.
struct Stamp {
  EventId id;
  TimeMs time = 0;
};

class Projector {
 public:
  explicit Projector(Connection& connection) : sql_(connection) {}

  // Errors: `not_found`, `conflict` when the event does not fit; the caller rolls back. Throws SqlFailure.
  Result<StoredEvent> apply(const Batch& batch, const domain::Event& event, const Stamp& stamp, Seq seq);
  void put_project(const domain::Project& project);
  void remove_saved_rule(const std::string& id);

 private:
  struct Context;
  Result<> project(Context& at, const domain::SessionCreated& event);
  Result<> project(Context& at, const domain::SessionUpdated& event);
  Result<> project(Context& at, const domain::SessionDeleted& event);
  Result<> project(Context& at, const domain::MessageUpdated& event);
  Result<> project(Context& at, const domain::MessageRemoved& event);
  Result<> project(Context& at, const domain::PartUpdated& event);
  Result<> project(Context& at, const domain::PartRemoved& event);
  Result<> project(Context& at, const domain::PartAppended& event);
  Result<> project(Context& at, const domain::PromptAdmitted& event);
  Result<> project(Context& at, const domain::TurnStarted& event);
  Result<> project(Context& at, const domain::TurnEnded& event);
  Result<> project(Context& at, const domain::ToolStarted& event);
  Result<> project(Context& at, const domain::PermissionAsked& event);
  Result<> project(Context& at, const domain::PermissionReplied& event);
  Result<> project(Context& at, const domain::QuestionAsked& event);
  Result<> project(Context& at, const domain::QuestionReplied& event);
  Result<> project(Context& at, const domain::QuestionRejected& event);
  Result<> project(Context& at, const domain::RulesSaved& event);
  Result<> project(Context& at, const domain::TodoUpdated& event);
  Result<> project(Context& at, const domain::SessionFailed& event);
  Result<> project(Context& at, const domain::KeyUsed& event);
  Result<> project(Context& at, const domain::RecordPut& event);

  std::optional<std::int64_t> find_session(const SessionId& id);
  std::optional<std::int64_t> find_message(const Context& at, const MessageId& id);
  std::optional<std::int64_t> find_part(std::int64_t message, const PartId& id);
  Result<std::int64_t> next_key(const char* newest_in_range, struct KeyRange range, std::string_view what);
  Result<> close_question(Context& at, const QuestionId& id, std::optional<std::string_view> answers);
  void drop_event(std::int64_t seq);
  void drop_tail(std::int64_t part);
  void drop_parts(struct KeyRange parts);
  void drop_keys_before(TimeMs time);
  void drop_inbox(const Context& at, const MessageId& message);

  Connection& sql_;
};

}  // namespace quarterdeck::store::sqlite
