#include "session/model_call.hpp"

#include <fmt/chrono.h>

#include "base/async.hpp"
#include "base/log.hpp"
#include "llm/retry.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"

namespace quarterdeck::session {
namespace {

using Kind = llm::ModelError::Kind;

// With another model to go to, this one gets so many tries, and is not waited for longer than that.
constexpr int kTriesWithFallback = 3;
constexpr std::int64_t kWaitWithFallbackMs = 30'000;

// What another model would fail at too, or what somebody else acts on (compaction).
bool another_may_help(const llm::ModelError& error) {
  switch (error.kind) {
    case Kind::cancelled:
    case Kind::context_overflow:
    case Kind::invalid_request: return false;
    default: return true;
  }
}

}  // namespace

std::optional<std::int64_t> silence_max_ms(const config::Config& config) {
  const auto ours = wire::parse(config.ours.text);
  const wire::Json* retry = ours ? wire::value_at(*ours, "retry") : nullptr;
  const std::int64_t seconds = retry ? wire::int_at(*retry, "silence_s", 0) : 0;
  if (seconds < 1 || seconds > 3600) return std::nullopt;
  return seconds * 1000;
}

std::vector<Candidate> candidates_for(const Instance& instance, const domain::ModelRef& model) {
  std::vector<Candidate> out;
  const auto add = [&](const domain::ModelRef& ref) {
    const auto* provider = instance.find_provider(ref.provider_id);
    const auto* info = instance.find_model(ref);
    if (provider && info) {
      out.push_back({provider, info, ref.variant});
    } else {
      log::warn("fallback model {}/{} is not available", ref.provider_id, ref.model_id);
    }
  };
  add(model);
  const auto chain = instance.fallbacks.find(fmt::format("{}/{}", model.provider_id, model.model_id));
  if (chain == instance.fallbacks.end()) return out;
  for (const domain::ModelRef& next : chain->second) add(next);
  return out;
}

ModelCall::ModelCall(Engine& engine, std::vector<Candidate> candidates, std::int64_t wait_max_ms, Hooks hooks)
    : engine_(engine), candidates_(std::move(candidates)), wait_left_ms_(wait_max_ms), hooks_(std::move(hooks)) {
  ASSERT(!candidates_.empty(), "a model call has a model");
}

std::optional<std::int64_t> ModelCall::delay_ms(const llm::ModelError& error, int tries, int requests,
                                                bool last) const {
  if (requests >= kRequestsMax) return std::nullopt;
  const auto delay =
      llm::retry_delay_ms(tries, error, last ? wait_left_ms_ : std::min(wait_left_ms_, kWaitWithFallbackMs));
  return delay && (last || tries < kTriesWithFallback) ? delay : std::nullopt;
}

Task<std::expected<llm::ModelFinish, llm::ModelError>> ModelCall::run(llm::ModelSink& sink, std::stop_token stop) {
  int requests = 0;
  for (std::size_t at = 0;; ++at) {
    const Candidate& candidate = candidates_[at];
    const bool last = at + 1 == candidates_.size();
    std::optional<llm::ModelError> failure;
    const auto& protocol_name =
        candidate.model->protocol.empty() ? candidate.provider->protocol : candidate.model->protocol;
    const auto protocol = engine_.protocols.find(protocol_name);
    if (protocol == engine_.protocols.end()) {
      failure = llm::ModelError{
          .kind = Kind::not_found,
          .message = fmt::format("Provider {} speaks the protocol \"{}\", which this version does not know",
                                 candidate.provider->id, protocol_name)};
    }
    for (int tries = 1; protocol != engine_.protocols.end(); ++tries) {
      llm::ModelRequest request = hooks_.request(candidate);
      auto finish = co_await protocol->second->stream(std::move(request), sink, stop);
      ++requests;
      if (finish || finish.error().kind == Kind::cancelled) co_return finish;
      failure = std::move(finish.error());
      const auto wait_ms = delay_ms(*failure, tries, requests, last);
      if (!wait_ms) break;
      if (failure->retry_after_ms) wait_left_ms_ -= *wait_ms;
      hooks_.discard();
      hooks_.waiting({tries, *failure, engine_.clock.now_ms() + *wait_ms});
      const bool waited = co_await sleep_ms(engine_.loop, *wait_ms, stop);
      if (!waited) co_return std::unexpected(llm::ModelError{.kind = Kind::cancelled, .message = "aborted"});
      hooks_.going_on();
    }
    if (last || requests >= kRequestsMax || !another_may_help(*failure)) {
      if (failure->retry_after_ms && *failure->retry_after_ms > wait_left_ms_) {
        const std::time_t when = (engine_.clock.now_ms() + *failure->retry_after_ms) / 1000;
        failure->message += fmt::format(
            " (the provider asks to come back in {} s, at {:%FT%TZ}; \"quarterdeck\": {{\"retry\": "
            "{{\"wait_max_s\"}}}} says how long a turn may wait)",
            *failure->retry_after_ms / 1000, fmt::gmtime(when));
      }
      co_return std::unexpected(std::move(*failure));
    }
    log::warn("{}/{} failed ({}); going on with {}/{}", candidate.provider->id, candidate.model->id, failure->message,
              candidates_[at + 1].provider->id, candidates_[at + 1].model->id);
    hooks_.discard();
    hooks_.fell_back(candidates_[at + 1], *failure);
  }
}

}  // namespace quarterdeck::session
