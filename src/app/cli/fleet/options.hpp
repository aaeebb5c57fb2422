// The supervisors' commands as values: one aggregate, of which each verb reads what its line of the table names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/cli/target.hpp"

namespace quarterdeck::app {

enum class FleetVerb {
  ps,
  open,
  watch,
  tell,
  nudge,
  answer,
  approve,
  reject,
  requests,
  diff,
  digest,
  wait,
  accept,
  close,
  reopen,
  set,
  search,
  webhook,
  evidence,
  review,
  rollback,
  fork,
  queue,
  budget,
  schedule,
};

struct FleetOptions {
  Target target;
  FleetVerb verb = FleetVerb::ps;
  bool json = false;
  std::vector<std::string> words;  // the session or the request, then text

  // which sessions
  std::string group, state, project, owner, title_part;
  std::vector<std::string> labels;
  bool archived = false;
  std::vector<std::string> kinds;
  std::string from, to;  // how long ago: 3h, 7d
  std::string session;
  std::string cursor;
  bool newest = false;
  bool once = false;
  std::int64_t limit = 100;

  // what is handed over, or changed
  std::string priority, title, agent, model, key, branch, base, file;
  std::vector<std::string> refs;  // SYSTEM:ID
  std::optional<double> budget_usd;
  std::optional<std::int64_t> budget_tokens;
  std::optional<std::int64_t> budget_steps;
  std::string result_schema;  // a file
  bool in_place = false;
  bool fresh = false;
  bool wait = false;

  // steering
  std::string mode = "queue";
  std::string why;
  std::string hash;
  bool always = false;
  bool stop = false;
  bool archive = false;

  // reviewing
  std::string checkpoint;
  std::vector<std::string> comments;  // PATH:LINE:TEXT
  bool accept = false;
  bool none = false;

  // looking
  std::string range;
  bool stat = false;
  bool list = false;
  std::int64_t since = 0;
  std::int64_t max_tokens = 0;

  // who is told
  std::string id, session_key, agent_id;
  std::string secret_file, token_file;  // never on the command line, where others see them
  std::vector<std::string> events;
  bool allow_private = false;

  // waiting
  std::optional<double> timeout_s;
  std::string until = "settled";
  bool all = false;

  bool operator==(const FleetOptions&) const = default;
};

int supervise(const FleetOptions& options);

}  // namespace quarterdeck::app
