#include "fleet/fleet.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace quarterdeck::fleet {
namespace {

constexpr std::int64_t kTickMs = 1'000;
constexpr std::int64_t kTicksBetweenLooks = 3;
constexpr std::int64_t kTicksBetweenCleaning = 600;

}  // namespace

Fleet::Fleet(session::Engine& engine, session::Host& host, Slots* slots, StallPolicy stalls)
    : engine_(engine),
      host_(host),
      board_(engine, host, {}),
      calls_(engine),
      slots_(slots),
      budgets_(engine, board_, [this] { look_at_slots(); }),
      watch_(engine, host, board_, stalls, [this](const SessionId& session) { return waits_for_slot(session); }),
      upkeep_(engine, host),
      watching_(engine.loop) {
  engine_.store.observe([this](std::span<const store::StoredEvent> events) {
    board_.on_commit(events);
    budgets_.on_commit(events);
    watch_.on_commit(events);
  });
  if (!slots_) return;
  const auto head = [this](const std::string& id) {
    const auto found = head_of(engine_.query, SessionId{id});
    return found ? found->id : SessionId{id};
  };
  const auto priority = [this](const SessionId& id) {
    const auto entry = board_.entries().find(id);
    return entry == board_.entries().end() ? domain::Priority::P2 : entry->second.priority;
  };
  slots_->know(head, priority, [this](const SessionId& id) { return budgets_.paused(id); });
}

Fleet::~Fleet() {
  engine_.store.observe({});
  if (slots_) slots_->know({}, {}, {});
}

Task<Result<void>> Fleet::recover() {
  CO_TRY_VOID(co_await board_.recover());
  budgets_.recover();
  co_await upkeep_.recover();
  watching_.spawn(finish_handoffs());
  watching_.spawn(keep_watch());
  co_return Result<void>();
}

void Fleet::look_at_slots() {
  if (slots_) slots_->look_again();
}

bool Fleet::waits_for_slot(const SessionId& session) const {
  if (!slots_ || slots_->queue().waiting().empty()) return false;
  const auto head = head_of(engine_.query, session);
  return head &&
         std::ranges::any_of(slots_->queue().waiting(), [&](const auto& each) { return each.head == head->id; });
}

Task<void> Fleet::shutdown() {
  board_.changes()->close();
  co_await upkeep_.shutdown();
  watching_.stop();
  co_await watching_.join();
}

Task<void> Fleet::keep_watch() {
  std::int64_t ticks = 0;
  bool goes_on = co_await sleep_ms(engine_.loop, kTickMs, watching_.token());
  while (goes_on) {
    board_.tick();
    if (++ticks % kTicksBetweenLooks == 0) co_await watch_.look();
    if (ticks % kTicksBetweenCleaning == 0) co_await calls_.forget_old();
    goes_on = co_await sleep_ms(engine_.loop, kTickMs, watching_.token());
  }
}

}  // namespace quarterdeck::fleet
