// A loop whose time stands still while code runs and jumps to the next timer when nothing is left to run. No threads:
// pool work runs inline, when its seed-chosen time has come.
// Laws: the same dice and the same posts give the same order. Posts of one job of a pool keep their order, as the posts
//       of one thread do; with Order::shuffled, everything else that is ready runs in any order.
// Unit: milliseconds of virtual time since the simulation began.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "dice.hpp"

namespace quarterdeck::simulation {

enum class Order { as_posted, shuffled };

class VirtualLoop final : public Loop {
 public:
  VirtualLoop(Dice dice, Order order, std::int64_t now_ms) : dice_(dice), order_(order), now_ms_(now_ms) {}

  void post(Callback callback) override;
  std::unique_ptr<Handle> after_ms(std::int64_t delay_ms, Callback callback) override;
  std::unique_ptr<Handle> watch_readable(int fd, Callback on_ready) override;  // nothing here has descriptors: a bug

  // Runs one callback; false when none is ready.
  bool run_one();
  // When the next timer is due; nothing when there is none.
  std::optional<std::int64_t> next_due() const;
  // Makes ready what is due until then. Never goes back.
  void advance_to(std::int64_t now_ms);
  std::int64_t now_ms() const { return now_ms_; }

  // Work of a pool: `source` is the thread that it stands for.
  void run_at(std::int64_t at_ms, std::uint64_t source, Callback work);
  std::uint64_t new_source() { return ++sources_; }

 private:
  struct Entry {
    Callback callback;
    bool armed = true;
    std::uint64_t source = 0;
  };
  struct Registration;
  void make_ready(std::shared_ptr<Entry> entry);

  Dice dice_;
  Order order_;
  std::int64_t now_ms_;
  std::uint64_t sources_ = 0;
  std::uint64_t running_source_ = 0;
  std::deque<std::shared_ptr<Entry>> ready_;
  // By time, then by a throw of the dice: who is due at the same time has no order.
  std::map<std::pair<std::int64_t, std::uint64_t>, std::shared_ptr<Entry>> timers_;
};

// The wall clock of one server: it may jump, in both directions. Its monotonic time does not.
class VirtualClock final : public Clock {
 public:
  VirtualClock(const VirtualLoop& loop, const std::int64_t& offset_ms) : loop_(loop), offset_ms_(offset_ms) {}
  TimeMs now_ms() override { return 1'700'000'000'000 + loop_.now_ms() + offset_ms_; }
  std::int64_t monotonic_ns() override { return loop_.now_ms() * 1'000'000; }

 private:
  const VirtualLoop& loop_;
  const std::int64_t& offset_ms_;
};

// Each job runs after a delay of its own; `serial` ones one after the other, as with one thread.
class VirtualPool final : public BlockingPool {
 public:
  enum class Jobs { parallel, serial };
  VirtualPool(VirtualLoop& loop, Dice dice, std::int64_t delay_ms_max, Jobs jobs)
      : loop_(loop), dice_(dice), delay_ms_max_(delay_ms_max), jobs_(jobs), source_(loop.new_source()) {}

  void submit(std::move_only_function<void()> work) override;
  void set_delay_ms_max(std::int64_t delay_ms_max) { delay_ms_max_ = delay_ms_max; }

 private:
  VirtualLoop& loop_;
  Dice dice_;
  std::int64_t delay_ms_max_;
  Jobs jobs_;
  std::uint64_t source_;
  std::int64_t last_due_ = 0;
};

}  // namespace quarterdeck::simulation
