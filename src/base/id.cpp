#include "base/id.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>

namespace quarterdeck {
namespace {

constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::uint64_t kMask48 = 0xFFFF'FFFF'FFFF;
constexpr int kRandomCharacters = 14;
constexpr std::size_t kExtensionCharacters = 8;

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    thread_local std::mt19937_64 engine{[] {
      std::random_device device;
      std::seed_seq seed{device(), device(), device(), device()};
      return std::mt19937_64{seed};
    }()};
    return engine();
  }
};

// Adds something to the base-62 number at the end of `id`; false when there is none, or it is too large already.
bool count_up(std::string& id, std::uint64_t dice) {
  std::uint64_t carry = 1 + dice % 1'000'000;
  std::string counted = id;
  for (std::size_t i = 1; i <= kExtensionCharacters && carry > 0; ++i) {
    char& digit = counted[counted.size() - i];
    const std::size_t value = kBase62.find(digit);
    if (value == std::string_view::npos) return false;
    carry += value;
    digit = kBase62[carry % kBase62.size()];
    carry /= kBase62.size();
  }
  if (carry > 0) return false;
  id = std::move(counted);
  return true;
}

}  // namespace

Random& system_random() {
  static SystemRandom random;
  return random;
}

std::string IdSource::make(std::string_view prefix, Order order) {
  // Always more than the last, whether the clock steps back or a millisecond runs out of its 4096 numbers.
  last_number_ = std::max(last_number_, static_cast<std::uint64_t>(clock_.now_ms()) * 4096) + 1;
  std::uint64_t number = last_number_;
  if (order == Order::descending) number = ~number;
  std::string id = fmt::format("{}_{:012x}", prefix, number & kMask48);
  for (int i = 0; i < kRandomCharacters; ++i) id += kBase62[random_.next() % kBase62.size()];
  return id;
}

MessageId IdSource::message_after(MessageId floor) {
  MessageId id = message();
  if (id > floor) return id;
  // The client's clock runs ahead, ours was set back, or the client made the id up: extend its id, which keeps the
  // order. An id that was extended already is counted up, so that a long turn does not make ever longer ids.
  if (floor.value.size() > id.value.size() && count_up(floor.value, random_.next())) return {floor.value};
  return {floor.value + id.value.substr(id.value.size() - kExtensionCharacters)};
}

}  // namespace quarterdeck
