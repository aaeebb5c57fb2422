// Questions of one session: asked, answered once, withdrawn. The same call asks once, also across restarts: what it was
// answered is in the store, under the call that asked.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/async.hpp"
#include "domain/question.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::session {

class Actor;
struct Engine;

class QuestionGate {
 public:
  QuestionGate(Engine& engine, Actor& actor) : engine_(engine), actor_(actor) {}

  // Returns when somebody answered; `rejected` when they dismissed it. An abort withdraws the questions, a shutdown
  // leaves them open for the next start.
  Task<std::expected<domain::Answers, tools::ToolFailure>> ask(std::vector<domain::Question> questions,
                                                               domain::ToolRef call, std::stop_token stop);
  // Errors: not_found when it is not open.
  Task<Result<void>> reply(domain::ReplyQuestion reply);
  // Nobody will come back for the answers: takes back what is open.
  void withdraw_all();

 private:
  struct Answer {
    std::optional<domain::Answers> answers;  // absent: dismissed
    bool cancelled = false;
  };
  Task<Answer> wait(QuestionId id, std::stop_token stop);

  Engine& engine_;
  Actor& actor_;
  std::map<QuestionId, OneShot<Answer>::Setter> waiting_;
};

}  // namespace quarterdeck::session
