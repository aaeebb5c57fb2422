// Members of questions and saved rules, for the codecs of this folder.
#pragma once

#include "domain/question.hpp"
#include "wire/codec.hpp"
#include "wire/describe/permission.hpp"

namespace quarterdeck::wire {

template <class Io>
void describe(Io& io, domain::QuestionOption& option) {
  io.field("label", option.label);
  io.field("description", option.description);
}

template <class Io>
void describe(Io& io, domain::Question& question) {
  io.field("question", question.question);
  io.field("header", question.header);
  io.field("options", question.options);
  io.field("multiple", question.multiple);
  io.field("custom", question.custom);
}

template <class Io>
void describe(Io& io, domain::QuestionRequest& request) {
  io.field("id", request.id);
  io.field("sessionID", request.session_id);
  io.field("questions", request.questions);
  io.field("tool", request.tool);
}

template <class Io>
void describe(Io& io, domain::SavedRule& rule) {
  io.field("id", rule.id);
  io.field("permission", rule.permission);
  io.field("pattern", rule.pattern);
}

}  // namespace quarterdeck::wire
