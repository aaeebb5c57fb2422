// How a prompt meets a session that is at work, and how a request that is sent again is known (docs/prompts.md).
#pragma once

#include <string>

namespace quarterdeck::domain {

enum class Delivery {
  queue,      // after what is running and waiting
  steer,      // at the next step boundary of the running turn; before what is queued
  interrupt,  // now: the running turn is ended; before what steers
  reject,     // not at all while the session is busy
};

// What a client sent as Idempotency-Key. The same key answers like the first time; with another fingerprint it is an
// error. Keys are kept for 24 hours.
struct IdempotencyKey {
  std::string key;          // with the scope it is good for: "<session> <key>", "session <key>"
  std::string fingerprint;  // of the request
  bool operator==(const IdempotencyKey&) const = default;
};

}  // namespace quarterdeck::domain
