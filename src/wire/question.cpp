#include "wire/question.hpp"

#include "wire/describe/question.hpp"

namespace quarterdeck::wire {
namespace {

struct ReplyShape {
  domain::Answers answers;
};

void describe(Reader& io, ReplyShape& shape) { io.field("answers", shape.answers); }

}  // namespace

std::string encode_question_request(const domain::QuestionRequest& request) { return encode(request); }
Result<domain::QuestionRequest> decode_question_request(std::string_view json) {
  return decode_text<domain::QuestionRequest>(json);
}

std::string encode_answers(const domain::Answers& answers) { return encode(answers); }
Result<domain::Answers> decode_answers(std::string_view json) { return decode_text<domain::Answers>(json); }

Result<domain::ReplyQuestion> decode_reply_question(QuestionId request, std::string_view json) {
  TRY(auto shape, decode_text<ReplyShape>(json));
  return domain::ReplyQuestion{std::move(request), std::move(shape.answers)};
}

}  // namespace quarterdeck::wire
