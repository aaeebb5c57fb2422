// The attention of every session that is not quiet, as it is now. Follows the store's commits, keeps changes as records
// (so they have numbers, survive the server, and can be waited for), and tells who waits.
// Laws: a request or a failure that was committed has moved the board before anybody is told of it. That work begins or
//       ends well is looked at when somebody asks, or 100 ms later: a turn that is over by then is one change, not four.
//       After a start, what the board says is what the tables say. Only sessions without a parent are on it; what their
//       children need, they need.
// Everything runs on the loop.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "base/async.hpp"
#include "fleet/changes.hpp"
#include "fleet/facts.hpp"
#include "session/engine.hpp"
#include "session/host.hpp"

namespace quarterdeck::fleet {

class Board {
 public:
  static constexpr TimeMs kNever = std::numeric_limits<TimeMs>::max();

  struct Entry {
    domain::Attention attention;
    domain::Priority priority = domain::Priority::P2;
    store::Seq seq = 0;
  };

  Board(session::Engine& engine, session::Host& host, AttentionPolicy policy);

  // Start-up, after the sessions' own recovery has begun.
  Task<Result<void>> recover();
  Task<void> shutdown();
  void on_commit(std::span<const store::StoredEvent> events);
  // Looks at a session again: what only the running server knows may have changed.
  void look_at(const SessionId& session);
  // What the server finds out beside the store: stalls, and why a prompt does not begin.
  void set_stall(const SessionId& session, std::optional<Stall> stall);
  void set_held_back(const SessionId& session, std::optional<std::string> why);
  void clear_held_back(const SessionId& session) { held_back_.erase(session); }  // its turn begins
  void set_nudge(const SessionId& session, std::optional<domain::Attention::Next> nudge);
  void clear_nudge(const SessionId& session) { nudges_.erase(session); }  // it is not stalled any more
  void set_warning(const SessionId& session, std::optional<std::string> warning);
  void set_over_budget(const SessionId& session, std::optional<std::string> why);

  const std::map<SessionId, Entry>& entries();
  // Of any session, also of a quiet one and of a child.
  Result<domain::Attention> attention_of(const domain::Session& session);
  domain::Priority priority_of(const SessionId& head) const;
  // Whether it is in `entries()`, as far as is known without looking: it may be quiet by now.
  bool may_work(const SessionId& head) const { return entries_.contains(head) || stirred_.contains(head); }
  // Until all that has changed so far is on disk too.
  Task<void> settle();

  // Told of every change before it is stored.
  using OnAttention = std::function<void(const SessionId& head, const domain::Attention& attention)>;
  void on_attention(OnAttention told) { on_attention_ = std::move(told); }

  // Tells when the attention of a session has changed and is on disk.
  const std::shared_ptr<Changes>& changes() const { return changes_; }
  // A number that is at least that of every change so far.
  store::Seq last_seq() const { return last_seq_; }

  const AttentionPolicy& policy() const { return policy_; }

  // What is due by itself; once a second while sessions work.
  void tick();
  // When something is, beside the sessions that work: as of now, and at least what was added since.
  TimeMs next_due();
  TimeMs soonest_due() const { return soonest_due_; }

 private:
  void look_at_stirred();
  Task<void> look_later();
  Result<Facts> facts_of(const domain::Session& session) const;
  void keep(const domain::Session& session, const domain::Attention& attention);

  session::Engine& engine_;
  session::Host& host_;
  AttentionPolicy policy_;
  bool recovered_ = false;
  std::map<SessionId, Entry> entries_;
  std::set<SessionId> stirred_;  // may have begun or ended work since they were looked at
  std::shared_ptr<std::size_t> being_stored_ = std::make_shared<std::size_t>(0);
  std::map<SessionId, Stall> stalls_;
  std::map<SessionId, std::string> held_back_;
  std::map<SessionId, std::string> over_budget_;
  std::map<SessionId, std::string> warnings_;
  std::map<SessionId, domain::Attention::Next> nudges_;
  std::shared_ptr<Changes> changes_ = std::make_shared<Changes>();
  store::Seq last_seq_ = 0;
  OnAttention on_attention_;
  TimeMs soonest_due_ = kNever;
  bool looks_later_ = false;
  TaskGroup later_;
};

}  // namespace quarterdeck::fleet
