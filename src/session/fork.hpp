// A session that goes on from a point of another one, as the events that make it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/event.hpp"

namespace quarterdeck::session {

// "T" -> "T (fork #1)" -> "T (fork #2)"
std::string fork_title(std::string_view title);

// Where the copy shall be, when not where the original is.
struct ForkInto {
  SessionId id;
  std::string directory;
};

struct Fork {
  domain::Session session;
  std::vector<domain::Event> events;  // after its SessionCreated
};

// Copies `history` up to `before` (all of it when absent or unknown) under new ids, in the same order. What was under
// way in the original has ended in the copy: nothing runs there. Rules stay, so that a fork may do no more.
Fork fork(const domain::Session& original, const std::vector<domain::MessageWithParts>& history,
          const std::optional<MessageId>& before, IdSource& ids, TimeMs now, std::string_view version,
          const std::optional<ForkInto>& into = {});

}  // namespace quarterdeck::session
