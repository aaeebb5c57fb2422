// Texts that are being streamed, as subscribers have seen them so far: who joins in the middle gets them whole before
// the next delta. Fed with what is published, in its order.
// Law: bounded: a text longer than kTextBytesMax is not kept, and a session that rests has none.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "feed/feed.hpp"

namespace quarterdeck::feed {

class StreamingParts {
 public:
  void on_event(const store::StoredEvent& event);
  void on_delta(const DeltaEnvelope& envelope);

  // A "message.part.updated" that shows one text as it is now.
  struct Shown {
    std::string directory;
    std::string project_id;
    std::string properties;
  };
  std::vector<Shown> now(const Scope& scope) const;

 private:
  struct Part {
    std::string id;
    store::Bytes opened;  // properties of the event that announced it
    std::string text;     // what deltas have added
  };
  struct Session {
    std::string directory;
    std::string project_id;
    store::Bytes newest_part;  // properties of its newest "message.part.updated"
    std::vector<Part> parts;
  };
  static constexpr std::size_t kTextBytesMax = 4 * 1024 * 1024;
  static constexpr std::size_t kSessionsMax = 4096;

  void append(const DeltaEnvelope& envelope, const domain::TextDelta& delta);

  std::unordered_map<SessionId, Session> sessions_;
};

}  // namespace quarterdeck::feed
