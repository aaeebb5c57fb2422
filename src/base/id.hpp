// Identifiers in OpenCode's form: <prefix>_ + 12 lowercase hex digits + 14 random base-62 characters.
// The hex digits are a 48-bit big-endian number, (ms * 4096 + counter) mod 2^48, so ids of one prefix sort by time;
// session ids hold its bitwise complement, so that the newest sorts first. Clients rely on both orders.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace quarterdeck {

template <class Tag>
struct Id {
  std::string value;
  auto operator<=>(const Id&) const = default;
  bool empty() const { return value.empty(); }
};

struct SessionTag { static constexpr std::string_view prefix = "ses"; };
struct MessageTag { static constexpr std::string_view prefix = "msg"; };
struct PartTag { static constexpr std::string_view prefix = "prt"; };
struct EventTag { static constexpr std::string_view prefix = "evt"; };
struct PermissionTag { static constexpr std::string_view prefix = "per"; };
struct QuestionTag { static constexpr std::string_view prefix = "que"; };
struct PtyTag { static constexpr std::string_view prefix = "pty"; };

using SessionId = Id<SessionTag>;
using MessageId = Id<MessageTag>;
using PartId = Id<PartTag>;
using EventId = Id<EventTag>;
using PermissionId = Id<PermissionTag>;
using QuestionId = Id<QuestionTag>;
using PtyId = Id<PtyTag>;

// A source of randomness that a simulation can replace by a seeded one.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

Random& system_random();

// Makes ids; not thread-safe, one per loop.
class IdSource {
 public:
  IdSource(Clock& clock, Random& random) : clock_(clock), random_(random) {}

  SessionId session() { return {make("ses", Order::descending)}; }
  MessageId message() { return {make("msg")}; }
  PartId part() { return {make("prt")}; }
  EventId event() { return {make("evt")}; }
  PermissionId permission() { return {make("per")}; }
  QuestionId question() { return {make("que")}; }
  PtyId pty() { return {make("pty")}; }
  // For other prefixes: "tool".
  std::string other(std::string_view prefix) { return make(prefix); }
  // A message id that sorts after `floor`, whatever the client put into it: clients order messages by id.
  MessageId message_after(MessageId floor);
  std::uint64_t random() { return random_.next(); }

 private:
  enum class Order { ascending, descending };
  std::string make(std::string_view prefix, Order order = Order::ascending);

  Clock& clock_;
  Random& random_;
  std::uint64_t last_number_ = 0;
};

// True for "<prefix>_" or "<prefix>" followed by anything, which is all that OpenCode's clients promise.
template <class IdType>
bool has_prefix(const IdType& id);

template <class Tag>
bool has_prefix(const Id<Tag>& id) {
  return id.value.starts_with(Tag::prefix);
}

}  // namespace quarterdeck

template <class Tag>
struct std::hash<quarterdeck::Id<Tag>> {
  std::size_t operator()(const quarterdeck::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.value); }
};
