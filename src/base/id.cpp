#include "base/id.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>

namespace quarterdeck {
namespace {

constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::uint64_t kMask48 = 0xFFFF'FFFF'FFFF;
constexpr int kRandomCharacters = 14;

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

MessageId IdSource::message_after(const MessageId& floor) {
  MessageId id = message();
  if (id > floor) return id;
  // The client's clock runs ahead, or it made the id up: extend its id, which keeps the order.
  return {floor.value + id.value.substr(id.value.size() - 8)};
}

}  // namespace quarterdeck
