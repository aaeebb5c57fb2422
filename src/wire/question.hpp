// Questions as JSON, in OpenCode's shapes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/question.hpp"

namespace quarterdeck::wire {

std::string encode_question_request(const domain::QuestionRequest& request);
Result<domain::QuestionRequest> decode_question_request(std::string_view json);
std::string encode_answers(const domain::Answers& answers);
Result<domain::Answers> decode_answers(std::string_view json);
// {"answers":[["label"]]}
Result<domain::ReplyQuestion> decode_reply_question(QuestionId request, std::string_view json);

}  // namespace quarterdeck::wire
