#include "fleet/slotted.hpp"

#include <algorithm>

namespace quarterdeck::fleet {
namespace {

// A provider may ask for more; then each request finds that out for itself.
constexpr std::int64_t kCoolDownMsMax = 60'000;

}  // namespace

class Slots::Slotted final : public llm::Provider {
 public:
  Slotted(Slots& slots, llm::Provider& provider) : slots_(slots), provider_(provider) {}

  Task<std::expected<llm::ModelFinish, llm::ModelError>> stream(llm::ModelRequest request, llm::ModelSink& sink,
                                                                std::stop_token stop) override {
    const std::string name = request.provider.id;
    const bool taken = co_await slots_.take(request.session_id, name, stop);
    if (!taken) {
      co_return std::unexpected(llm::ModelError{.kind = llm::ModelError::Kind::cancelled, .message = "aborted"});
    }
    struct Held {
      Slots& slots;
      const std::string& provider;
      ~Held() { slots.release(provider); }
    };
    const Held held{slots_, name};
    auto finish = co_await provider_.stream(std::move(request), sink, std::move(stop));
    if (!finish && finish.error().kind == llm::ModelError::Kind::rate_limited && finish.error().retry_after_ms) {
      slots_.cool_down(name, *finish.error().retry_after_ms);
    }
    co_return finish;
  }

 private:
  Slots& slots_;
  llm::Provider& provider_;
};

Slots::Slots(Loop& loop, Clock& clock, SlotLimits limits)
    : loop_(loop),
      clock_(clock),
      queue_(
          limits, [this](const SessionId& head) { return priority_of_ ? priority_of_(head) : domain::Priority::P2; },
          [this](const SessionId& head) { return paused_ && paused_(head); }) {}

void Slots::know(HeadOf head_of, SlotQueue::PriorityOf priority_of, SlotQueue::Paused paused) {
  head_of_ = std::move(head_of);
  priority_of_ = std::move(priority_of);
  paused_ = std::move(paused);
}

std::unique_ptr<llm::Provider> Slots::wrap(llm::Provider& provider) {
  return std::make_unique<Slotted>(*this, provider);
}

Task<bool> Slots::take(std::string session, std::string provider, std::stop_token stop) {
  if (stop.stop_requested()) co_return false;
  SessionId head = head_of_ ? head_of_(session) : SessionId{session};
  OneShot<bool> turn(loop_);
  const std::uint64_t ticket = queue_.add(std::move(head), std::move(provider), clock_.now_ms());
  waiters_.emplace(ticket, turn.setter());
  admit();
  const auto give_up = [this, ticket] {
    const auto found = waiters_.extract(ticket);
    if (found.empty()) return;  // it has its slot
    queue_.remove(ticket);
    found.mapped()(false);
  };
  const std::stop_callback stopped(std::move(stop), give_up);
  const bool taken = co_await turn;
  co_return taken;
}

void Slots::release(const std::string& provider) {
  queue_.release(provider);
  admit();
}

void Slots::cool_down(const std::string& provider, std::int64_t wait_ms) {
  queue_.cool_down(provider, clock_.now_ms() + std::min(wait_ms, kCoolDownMsMax));
}

void Slots::admit() {
  const TimeMs now = clock_.now_ms();
  for (const std::uint64_t ticket : queue_.admit(now)) {
    const auto found = waiters_.extract(ticket);
    if (!found.empty()) found.mapped()(true);
  }
  later_.reset();
  if (const auto next = queue_.next_change(now)) later_ = loop_.after_ms(*next - now + 1, [this] { admit(); });
}

}  // namespace quarterdeck::fleet
