// Work that somebody elsewhere hands over: it becomes one session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/delivery.hpp"
#include "domain/fleet.hpp"
#include "domain/model.hpp"

namespace quarterdeck::domain {

// A worktree and a branch of its own (docs/worktrees.md).
struct HandoffWorktree {
  std::string branch;  // as wanted; empty: named after the title
  std::string base;    // a commit, branch or tag; empty: what the project's checkout is at
};

struct Handoff {
  std::string request;  // what is to be done: the first prompt
  std::vector<Ref> refs;
  std::string directory;  // absolute
  std::optional<std::string> title;
  Priority priority = Priority::P2;
  std::vector<std::string> labels;
  std::optional<std::string> owner;
  std::optional<Budget> budget;
  std::optional<std::string> agent;
  std::optional<ModelRef> model;
  std::optional<HandoffWorktree> worktree;  // absent: the usual one, where the directory is in a git repository
  bool in_place = false;  // works in `directory` itself
  std::optional<std::string> principal;  // who hands it over
  std::optional<JsonText> reply_to;  // where the answer is waited for: kept, and shown
  std::optional<JsonText> result_schema;  // what the final answer has to be
  bool fresh = false;  // a new session even when one is open for the same refs
  std::optional<IdempotencyKey> key;
};

// PATCH: absent members stay, empty ones go.
struct StandingChange {
  std::optional<std::string> title;
  std::optional<std::string> agent;
  std::optional<ModelRef> model;
  std::optional<Priority> priority;
  std::optional<std::vector<std::string>> labels;
  std::optional<std::optional<std::string>> owner;
  std::optional<std::optional<Budget>> budget;
};

// An answer to an open permission or question. `hash`: of what was shown to whoever answers.
struct RequestAnswer {
  std::optional<std::string> hash;
  std::optional<std::string> reply;    // permissions: once | always | reject; questions: reject
  std::optional<std::string> message;  // with a rejected permission
  std::optional<std::vector<std::vector<std::string>>> answers;  // questions
};

}  // namespace quarterdeck::domain
