// Where a subscriber stands in the stream of events: the `id:` of a frame, and what it brings back as Last-Event-ID.
//
//   a durable event      seq * 2^20           its number in the store
//   its "sync" repetition       + 1
//   what is live-only           + 2, 3, …     deltas, status, heartbeats after that event
//
// The greeting of a client that comes back and "server.overrun" have no id: the client has one already.
// Law: ids ascend on every stream and are never used twice by one server. They fit in a JavaScript number.
#pragma once

#include <cstdint>

#include "store/event_store.hpp"

namespace quarterdeck::feed {

using Position = std::int64_t;

inline constexpr int kLiveBits = 20;
inline constexpr Position kLiveMax = (Position{1} << kLiveBits) - 1;

constexpr Position position_of(store::Seq seq) { return seq << kLiveBits; }
constexpr store::Seq seq_of(Position position) { return position >> kLiveBits; }
// 0 for a durable event itself.
constexpr Position live_part(Position position) { return position & kLiveMax; }

}  // namespace quarterdeck::feed
