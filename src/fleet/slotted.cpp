#include "fleet/slotted.hpp"

#include <algorithm>

namespace quarterdeck::fleet {
namespace {

// A provider may ask for more; then each request finds that out for itself.
constexpr std::int64_t kCoolDownMsMax = 60'000;
// Of one that does not say how long: doubled with every refusal.
constexpr std::int64_t kCoolDownMs = 1'000;
constexpr int kDoublingsMax = 5;

}  // namespace

// The first sign of an answer says that the provider takes requests again.
class Slots::FirstSign final : public llm::ModelSink {
 public:
  FirstSign(Slots& slots, const std::string& provider, llm::ModelSink& sink)
      : slots_(slots), provider_(provider), sink_(sink) {}
  void on_event(llm::ModelEvent event) override {
    if (!std::exchange(seen_, true)) slots_.warm_up(provider_);
    sink_.on_event(std::move(event));
  }

 private:
  Slots& slots_;
  const std::string& provider_;
  llm::ModelSink& sink_;
  bool seen_ = false;
};

class Slots::Slotted final : public llm::Provider {
 public:
  Slotted(Slots& slots, llm::Provider& provider) : slots_(slots), provider_(provider) {}

  Task<std::expected<llm::ModelFinish, llm::ModelError>> stream(llm::ModelRequest request, llm::ModelSink& sink,
                                                                std::stop_token stop) override {
    const SessionId session{request.session_id};
    const SlotClaim claim{.head = slots_.head_of_ ? slots_.head_of_(request.session_id) : session,
                          .provider = request.provider.id,
                          .model = request.provider.id + "/" + request.model.id};
    const Taken taken = co_await slots_.take(claim, stop);
    if (taken == Taken::no) {
      co_return std::unexpected(llm::ModelError{.kind = llm::ModelError::Kind::cancelled, .message = "aborted"});
    }
    struct Held {
      Slots& slots;
      const SlotClaim& claim;
      ~Held() { slots.release(claim); }
    };
    const Held held{slots_, claim};
    FirstSign first(slots_, claim.provider, sink);
    llm::ModelSink& told = taken == Taken::as_probe ? static_cast<llm::ModelSink&>(first) : sink;
    auto finish = co_await provider_.stream(std::move(request), told, std::move(stop));
    const bool refused = !finish && finish.error().kind == llm::ModelError::Kind::rate_limited;
    if (refused) {
      slots_.cool_down(claim.provider, finish.error().retry_after_ms);
    } else if (taken == Taken::as_probe) {
      slots_.warm_up(claim.provider);
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

Task<Slots::Taken> Slots::take(SlotClaim claim, std::stop_token stop) {
  if (stop.stop_requested()) co_return Taken::no;
  const std::string provider = claim.provider;
  OneShot<bool> turn(loop_);
  const std::uint64_t ticket = queue_.add(std::move(claim), clock_.now_ms());
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
  if (!taken) co_return Taken::no;
  // While a provider cools down nobody is let through but the one who asks for all.
  const auto cooling = queue_.cooling().find(provider);
  co_return cooling != queue_.cooling().end() && cooling->second.probed ? Taken::as_probe : Taken::yes;
}

void Slots::release(const SlotClaim& claim) {
  queue_.release(claim);
  admit();
}

void Slots::cool_down(const std::string& provider, std::optional<std::int64_t> wait_ms) {
  const int refusals = std::min(refusals_[provider]++, kDoublingsMax);
  const std::int64_t wait = std::min(wait_ms.value_or(kCoolDownMs << refusals), kCoolDownMsMax);
  queue_.cool_down(provider, clock_.now_ms() + wait);
}

void Slots::warm_up(const std::string& provider) {
  refusals_.erase(provider);
  queue_.warm_up(provider);
  admit();
}

std::vector<std::pair<SessionId, domain::Waiting>> Slots::waiting() const {
  std::vector<std::pair<SessionId, domain::Waiting>> out;
  const TimeMs now = clock_.now_ms();
  const auto order = queue_.in_order(now);
  for (const SlotQueue::Waiting* each : order) {
    domain::Waiting waiting{.what = "model", .position = out.size() + 1, .of = order.size(), .since = each->since};
    const auto obstacle = queue_.obstacle(each->claim, now);
    if (paused_ && paused_(each->claim.head)) {
      waiting.limit = "budget";
      waiting.reason = "Its budget is used up";
    } else if (!obstacle) {
      waiting.limit = "server";
      waiting.reason = "Goes now";
    } else {
      waiting.limit = obstacle->limit;
      waiting.until = obstacle->until;
      if (obstacle->until || obstacle->probing) {
        waiting.reason = fmt::format("The {} limits requests: {}", obstacle->limit,
                                     obstacle->probing ? "one asks whether it takes more" : "it said later");
      } else {
        waiting.reason = fmt::format("{} requests to models run: the most for the {}", obstacle->most, obstacle->limit);
      }
    }
    out.push_back({each->claim.head, std::move(waiting)});
  }
  return out;
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
