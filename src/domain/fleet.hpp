// What the fleet knows of a session beside the conversation: its standing (what people and supervisors decided about it)
// and its attention (what it needs from the world). Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/json_text.hpp"
#include "domain/model.hpp"
#include "domain/project.hpp"
#include "domain/session.hpp"

namespace quarterdeck::domain {

enum class Priority { P0, P1, P2, P3 };

// Limits of a session with its children. Absent: none.
struct Budget {
  std::optional<double> cost_usd;
  std::optional<std::int64_t> tokens;
  std::optional<std::int64_t> steps;
  std::optional<std::int64_t> wall_ms;  // of work, not of waiting
  bool operator==(const Budget&) const = default;
};

// Something elsewhere that a session is about: an issue, a thread, an event. All of it is foreign text.
struct Ref {
  std::string system;  // "linear", "sentry", "github", "slack"…
  std::string id;  // "ENG-123": with the system, the name of the thing
  std::optional<std::string> url;
  std::optional<std::string> title;
  std::optional<std::string> text;
  bool operator==(const Ref&) const = default;
};

struct Standing {
  Priority priority = Priority::P2;
  std::vector<std::string> labels;
  std::optional<std::string> owner;  // who supervises it and is asked first
  std::optional<Budget> budget;
  std::vector<Ref> refs;
  bool handed_over = false;  // opened by a handoff
  std::optional<std::string> principal;  // who handed it over
  std::optional<JsonText> reply_to;  // where the answer is waited for
  std::optional<JsonText> result_schema;  // JSON schema of the final answer
  std::optional<TimeMs> closed;  // since when it is done
  std::optional<TimeMs> accepted;  // what ended until then was seen: its result, or its failure
  bool operator==(const Standing&) const = default;
};

struct Attention {
  enum class Group { needs_you, with_supervisor, ready_for_review, working, queued, quiet };
  enum class State {
    approve,
    answer,
    plan,
    conflict,
    login,
    budget,
    failed,
    stalled,  // needs_you, with_supervisor
    ready,  // ready_for_review
    starting,
    working,
    retrying,  // working
    queued,
    scheduled,
    paused,  // queued
    idle,
    done,  // quiet
  };
  // What it is derived from, by id where there is one.
  struct Evidence {
    std::string kind;  // request | question | turn | message | tool | session | error | retry | stall
    std::string id;
    std::string text;
    bool operator==(const Evidence&) const = default;
  };
  // What happens by itself when nobody does anything.
  struct Next {
    std::string action;
    std::optional<TimeMs> at;
    bool operator==(const Next&) const = default;
  };

  Group group = Group::quiet;
  State state = State::idle;
  std::string reason;  // a sentence
  std::vector<Evidence> evidence;
  TimeMs since = 0;
  std::optional<Next> next;
  std::optional<std::string> stall;  // what kind, when stalled
  std::optional<std::string> warning;  // what will stop it soon: most of a budget is used
  bool operator==(const Attention&) const = default;
};

// What a session, or its next request to a model, waits for; as it is when it is read.
struct Waiting {
  std::string what;  // session | model
  std::string limit;  // "server", "project", "provider anthropic", "model …"
  std::string reason;  // a sentence
  std::size_t position = 0;  // 1: the next
  std::size_t of = 0;
  TimeMs since = 0;
  std::optional<TimeMs> until;  // not before
  bool operator==(const Waiting&) const = default;
};

// A session in the roster.
struct RosterRow {
  SessionId session;
  std::string title;
  std::string project_id;
  std::string directory;
  Attention attention;
  Standing standing;
  double cost = 0;
  std::optional<DiffSummary> summary;
  std::optional<std::string> agent;
  std::optional<ModelRef> model;
  TimeMs created = 0;
  TimeMs updated = 0;
  int children = 0;
  std::int64_t seq = 0;  // of its newest change of attention; 0 = none
  std::optional<Waiting> waiting;
  std::optional<JsonText> result;  // the newest answer that fits `result_schema`; of one session only, not in lists
  bool operator==(const RosterRow&) const = default;
};

}  // namespace quarterdeck::domain
