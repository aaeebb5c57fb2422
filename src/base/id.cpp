#include "base/id.hpp"

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
  const TimeMs now = clock_.now_ms();
  if (now > last_ms_) {
    last_ms_ = now;
    counter_ = 0;
  }
  // The clock may step back; ids must not, so the last millisecond stays in use until time catches up.
  std::uint64_t number = static_cast<std::uint64_t>(last_ms_) * 4096 + ++counter_;
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
