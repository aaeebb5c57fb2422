#include "base/activity.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace quarterdeck {
namespace {

// One more than is handed out: who comes when all are taken writes there, unseen.
Activity::Slot all_slots[Activity::kSlots + 1];

}  // namespace

Activity::Slot* Activity::slots() { return all_slots; }

std::int64_t Activity::now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Activity::Activity(const char* name, std::int64_t stall_ms) : slot_(&all_slots[kSlots]) {
  for (Slot& slot : all_slots) {
    const char* free = nullptr;
    if (&slot == &all_slots[kSlots] || !slot.name.compare_exchange_strong(free, name)) continue;
    slot_ = &slot;
    break;
  }
  slot_->stall_ms = stall_ms;
  bind_to_this_thread();
}

Activity::~Activity() {
  end();
  slot_->name = nullptr;
}

void Activity::bind_to_this_thread() { slot_->thread = static_cast<int>(::syscall(SYS_gettid)); }

void Activity::begin(const char* what, std::int64_t now) {
  slot_->what.store(what, std::memory_order_relaxed);
  slot_->since_ns.store(now, std::memory_order_release);
}

void Activity::end() { slot_->since_ns.store(0, std::memory_order_release); }

}  // namespace quarterdeck
