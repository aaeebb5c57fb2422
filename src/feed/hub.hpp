// The channels and what they share: the budget, the wake-up at the end of a loop turn, the heartbeat.
#pragma once

#include <unordered_map>

#include "feed/channel.hpp"
#include "feed/feed.hpp"
#include "feed/streaming_parts.hpp"

namespace quarterdeck::feed {

class Hub : public std::enable_shared_from_this<Hub> {
 public:
  Hub(Loop& on_loop, BlockingPool& on_pool, Clock& clock, Random& random, Replay reading, store::Seq last_seq,
      FeedOptions limits)
      : loop(on_loop),
        pool(on_pool),
        replay(std::move(reading)),
        options(limits),
        ids_(clock, random),
        last_seq_(last_seq),
        position_(position_of(last_seq) + 1) {}  // the newest event's repetition may be out already

  void publish(const store::StoredEvent& event);
  void publish(std::string_view directory, std::string_view project, std::string_view type,
               std::string_view properties);
  void publish(const DeltaEnvelope& envelope);
  bool has_audience(const std::string& directory) const { return global_ || directories_.contains(directory); }

  std::unique_ptr<net::Stream> subscribe(Scope scope, std::optional<Position> after);
  void unsubscribe(Subscription& subscription, Channel& channel, const std::optional<std::string>& directory,
                   bool was_behind);
  void close();
  // Seals what is open and wakes who waits, once per loop turn.
  void schedule_flush();
  std::string server_event(Form form, Position position, std::string_view type, std::string_view properties = "{}");

  std::size_t subscribers() const { return subscribers_; }
  std::size_t waiting_bytes() const;

  Loop& loop;
  BlockingPool& pool;
  const Replay replay;
  const FeedOptions options;

 private:
  template <class Use>
  void each_channel(Use use);
  Channel& channel_for(const Scope& scope);
  void end_channel(const std::optional<std::string>& directory);
  // The id of the next thing that is live-only.
  Position next_position();
  std::string streaming_now(const Scope& scope);
  void appended_to(Channel& channel);
  void hold_budget();
  void flush();
  void arm_heartbeat();

  IdSource ids_;
  store::Seq last_seq_;
  Position position_;  // the newest id
  StreamingParts streaming_;
  std::unique_ptr<Channel> global_;  // null without subscribers
  std::unordered_map<std::string, std::unique_ptr<Channel>> directories_;
  std::size_t subscribers_ = 0;
  bool flush_scheduled_ = false;
  bool closed_ = false;
  std::unique_ptr<Loop::Handle> heartbeat_;
};

}  // namespace quarterdeck::feed
