#include "session/question_gate.hpp"

#include "session/actor.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

std::expected<Answers, tools::ToolFailure> outcome(std::optional<Answers> answers) {
  if (answers) return std::move(*answers);
  return std::unexpected(
      tools::ToolFailure{.kind = tools::ToolFailure::Kind::rejected, .message = "The user dismissed this question"});
}

}  // namespace

Task<std::expected<Answers, tools::ToolFailure>> QuestionGate::ask(std::vector<Question> questions, ToolRef call,
                                                                   std::stop_token stop) {
  const SessionId session = actor_.state().session.id;
  const auto before = engine_.query.question_of(session, call);
  if (!before) co_return std::unexpected(tools::ToolFailure{.message = before.error().message});
  if (*before && !(*before)->open) co_return outcome((*before)->answers);
  QuestionId id;
  if (*before) {
    id = (*before)->request.id;
  } else {
    id = engine_.ids.question();
    actor_.record(
        QuestionAsked{{.id = id, .session_id = session, .questions = std::move(questions), .tool = std::move(call)}});
  }
  Answer answer = co_await wait(id, stop);
  if (answer.cancelled) {
    if (actor_.state().questions.contains(id) && !engine_.shutting_down()) actor_.record(QuestionRejected{id});
    co_return std::unexpected(
        tools::ToolFailure{.kind = tools::ToolFailure::Kind::cancelled, .message = "Tool execution aborted"});
  }
  co_return outcome(std::move(answer.answers));
}

Task<QuestionGate::Answer> QuestionGate::wait(QuestionId id, std::stop_token stop) {
  OneShot<Answer> answered(engine_.loop);
  waiting_.insert_or_assign(id, answered.setter());
  std::stop_callback on_stop(stop, [set = answered.setter()] { set(Answer{.answers = {}, .cancelled = true}); });
  Answer answer = co_await answered;
  waiting_.erase(id);
  co_return answer;
}

Task<Result<void>> QuestionGate::reply(ReplyQuestion reply) {
  if (!actor_.state().questions.contains(reply.request_id)) {
    co_return fail(ErrorCode::not_found, "Question request not found: {}", reply.request_id.value);
  }
  if (reply.answers) {
    actor_.record(QuestionReplied{reply.request_id, *reply.answers});
  } else {
    actor_.record(QuestionRejected{reply.request_id});
  }
  CO_TRY_VOID(co_await actor_.committed());
  // A call that a restart has not brought back yet finds the answer in the store.
  if (const auto found = waiting_.find(reply.request_id); found != waiting_.end()) {
    found->second(Answer{.answers = std::move(reply.answers), .cancelled = false});
  }
  co_return Result<void>();
}

void QuestionGate::withdraw_all() {
  for (const auto& [id, request] : std::map(actor_.state().questions)) actor_.record(QuestionRejected{id});
}

}  // namespace quarterdeck::session
