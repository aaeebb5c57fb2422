// Questions that an agent asks the person it works for: the `question` tool and the approval of a plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "domain/permission.hpp"

namespace quarterdeck::domain {

struct QuestionOption {
  std::string label;
  std::string description;
  bool operator==(const QuestionOption&) const = default;
};

struct Question {
  std::string question;
  std::string header;  // a few words
  std::vector<QuestionOption> options;
  std::optional<bool> multiple;  // more than one option may be chosen
  std::optional<bool> custom;    // an answer of one's own may be typed; true when absent
  bool operator==(const Question&) const = default;
};

struct QuestionRequest {
  QuestionId id;
  SessionId session_id;
  std::vector<Question> questions;
  std::optional<ToolRef> tool;
  bool operator==(const QuestionRequest&) const = default;
};

// For each question, in order: the labels that were chosen, or the text that was typed.
using Answers = std::vector<std::vector<std::string>>;

struct ReplyQuestion {
  QuestionId request_id;
  std::optional<Answers> answers;  // absent: the question was dismissed
};

// "Always": a rule that lasts, for a project; outside a repository for one directory.
struct SavedRule {
  std::string id;
  std::string permission;
  std::string pattern;
  bool operator==(const SavedRule&) const = default;
};

}  // namespace quarterdeck::domain
