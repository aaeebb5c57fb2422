#include "fleet/fleet.hpp"

#include "base/log.hpp"

namespace quarterdeck::fleet {
namespace {

constexpr std::int64_t kTickMs = 1'000;
constexpr std::int64_t kTicksBetweenCleaning = 600;

}  // namespace

Fleet::Fleet(session::Engine& engine, session::Host& host)
    : engine_(engine), host_(host), board_(engine, host, {}), calls_(engine), watching_(engine.loop) {
  engine_.store.observe([this](std::span<const store::StoredEvent> events) { board_.on_commit(events); });
}

Fleet::~Fleet() { engine_.store.observe({}); }

Task<Result<void>> Fleet::recover() {
  CO_TRY_VOID(co_await board_.recover());
  watching_.spawn(finish_handoffs());
  watching_.spawn(keep_watch());
  co_return Result<void>();
}

Task<void> Fleet::shutdown() {
  board_.changes()->close();
  watching_.stop();
  co_await watching_.join();
}

Task<void> Fleet::keep_watch() {
  std::int64_t ticks = 0;
  bool goes_on = co_await sleep_ms(engine_.loop, kTickMs, watching_.token());
  while (goes_on) {
    board_.tick();
    if (++ticks % kTicksBetweenCleaning == 0) co_await calls_.forget_old();
    goes_on = co_await sleep_ms(engine_.loop, kTickMs, watching_.token());
  }
}

}  // namespace quarterdeck::fleet
