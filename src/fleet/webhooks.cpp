#include "fleet/webhooks.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "wire/webhook.hpp"

namespace quarterdeck::fleet {

using domain::Webhook;
using domain::WebhookDelivery;
using store::KnownWebhook;

namespace {

constexpr std::size_t kHooksMax = 50;
constexpr std::size_t kChangesAtOnce = 50;
constexpr std::int64_t kGatherMs = 200;  // states that last shorter are not told
constexpr std::int64_t kUnwantedKept = 1'000;  // changes for others that are looked at again after a restart
constexpr std::size_t kAnswerBytesMax = 64 * 1024;
constexpr int kGone = 410;

Error no_hook(const std::string& id) { return {ErrorCode::not_found, "There is no webhook " + id, {}}; }

Webhook changed(Webhook hook, const domain::WebhookChange& change) {
  const auto take = [](auto& to, const auto& from) {
    if (from) to = *from;
  };
  take(hook.url, change.url);
  take(hook.secret, change.secret);
  take(hook.token, change.token);
  take(hook.session_key, change.session_key);
  take(hook.agent_id, change.agent_id);
  take(hook.events, change.events);
  take(hook.sessions, change.sessions);
  take(hook.projects, change.projects);
  take(hook.enabled, change.enabled);
  take(hook.allow_private, change.allow_private);
  return hook;
}

}  // namespace

Webhooks::Webhooks(Fleet& fleet, net::HttpClient& http, std::unique_ptr<store::WebhookStore> store,
                   WebhookPolicy policy)
    : fleet_(fleet),
      engine_(fleet.engine()),
      http_(http),
      store_(std::move(store)),
      policy_(policy),
      changes_(fleet.board().changes()),
      telling_(engine_.loop) {}

Webhooks::~Webhooks() {
  if (subscription_) changes_->unsubscribe(*subscription_);
}

void Webhooks::poke(Told& hook) {
  if (hook.wake) (*hook.wake)(Unit{});
}

void Webhooks::on_change() {
  for (const auto& [id, hook] : hooks_) {
    if (hook->idle) poke(*hook);
  }
}

Task<void> Webhooks::start(std::string settings) {
  subscription_ = changes_->subscribe([this] { on_change(); });
  auto read = [keep = store_] { return keep->all(); };
  const auto known = co_await blocking(engine_.loop, engine_.pool, read);
  if (!known) {
    log::error("no webhook is told: {}", known.error().message);
    co_return;
  }
  std::vector<std::string> problems;
  const auto configured = wire::decode_configured_webhooks(settings, problems);
  for (const std::string& problem : problems) log::warn("configuration: {}", problem);
  const store::Seq newest = fleet_.board().last_seq();
  for (KnownWebhook each : *known) {
    if (each.hook.configured && std::ranges::find(configured, each.hook.id, &Webhook::id) == configured.end()) {
      auto forget = [keep = store_, id = each.hook.id] { return keep->remove(id); };
      (void)co_await blocking(engine_.loop, engine_.pool, forget);
      continue;
    }
    each.progress.cursor = std::min(each.progress.cursor, newest);  // the database may be a restored one
    take(std::move(each));
  }
  for (const Webhook& each : configured) {
    const auto found = hooks_.find(each.id);
    if (found != hooks_.end() && !found->second->known.hook.configured) {
      log::warn("configuration: the webhook {} was added by hand; it stays as it is", each.id);
      continue;
    }
    const auto done = co_await put(each);
    if (!done) log::error("the webhook {}: {}", each.id, done.error().message);
  }
}

Task<void> Webhooks::shutdown() {
  telling_.stop();
  for (const auto& [id, hook] : hooks_) {
    hook->gone.request_stop();
    poke(*hook);
  }
  co_await telling_.join();
}

void Webhooks::take(KnownWebhook known) {
  const std::string id = known.hook.id;
  const auto found = hooks_.find(id);
  if (found != hooks_.end()) {
    found->second->known.hook = std::move(known.hook);  // how far it is told may have changed meanwhile
    poke(*found->second);
    return;
  }
  auto hook = std::make_shared<Told>();
  hook->known = std::move(known);
  hooks_.emplace(id, hook);
  telling_.spawn(tell(std::move(hook)));
}

// On disk, then told. Only what changes from now on is for a new one.
Task<Result<void>> Webhooks::put(Webhook hook) {
  const auto found = hooks_.find(hook.id);
  KnownWebhook known{.hook = hook, .progress = {}};
  if (found != hooks_.end()) {
    known.progress = found->second->known.progress;
    hook.created = known.hook.created = found->second->known.hook.created;
  } else {
    known.progress.cursor = fleet_.board().last_seq();
    hook.created = known.hook.created = engine_.clock.now_ms();
  }
  auto write = [keep = store_, hook, progress = known.progress] { return keep->put(hook, progress); };
  CO_TRY_VOID(co_await blocking(engine_.loop, engine_.pool, write));
  take(std::move(known));
  co_return Result<void>();
}

std::vector<KnownWebhook> Webhooks::all() const {
  std::vector<KnownWebhook> out;
  for (const auto& [id, hook] : hooks_) out.push_back(hook->known);
  return out;
}

Result<KnownWebhook> Webhooks::one(const std::string& id) const {
  const auto found = hooks_.find(id);
  if (found == hooks_.end()) return std::unexpected(no_hook(id));
  return found->second->known;
}

Task<Result<KnownWebhook>> Webhooks::add(Webhook hook) {
  if (hook.id.empty()) hook.id = engine_.ids.other("wh");
  if (std::string problem = wire::problem_with(hook); !problem.empty())
    co_return fail(ErrorCode::invalid, "{}", problem);
  if (const auto found = hooks_.find(hook.id); found != hooks_.end()) {
    Webhook there = found->second->known.hook;
    hook.created = there.created;
    if (there == hook) co_return found->second->known;
    co_return fail(ErrorCode::conflict, "There is another webhook {}", hook.id);
  }
  if (hooks_.size() >= kHooksMax) co_return fail(ErrorCode::conflict, "There are {} webhooks already", kHooksMax);
  const std::string id = hook.id;
  CO_TRY_VOID(co_await put(std::move(hook)));
  co_return one(id);
}

Task<Result<KnownWebhook>> Webhooks::change(std::string id, domain::WebhookChange change) {
  const auto found = hooks_.find(id);
  if (found == hooks_.end()) co_return std::unexpected(no_hook(id));
  if (found->second->known.hook.configured && !(change == domain::WebhookChange{.enabled = change.enabled}))
    co_return fail(ErrorCode::conflict, "The webhook {} is the configuration's: change it there", id);
  const Webhook wanted = changed(found->second->known.hook, change);
  if (std::string problem = wire::problem_with(wanted); !problem.empty())
    co_return fail(ErrorCode::invalid, "{}", problem);
  CO_TRY_VOID(co_await put(wanted));
  if (const auto now = hooks_.find(id); change.enabled.value_or(false) && now != hooks_.end()) {
    // Begun anew: it is tried at once.
    auto& progress = now->second->known.progress;
    progress = {.cursor = progress.cursor};
    const Hook hook = now->second;
    co_await settle(hook, std::nullopt);
    poke(*hook);
  }
  co_return one(id);
}

Task<Result<void>> Webhooks::remove(std::string id) {
  const auto found = hooks_.find(id);
  if (found == hooks_.end()) co_return std::unexpected(no_hook(id));
  if (found->second->known.hook.configured)
    co_return fail(ErrorCode::conflict, "The webhook {} is the configuration's: take it out there", id);
  const Hook hook = found->second;
  hooks_.erase(found);
  hook->gone.request_stop();
  poke(*hook);
  auto forget = [keep = store_, id] { return keep->remove(id); };
  co_return co_await blocking(engine_.loop, engine_.pool, forget);
}

Task<Result<WebhookDelivery>> Webhooks::test(std::string id) {
  const auto found = hooks_.find(id);
  if (found == hooks_.end()) co_return std::unexpected(no_hook(id));
  const Hook hook = found->second;
  WebhookCall call = test_call(hook->known.hook, engine_.clock.now_ms());
  std::optional<std::int64_t> asked;
  WebhookDelivery delivery = co_await send(hook->known.hook, std::move(call), hook->gone.get_token(), asked);
  co_await settle(hook, delivery);
  co_return delivery;
}

Task<Result<std::vector<WebhookDelivery>>> Webhooks::deliveries(std::string id, int limit) {
  if (!hooks_.contains(id)) co_return std::unexpected(no_hook(id));
  auto read = [keep = store_, id, limit] { return keep->deliveries(id, limit); };
  co_return co_await blocking(engine_.loop, engine_.pool, read);
}

std::vector<std::string> Webhooks::notes() const {
  std::vector<std::string> out;
  for (const auto& [id, hook] : hooks_) {
    if (!hook->known.progress.disabled.empty())
      out.push_back(fmt::format("The webhook {} was switched off: {}", id, hook->known.progress.disabled));
  }
  return out;
}

Task<void> Webhooks::wait(Hook hook, std::optional<std::int64_t> ms) {
  OneShot<Unit> news(engine_.loop);
  hook->wake = news.setter();
  hook->idle = !ms;
  std::unique_ptr<Loop::Handle> timer;
  if (ms) timer = engine_.loop.after_ms(*ms, [set = news.setter()] { set(Unit{}); });
  co_await news;
  hook->wake.reset();
  hook->idle = false;
}

Task<void> Webhooks::tell(Hook hook) {
  const std::stop_token gone = hook->gone.get_token();
  store::Seq kept = hook->known.progress.cursor;  // as it is on disk, or newer
  while (!gone.stop_requested() && !telling_.token().stop_requested()) {
    const auto& known = hook->known;
    const bool silent = !known.hook.enabled || !known.progress.disabled.empty();
    const std::int64_t pause = known.progress.next_at - engine_.clock.now_ms();
    if (!silent && pause > 0) {
      co_await wait(hook, pause);
      continue;
    }
    auto changes = silent ? std::vector<Change>()
                          : fleet_.changes_after(known.progress.cursor, kChangesAtOnce).value_or(std::vector<Change>());
    if (changes.empty()) {
      co_await wait(hook, std::nullopt);
      if (!co_await sleep_ms(engine_.loop, kGatherMs, gone)) break;
      continue;
    }
    for (Change& change : changes) {
      const auto session = engine_.query.session(change.session);
      if (!session || !wants(known.hook, change, session->project_id)) {
        hook->known.progress.cursor = change.seq;
        continue;
      }
      if (!co_await deliver(hook, std::move(change))) break;
      kept = hook->known.progress.cursor;
    }
    if (hook->known.progress.cursor - kept > kUnwantedKept) {
      co_await settle(hook, std::nullopt);
      kept = hook->known.progress.cursor;
    }
  }
}

Task<bool> Webhooks::deliver(Hook hook, Change change) {
  const TimeMs began = engine_.clock.now_ms();
  WebhookCall call = call_for(hook->known.hook, change, began);
  WebhookDelivery delivery{.hook = hook->known.hook.id,
                           .event = call.id,
                           .session = call.session,
                           .state = call.state,
                           .at = began,
                           .attempt = hook->known.progress.attempts};
  std::optional<std::int64_t> asked_s;
  const bool too_old = hook->known.progress.attempts > 0 && began - change.attention.since > policy_.event_age_ms_max;
  if (too_old) {
    delivery.outcome = "expired";
  } else {
    delivery = co_await send(hook->known.hook, std::move(call), hook->gone.get_token(), asked_s);
    if (hook->gone.stop_requested()) co_return false;
    delivery.attempt = hook->known.progress.attempts + 1;
  }
  domain::WebhookProgress& progress = hook->known.progress;
  const TimeMs now = engine_.clock.now_ms();
  if (delivery.outcome == "delivered") {
    progress = {.cursor = change.seq};
  } else if (too_old) {
    progress.cursor = change.seq;
  } else {
    ++progress.attempts;
    if (progress.failing_since == 0) progress.failing_since = began;
    const double random = static_cast<double>(engine_.ids.random() >> 11) / static_cast<double>(1ull << 53);
    progress.next_at = now + pause_ms(policy_, progress.attempts, random, asked_s);
    if (delivery.status == kGone) {
      progress.disabled = "the receiver answered 410 Gone";
    } else if (now - progress.failing_since > policy_.disable_after_ms) {
      progress.disabled =
          fmt::format("nothing arrived for {} hours; the last answer: {}", (now - progress.failing_since) / 3'600'000,
                      delivery.status > 0 ? std::to_string(delivery.status) : delivery.error);
    }
    if (!progress.disabled.empty())
      log::warn("the webhook {} is switched off: {}. PATCH enabled: true begins anew", hook->known.hook.id,
                progress.disabled);
  }
  const bool goes_on = delivery.outcome != "failed";
  co_await settle(hook, std::move(delivery));
  co_return goes_on;
}

Task<WebhookDelivery> Webhooks::send(Webhook hook, WebhookCall call, std::stop_token stop,
                                     std::optional<std::int64_t>& asked_s) {
  const TimeMs began = engine_.clock.now_ms();
  WebhookDelivery out{.hook = hook.id,
                      .event = call.id,
                      .session = call.session,
                      .state = call.state,
                      .at = began,
                      .outcome = "failed"};
  auto request = request_of(hook, call, began);
  if (!request) {
    out.error = request.error().message;
    co_return out;
  }
  const auto answer = co_await net::fetch_all(http_, std::move(*request), kAnswerBytesMax, stop);
  out.ms = engine_.clock.now_ms() - began;
  if (!answer) {
    out.error = shortened(answer.error().message, 300);
    if (answer.error().code == ErrorCode::denied)
      out.error += " (an address of a private network: allow_private lets it be told)";
    co_return out;
  }
  out.status = answer->status;
  if (answer->status >= 200 && answer->status < 300) {
    out.outcome = "delivered";
  } else {
    asked_s = retry_after_s(answer->headers);
    out.error = shortened(answer->body, 300);
  }
  co_return out;
}

Task<void> Webhooks::settle(Hook hook, std::optional<WebhookDelivery> delivery) {
  const std::string id = hook->known.hook.id;
  auto write = [keep = store_, id, progress = hook->known.progress, delivery = std::move(delivery)] {
    return keep->settle(id, progress, delivery ? &*delivery : nullptr);
  };
  const auto done = co_await blocking(engine_.loop, engine_.pool, write);
  if (!done) log::error("the webhook {}: what was delivered could not be written down: {}", id, done.error().message);
}

}  // namespace quarterdeck::fleet
