// Work that opens by itself: at times (cron.hpp), or when another session ends, fails, or needs somebody. Each run is a
// handoff under a key of its own.
// Laws: a due time opens at most one session, also across crashes: the key names it, and the newest due time is kept. What
//       was missed while the server was down runs once or not at all, as the schedule says. A schedule's own sessions do
//       not set it off, and no schedule opens more than `max_per_hour`.
// Schedules of the user's configuration ("quarterdeck": {"schedules": {name: {…}}}) cannot be changed here.
// Everything runs on the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "domain/fleet.hpp"
#include "domain/handoff.hpp"
#include "fleet/cron.hpp"
#include "session/engine.hpp"

namespace quarterdeck::fleet {

struct Trigger {
  std::string on;  // ended | failed | needs_you
  std::optional<std::string> label;  // of the session; absent: any
  std::optional<std::string> project;
  std::optional<std::string> owner;
};

struct Schedule {
  std::string id;  // "sch_…", or "config:name"
  std::string name;
  bool enabled = true;
  std::optional<std::string> cron;
  std::string time_zone = "UTC";
  std::optional<Trigger> trigger;
  std::string missed = "skip";  // | "once"
  int max_per_hour = 12;
  domain::JsonText handoff;  // as POST /fleet/handoff takes it
  std::optional<std::string> made_by;  // the idempotency key and what came with it
  // What happened.
  TimeMs since = 0;  // made, changed or enabled: nothing before is due
  TimeMs last_due = 0;
  TimeMs last_run = 0;
  std::optional<std::string> last_session;
  std::optional<std::string> last_error;
  std::vector<TimeMs> runs;  // of the last hour
};

class Schedules {
 public:
  using HandOver = std::function<Task<Result<SessionId>>(domain::Handoff handoff)>;
  // `engine` outlives it.
  Schedules(session::Engine& engine, HandOver hand_over);
  ~Schedules();

  // Start-up. `ours`: the configuration's text; what is wrong in it is logged.
  Task<void> recover(std::string ours);
  Task<void> shutdown();

  const std::map<std::string, Schedule>& all() const { return all_; }
  std::optional<TimeMs> next_run(const Schedule& schedule) const;
  // Makes one, or replaces the one with this id. Errors: `invalid` with the field's path, `denied` (of the
  // configuration), `conflict` (too many).
  Task<Result<Schedule>> put(std::optional<std::string> id, std::string body,
                             std::optional<domain::IdempotencyKey> key = {});
  Task<Result<void>> remove(std::string id);
  Task<Result<SessionId>> run_now(std::string id, std::optional<std::string> key);
  // The attention of a session has changed.
  void on_attention(const domain::Session& session, const domain::Standing& standing, const domain::Attention& now);

 private:
  void arm();
  Task<void> run_due();
  Task<Result<SessionId>> run(std::string id, std::string occasion, std::string about);
  Task<Result<void>> store();

  session::Engine& engine_;
  HandOver hand_over_;
  std::map<std::string, Schedule> all_;
  std::unique_ptr<Loop::Handle> timer_;
  bool running_due_ = false;
  TaskGroup background_;
};

std::string encode_schedule(const Schedule& schedule, std::optional<TimeMs> next);

}  // namespace quarterdeck::fleet
