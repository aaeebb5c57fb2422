#include "fleet/fleet.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace quarterdeck::fleet {
namespace {

constexpr std::int64_t kTickMs = 1'000;
constexpr std::int64_t kTicksBetweenLooks = 3;
constexpr std::int64_t kCleanMs = 600'000;
constexpr std::int64_t kSleepMaxMs = 3'600'000;

}  // namespace

Fleet::Fleet(session::Engine& engine, session::Host& host, Slots* slots, FleetOptions options)
    : engine_(engine),
      host_(host),
      board_(engine, host, {}),
      admission_(engine, board_, std::move(options.sessions)),
      calls_(engine),
      slots_(slots),
      budgets_(engine, board_, [this] { look_at_slots(); }),
      schedules_(engine, [this](domain::Handoff handoff) { return hand_over_scheduled(std::move(handoff)); }),
      shared_limits_(std::move(options.budgets)),
      settings_(std::move(options.settings)),
      policies_(engine, board_, options.stalls, [this](SessionId id) { return nudge_stalled(std::move(id)); }),
      watch_(
          engine, host, board_, [this](const SessionId& id) -> const StallPolicy& { return policies_.of(id); },
          [this](const SessionId& session) { return waits_for_slot(session); }, std::move(options.cpu_groups)),
      upkeep_(engine, host),
      watching_(engine.loop) {
  engine_.store.observe([this](std::span<const store::StoredEvent> events) {
    board_.on_commit(events);
    budgets_.on_commit(events);
    policies_.on_commit(events);
    watch_.on_commit(events);
    if (sleeps_until_ && (watch_.active() || board_.soonest_due() < *sleeps_until_)) wake_.request_stop();
  });
  engine_.turn_gate = &admission_;
  board_.on_attention([this](const SessionId& head, const domain::Attention& now) { on_attention(head, now); });
  if (!slots_) return;
  const auto head = [this](const std::string& id) {
    const auto found = head_of(engine_.query, SessionId{id});
    return found ? found->id : SessionId{id};
  };
  const auto priority = [this](const SessionId& id) { return board_.priority_of(id); };
  slots_->know(head, priority, [this](const SessionId& id) { return budgets_.paused(id); });
}

Fleet::~Fleet() {
  engine_.store.observe({});
  engine_.turn_gate = nullptr;
  if (slots_) slots_->know({}, {}, {});
}

Task<Result<void>> Fleet::recover() {
  CO_TRY_VOID(co_await board_.recover());
  co_await budgets_.recover(std::move(shared_limits_));
  admission_.open();
  co_await upkeep_.recover();
  co_await schedules_.recover(std::move(settings_));
  watching_.spawn(finish_handoffs());
  watching_.spawn(keep_watch());
  co_return Result<void>();
}

void Fleet::on_attention(const SessionId& head, const domain::Attention& now) {
  admission_.on_attention(head, now);
  budgets_.on_attention(head, now);
  policies_.on_attention(head, now);
  if (schedules_.all().empty()) return;
  const auto session = engine_.query.session(head);
  const auto standing = read_standing(engine_.query, head);
  if (session && standing) schedules_.on_attention(*session, *standing, now);
}

Task<void> Fleet::nudge_stalled(SessionId id) {
  const auto nudged = co_await nudge(id, std::nullopt, std::nullopt);
  if (!nudged) log::warn("session {} was not nudged: {}", id.value, nudged.error().message);
}

Task<Result<SessionId>> Fleet::hand_over_scheduled(domain::Handoff handoff) {
  CO_TRY(const HandedOver done, co_await hand_over(std::move(handoff)));
  co_return done.session;
}

void Fleet::look_at_slots() {
  if (slots_) slots_->look_again();
}

bool Fleet::waits_for_slot(const SessionId& session) const {
  if (const auto head = head_of(engine_.query, session); admission_.limited() && head && admission_.waits(head->id)) {
    return true;
  }
  if (!slots_ || slots_->queue().waiting().empty()) return false;
  const auto head = head_of(engine_.query, session);
  return head &&
         std::ranges::any_of(slots_->queue().waiting(), [&](const auto& each) { return each.claim.head == head->id; });
}

Task<void> Fleet::shutdown() {
  board_.changes()->close();
  co_await schedules_.shutdown();
  co_await policies_.shutdown();
  co_await board_.shutdown();
  co_await upkeep_.shutdown();
  watching_.stop();
  wake_.request_stop();
  co_await watching_.join();
}

// While nothing works, nothing ticks: it sleeps until the next thing is due or a commit brings work.
Task<void> Fleet::keep_watch() {
  TimeMs cleaned = engine_.clock.now_ms();
  for (std::int64_t ticks = 0; !watching_.token().stop_requested(); ++ticks) {
    board_.tick();
    budgets_.tick();
    policies_.tick();
    if (ticks % kTicksBetweenLooks == 0) co_await watch_.look();
    if (engine_.clock.now_ms() - cleaned >= kCleanMs) {
      cleaned = engine_.clock.now_ms();
      co_await calls_.forget_old();
    }
    co_await sleep_until_due();
  }
}

Task<void> Fleet::sleep_until_due() {
  if (watch_.active()) {
    co_await sleep_ms(engine_.loop, kTickMs, watching_.token());
    co_return;
  }
  wake_ = std::stop_source();
  const TimeMs now = engine_.clock.now_ms();
  sleeps_until_ = std::min({board_.next_due(), budgets_.next_due(), now + kSleepMaxMs});
  co_await sleep_ms(engine_.loop, std::max(kTickMs, *sleeps_until_ - now), wake_.get_token());
  sleeps_until_.reset();
}

}  // namespace quarterdeck::fleet
