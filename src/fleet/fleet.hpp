// Supervision: what surfaces ask about all sessions, and do with them, beyond the conversation. Reads go to the store and
// the board; what changes a session goes through the session's host.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "domain/fleet.hpp"
#include "fleet/admission.hpp"
#include "fleet/board.hpp"
#include "fleet/budget.hpp"
#include "fleet/calls.hpp"
#include "fleet/schedules.hpp"
#include "fleet/slotted.hpp"
#include "fleet/stall_policies.hpp"
#include "fleet/upkeep.hpp"
#include "fleet/watch.hpp"

namespace quarterdeck::fleet {

struct RosterFilter {
  std::optional<domain::Attention::Group> group;
  std::optional<domain::Attention::State> state;
  std::optional<domain::Priority> priority;
  std::optional<std::string> project_id;
  std::optional<std::string> directory;
  std::optional<std::string> label;
  std::optional<std::string> owner;
  std::string search;  // part of the title
  bool archived = false;  // those of the archive too
  std::string cursor;  // from RosterPage::next
  std::size_t limit = 100;
  // Whom the caller reaches; empty: all. Holds for the board and its counts; asked on the loop.
  std::function<bool(const SessionId&)> reaches;
};

struct RosterPage {
  std::vector<domain::RosterRow> rows;
  std::string next;  // empty: there are no more
  std::map<domain::Attention::Group, std::size_t> counts;  // on the board: all groups but quiet
  store::Seq seq = 0;  // for wait and events: what changes after this page
};

struct HandedOver {
  SessionId session;
  bool created = false;  // false: this work has a session already
};

// A request that waits for an answer.
struct RequestView {
  OpenRequest::Kind kind = OpenRequest::Kind::permission;
  std::string id;
  SessionId session;  // that asks
  SessionId head;  // in the roster
  std::string title;
  domain::Priority priority = domain::Priority::P2;
  domain::Attention attention;
  std::string hash;  // of `content`
  std::string content;  // JSON, as the session asked
};

// The newest change of a session's attention.
struct Change {
  store::Seq seq = 0;  // 0: it never changed
  SessionId session;
  std::string title;
  domain::Priority priority = domain::Priority::P2;
  std::optional<domain::JsonText> reply_to;
  domain::Attention attention;
};

struct Wait {
  std::vector<SessionId> sessions;  // empty: all
  std::optional<store::Seq> after;  // absent: as they are now, at once
  std::int64_t timeout_ms = 25'000;
  std::size_t limit = 200;
};
struct Waited {
  std::vector<Change> changes;  // by number
  std::vector<SessionId> gone;  // of those that were named
  store::Seq cursor = 0;
};

struct FleetOptions {
  StallPolicy stalls;
  SlotLimits sessions = kNoLimits;  // that run at a time
  SharedLimits budgets;  // of a day
  std::string settings = "{}";  // the user's, for schedules
  std::optional<CpuGroups> cpu_groups;  // otherwise commands get nice values
};

enum class Close { only_idle, stop_work };

struct ForkAt {
  std::string checkpoint;  // the beginning of its id, "start" or "head"
  std::optional<std::string> text;  // what it is told first; otherwise it waits for its first prompt
  std::optional<std::string> title;
  std::string branch;  // as wanted; empty: named after the title
  std::optional<domain::Priority> priority;  // otherwise the original's
};
struct ForkedSession {
  SessionId session;
  std::string directory;
  std::string branch;
  std::optional<MessageId> prompt;
};

class Fleet {
 public:
  // All of them outlive it. Without `slots` every request to a model goes at once.
  Fleet(session::Engine& engine, session::Host& host, Slots* slots = nullptr, FleetOptions options = {});
  ~Fleet();

  Board& board() { return board_; }
  Calls& calls() { return calls_; }
  const Slots* slots() const { return slots_; }
  const Admission& admission() const { return admission_; }
  Budgets& budgets() { return budgets_; }
  Schedules& schedules() { return schedules_; }
  Upkeep& upkeep() { return upkeep_; }  // the sessions' own worktrees
  session::Engine& engine() { return engine_; }
  session::Host& host() { return host_; }

  // Start-up, beside the sessions' recovery. Then it looks after itself until shutdown().
  Task<Result<void>> recover();
  Task<void> shutdown();

  // By group, priority, longest waiting; then the quiet ones, newest first. Error: `invalid` (cursor).
  Task<Result<RosterPage>> roster(RosterFilter filter);
  Result<domain::RosterRow> row(const SessionId& session);

  // Returns when one of the sessions has changed after the cursor, or when the time is over. Error: `invalid` (a cursor
  // of the future).
  Task<Result<Waited>> wait(Wait wait);
  // What has changed after `after`, without waiting; oldest first.
  Result<std::vector<Change>> changes_after(store::Seq after, std::size_t limit);

  // Makes a session of it, or finds the one that it was made into before. On disk with its prompt when this returns.
  // Errors: `invalid` (directory, agent, model), `conflict` (the key was used for something else).
  Task<Result<HandedOver>> hand_over(domain::Handoff handoff);
  Task<Result<void>> change(SessionId session, domain::StandingChange change);
  // A prompt for a session that makes no progress: heard between two steps, or at once where nothing else would be heard.
  Task<Result<MessageId>> nudge(SessionId session, std::optional<std::string> text,
                                std::optional<domain::IdempotencyKey> key);
  // A prompt of a supervisor; answered in the form that the handoff asked for.
  Task<Result<MessageId>> tell(SessionId session, domain::Prompt prompt);
  // The newest answer in that form. Nothing where none was asked for or given yet.
  Task<Result<std::optional<domain::JsonText>>> result(SessionId session);
  // A session of its own, with a worktree of its own, that begins with what this one had at a checkpoint or commit: its
  // files and the conversation up to that step. Errors: `not_found` (session, checkpoint), `invalid` (no git repository).
  Task<Result<ForkedSession>> fork(SessionId session, ForkAt at);
  // Done: nothing of it needs anybody. Error: `conflict` while it works, unless it may be stopped.
  Task<Result<void>> close(SessionId session, Close how);
  Task<Result<void>> reopen(SessionId session);  // also out of the archive
  Task<Result<void>> archive(SessionId session, Close how);
  // What it ended with was seen: its result, or its failure.
  Task<Result<void>> accept(SessionId session);

  // Open ones, by priority, oldest first.
  Task<Result<std::vector<RequestView>>> requests();
  // Those of one session and its children.
  Result<std::vector<RequestView>> requests_of(const SessionId& session);
  // Errors: `not_found`; `conflict` when it is answered.
  Result<RequestView> request(const std::string& id);
  // Who asked it, open or not.
  Result<SessionId> asker(const std::string& id);
  // Errors: `not_found`, `invalid`, `conflict` when it was answered or is not what `hash` stands for.
  Task<Result<void>> answer(std::string id, domain::RequestAnswer answer);

 private:
  Task<void> keep_watch();
  Task<void> sleep_until_due();
  void look_at_slots();
  void on_attention(const SessionId& head, const domain::Attention& now);
  Task<void> nudge_stalled(SessionId id);
  Task<Result<SessionId>> hand_over_scheduled(domain::Handoff handoff);
  bool waits_for_slot(const SessionId& session) const;
  // What each head waits for, for the rows of a roster.
  std::map<SessionId, domain::Waiting> all_waiting() const;
  Result<Change> change_of(const store::RecordRow& row);
  Result<Waited> look(const Wait& wait);
  Task<Result<HandedOver>> open_session(domain::Handoff handoff);
  Task<Result<void>> give_prompt(SessionId session, domain::Handoff handoff);
  Result<std::optional<SessionId>> session_for(const domain::Handoff& handoff);
  Task<void> finish_handoffs();
  Task<Result<void>> settle_work(SessionId session, Close how);
  using Decide = void (*)(domain::Standing& standing, TimeMs now);
  Task<Result<void>> decide(SessionId session, Decide what);
  Task<Result<void>> keep(const domain::Session& session, const domain::Standing& standing);
  Result<domain::Standing> newest_standing(const SessionId& session);
  Result<void> view_of(const domain::Session& head, std::vector<RequestView>& out);

  session::Engine& engine_;
  session::Host& host_;
  Board board_;
  Admission admission_;
  Calls calls_;
  Slots* slots_;
  Budgets budgets_;
  Schedules schedules_;
  SharedLimits shared_limits_;
  std::string settings_;
  StallPolicies policies_;
  Watch watch_;
  // Decided, and on its way to the disk.
  struct Pending {
    domain::Standing newest;
    int writes = 0;
  };
  std::map<SessionId, Pending> pending_;
  std::set<std::string> handing_over_;  // keys and refs: two of the same become one
  std::vector<OneShot<Unit>::Setter> next_handoffs_;
  Upkeep upkeep_;
  std::optional<TimeMs> sleeps_until_;  // while nothing works
  std::stop_source wake_;
  TaskGroup watching_;
};

}  // namespace quarterdeck::fleet
