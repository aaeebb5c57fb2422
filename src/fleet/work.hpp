// What a session made, for whoever looks it through: its checkpoints and commits, what differs between any two, reviews,
// and the way back. Foreign text (comments) reaches the model as labelled data in a message of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "domain/delivery.hpp"
#include "session/engine.hpp"
#include "session/host.hpp"
#include "workspace/changes.hpp"
#include "workspace/checkpoints.hpp"
#include "workspace/worktree_record.hpp"

namespace quarterdeck::fleet {

class Fleet;

struct Work {
  std::optional<workspace::SessionWorktree> worktree;  // when it has one of its own
  std::string branch;
  std::string base;  // where its commits begin; empty: not known
  std::vector<workspace::Checkpoint> checkpoints;  // the newest first
  std::vector<workspace::Checkpoint> commits;  // likewise
};

struct Comparison {
  std::string from;
  std::string to;
  std::vector<workspace::FileChange> files;  // without patches
  std::string patch;  // as git prints it, whole files, up to 2 MB
  bool truncated = false;  // the patch, or the list of files
};

struct ReviewComment {
  std::string path;
  std::string side = "new";  // old | new
  std::int64_t line = 0;  // 0: the whole file
  std::string text;
};
struct Review {
  std::string verdict;  // accept | rework
  std::optional<std::string> commit;
  std::optional<std::string> summary;
  std::vector<ReviewComment> comments;
  std::optional<bool> wake;  // begin a turn; otherwise the session reads it with its next one. Default: with rework
  std::optional<std::string> by;
};
// Errors: `invalid` with the path.
Result<Review> decode_review(std::string_view json);

// `limit` each, newest first.
Task<Result<Work>> work_of(session::Engine& engine, SessionId session, int limit);
// `from` and `to`: the beginning of an id, "base", "start" (the first checkpoint), "head" (the newest commit), "now" (the
// files as they are). Errors: not_found.
Task<Result<Comparison>> compare(session::Engine& engine, SessionId session, std::string from, std::string to,
                                 bool with_patch);
// The checkpoint or commit that a name stands for, as for compare(), without "base" and "now".
Task<Result<workspace::Checkpoint>> named(session::Engine& engine, SessionId session, std::string name);
// Answers the message that holds it.
Task<Result<MessageId>> review(Fleet& fleet, SessionId session, Review review,
                               std::optional<domain::IdempotencyKey> key);
// The texts of the reviews that it was given, oldest first.
Task<Result<std::vector<std::string>>> reviews(session::Engine& engine, SessionId session);
// `to` as for compare(), without "now". The session is told.
Task<Result<session::Host::RolledBack>> roll_back(session::Engine& engine, session::Host& host, SessionId session,
                                                  std::string to);

}  // namespace quarterdeck::fleet
