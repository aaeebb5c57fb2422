// Query over SQLite: each call in one read transaction.
#pragma once

#include "store/query.hpp"
#include "store/sqlite/read_connections.hpp"

namespace quarterdeck::store::sqlite {

class Reader final : public Query {
 public:
  explicit Reader(DatabaseFile file) : connections_(std::move(file)) {}

  Result<std::string> session_json(const SessionId& id) override;
  Result<domain::Session> session(const SessionId& id) override;
  Result<std::string> sessions_json(const SessionFilter& filter) override;
  Result<std::vector<domain::Session>> sessions(const SessionFilter& filter) override;
  Result<std::string> children_json(const SessionId& parent) override;
  Result<std::vector<SessionId>> children(const SessionId& parent) override;
  Result<MessagePage> messages_json(const SessionId& session, const MessageSlice& slice) override;
  Result<std::string> message_json(const SessionId& session, const MessageId& message) override;
  Result<domain::MessageWithParts> message(const SessionId& session, const MessageId& message) override;
  Result<std::vector<domain::MessageWithParts>> history(const SessionId& session) override;
  Result<std::string> requests_json(const std::optional<std::string>& directory) override;
  Result<std::vector<domain::PermissionRequest>> open_requests(const SessionId& session) override;
  Result<RequestRow> request(const PermissionId& id) override;
  Result<std::vector<AnsweredRequest>> answered_requests(const SessionId& session) override;
  Result<std::string> questions_json(const std::optional<std::string>& directory) override;
  Result<std::vector<domain::QuestionRequest>> open_questions(const SessionId& session) override;
  Result<QuestionRow> question(const QuestionId& id) override;
  Result<std::optional<QuestionRow>> question_of(const SessionId& session, const domain::ToolRef& call) override;
  Result<std::vector<SavedRuleRow>> saved_rules(const std::optional<std::string>& project_id) override;
  Result<std::vector<SessionId>> background_tasks() override;
  Result<std::string> todos_json(const SessionId& session) override;
  Result<OpenWork> open_work() override;
  Result<SessionWork> work(const SessionId& session) override;
  Result<std::vector<SessionId>> sessions_with_work() override;
  Result<std::optional<UsedKey>> used_key(std::string_view key) override;
  Result<std::optional<MessageId>> last_answer(const SessionId& session, const MessageId& prompt) override;
  Result<std::vector<StoredEvent>> events_after(Seq after, std::int64_t limit) override;
  Result<Seq> last_seq() override;
  Result<Seq> seq_before(TimeMs time) override;
  Result<std::vector<domain::Project>> projects() override;
  Result<domain::Project> project(const std::string& id) override;
  Result<std::vector<RecordRow>> records(const RecordFilter& filter) override;
  Result<std::optional<TurnRow>> last_turn(const SessionId& session) override;
  Result<std::vector<SessionId>> sessions_ended_with(std::string_view reason) override;
  Result<std::vector<StoredEvent>> session_events(const SessionId& session, Seq after, std::int64_t limit) override;
  Result<Counts> counts() override;

 private:
  ReadConnections connections_;
};

}  // namespace quarterdeck::store::sqlite
