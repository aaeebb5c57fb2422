// Live fan-out of events and deltas to server-sent event streams, in OpenCode's two forms:
//   instance   /event of one directory      {"id","type","properties"}
//   global     /global/event                {"directory","project","payload":{…}}, durable ones again as "sync"
//
//   publish -> open block of each channel -> (once per loop turn) sealed, shared by all -> a subscriber is a cursor
//
// Laws: frames are encoded once per form and channel, and only where somebody listens; every frame has an id
//       (feed/position.hpp); durable events are published in the order of their numbers, after their commit.
//       Memory is bounded for all channels together: a subscriber that falls out gets `server.overrun` as its last
//       frame and comes back with Last-Event-ID. Resuming has neither gaps nor duplicates.
// All members run on the loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/loop.hpp"
#include "domain/event.hpp"
#include "feed/position.hpp"
#include "net/http.hpp"
#include "store/event_store.hpp"

namespace quarterdeck::feed {

class Hub;

// A delta on its way. Live-only: it has no number and is not replayed.
struct DeltaEnvelope {
  SessionId session;
  std::string directory;
  std::string project_id;
  domain::Delta delta;
};

// Something that belongs to no session ("server.instance.disposed"). Live-only. `properties` is a JSON object.
struct Notice {
  std::string directory;
  std::string project_id;
  std::string type;
  std::string properties = "{}";
};

struct FeedOptions {
  std::size_t bytes_max = 8 * 1024 * 1024;  // waiting for slow subscribers, all together
  std::int64_t heartbeat_ms = 10'000;
  std::int64_t replay_page_events = 200;
  // Kept of each channel for subscribers that lost their connection and come back: exactly where they were, deltas too.
  std::size_t recent_bytes_max = 256 * 1024;
  std::int64_t linger_ms = 60'000;  // of a channel that nobody listens to
};

// Reads events after a number, for subscribers that come back: store::Query::events_after. Called on the pool.
using Replay = std::function<Result<std::vector<store::StoredEvent>>(store::Seq after, std::int64_t limit)>;

struct Scope {
  std::optional<std::string> directory;  // absent: global
};

class Feed {
 public:
  // `last_seq` is the newest number in the store when the server starts. The loop, the pool, the clock and what `replay`
  // reads outlive every stream.
  Feed(Loop& loop, BlockingPool& pool, Clock& clock, Random& random, Replay replay, store::Seq last_seq,
       FeedOptions options = {});
  ~Feed();  // ends all streams
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void publish(const store::StoredEvent& event);
  void publish(const DeltaEnvelope& envelope);
  void publish(const Notice& notice);

  // `after` is the client's Last-Event-ID: first what it missed, then live. Texts that are being streamed come whole
  // before their next delta. Streams may outlive the feed.
  std::unique_ptr<net::Stream> subscribe(Scope scope, std::optional<Position> after = {});
  // Every stream sends what it has and ends.
  void close();

  std::size_t subscribers() const;
  std::size_t waiting_bytes() const;  // held for subscribers that have not taken it, or may come back for it

 private:
  // Shared with the streams: a connection may end after the feed.
  std::shared_ptr<Hub> hub_;
};

}  // namespace quarterdeck::feed
