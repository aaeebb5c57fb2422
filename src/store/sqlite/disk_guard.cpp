#include "store/sqlite/disk_guard.hpp"

#include <sys/statvfs.h>

#include <chrono>
#include <limits>

#include "base/log.hpp"

namespace quarterdeck::store::sqlite {
namespace {

constexpr std::int64_t kLookAgainMs = 200;
constexpr std::int64_t kPollMs = 1'000;

std::int64_t monotonic_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1'000'000.0; }

}  // namespace

Space space_of(const std::filesystem::path& directory) {
  struct statvfs status{};
  if (::statvfs(directory.c_str(), &status) != 0) {
    // Whoever cannot ask is not stopped: the write itself will tell.
    return {std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max()};
  }
  return {static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize,
          static_cast<std::uint64_t>(status.f_blocks) * status.f_frsize};
}

DiskGuard::DiskGuard(Loop& loop, DiskGuardOptions options, Health start)
    : loop_(loop),
      options_(std::move(options)),
      reserve_(options_.directory / "quarterdeck.reserve",
               std::min(options_.reserve_bytes,
                        (options_.space ? options_.space() : space_of(options_.directory)).size_bytes / 16)),
      health_(std::move(start)) {
  const Space space = options_.space ? options_.space() : space_of(options_.directory);
  free_bytes_min_ = std::min(options_.free_bytes_min, space.size_bytes / 32);
  writable_ = health_.state == Health::State::ok || health_.state == Health::State::full;
  if (!writable_) {
    log::error("the store is {}: {}", name(health_.state), health_.reason);
    return;
  }
  if (health_.state == Health::State::full) {
    loop_.post([this, state = on_loop_] {
      if (state->alive) poll();
    });
    log::warn("{}", health_.reason);
    return;
  }
  look();
  const std::lock_guard lock(mutex_);
  if (health_.state == Health::State::ok && reserve_.held() < reserve_.bytes() &&
      space.free_bytes > reserve_.bytes() + free_bytes_min_) {
    reserve_.fill();
  }
}

DiskGuard::~DiskGuard() {
  on_loop_->alive = false;
  on_loop_->timer.reset();
}

Health DiskGuard::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

Result<> DiskGuard::admits() {
  if (monotonic_ms() - looked_at_ms_ >= kLookAgainMs) look();
  const std::lock_guard lock(mutex_);
  return admission(health_);
}

std::string DiskGuard::full_reason(const Space& space) const {
  if (space.free_bytes >= free_bytes_min_) {
    return fmt::format(
        "The disk is full: no more room for the database at {} (a quota?). Nothing is lost; free some space",
        options_.directory.string());
  }
  return fmt::format("The disk is full: {:.1f} MB free at {}, {:.1f} MB needed. Nothing is lost; free some space",
                     megabytes(space.free_bytes), options_.directory.string(), megabytes(free_bytes_min_));
}

void DiskGuard::look() {
  looked_at_ms_ = monotonic_ms();
  if (free_bytes_min_ == 0) return;
  const Space space = options_.space ? options_.space() : space_of(options_.directory);
  const std::lock_guard lock(mutex_);
  if (health_.state == Health::State::ok && space.free_bytes < free_bytes_min_) {
    change({Health::State::full, full_reason(space)});
  } else if (health_.state == Health::State::full) {
    // Room for the reserve as well, so that the next small write does not turn it round again.
    const std::uint64_t missing = reserve_.bytes() - std::min(reserve_.held(), reserve_.bytes());
    if (space.free_bytes >= free_bytes_min_ + free_bytes_min_ / 4 + missing) {
      reserve_.fill();
      change({});
    }
  }
}

bool DiskGuard::found_no_room() {
  const Space space = options_.space ? options_.space() : space_of(options_.directory);
  const std::lock_guard lock(mutex_);
  if (health_.state == Health::State::ok) change({Health::State::full, full_reason(space)});
  return health_.state == Health::State::full && reserve_.release();
}

void DiskGuard::stop_writing(Health why) {
  const std::lock_guard lock(mutex_);
  if (!writable_) return;
  change(std::move(why));
}

void DiskGuard::change(Health to) {
  if (to.state == Health::State::ok) {
    log::info("the store takes new work again");
  } else {
    log::error("the store is {}: {}", name(to.state), to.reason);
  }
  health_ = std::move(to);
  writable_ = health_.state == Health::State::ok || health_.state == Health::State::full;
  loop_.post([this, state = on_loop_, now = health_] {
    if (!state->alive) return;
    if (state->observer) state->observer(now);
    if (now.state == Health::State::full) poll();
  });
}

void DiskGuard::observe(std::function<void(const Health&)> observer) { on_loop_->observer = std::move(observer); }

void DiskGuard::poll() {
  on_loop_->timer = loop_.after_ms(kPollMs, [this] {
    look();
    if (health().state == Health::State::full) poll();
  });
}

}  // namespace quarterdeck::store::sqlite
