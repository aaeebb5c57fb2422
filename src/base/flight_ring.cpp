#include "base/flight_ring.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace quarterdeck {
namespace {

struct Record {
  std::atomic<std::int64_t> time_ms{0};  // 0 = never written
  std::atomic<const char*> kind{nullptr};
  std::atomic<std::int32_t> length{0};
  char text[200];
};

constexpr std::uint64_t kRecords = 512;
Record ring[kRecords];
std::atomic<std::uint64_t> next{0};

}  // namespace

// Two threads may meet in one record only when 512 others came in between.
#if defined(__clang__)
__attribute__((no_sanitize("thread")))
#endif
void remember(const char* kind, std::string_view text) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  Record& record = ring[next.fetch_add(1, std::memory_order_relaxed) % kRecords];
  record.length.store(0, std::memory_order_relaxed);
  const auto length = std::min(text.size(), sizeof record.text);
  std::memcpy(record.text, text.data(), length);
  record.kind.store(kind, std::memory_order_relaxed);
  record.time_ms.store(std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000, std::memory_order_relaxed);
  record.length.store(static_cast<std::int32_t>(length), std::memory_order_release);
}

void visit_flight_ring(RecordVisitor visit, void* context) {
  const std::uint64_t end = next.load(std::memory_order_relaxed);
  const std::uint64_t begin = end > kRecords ? end - kRecords : 0;
  for (std::uint64_t i = begin; i < end; ++i) {
    const Record& record = ring[i % kRecords];
    const std::int32_t length = record.length.load(std::memory_order_acquire);
    const std::int64_t time = record.time_ms.load(std::memory_order_relaxed);
    const char* kind = record.kind.load(std::memory_order_relaxed);
    if (time != 0 && kind != nullptr) visit(context, time, kind, record.text, length);
  }
}

}  // namespace quarterdeck
