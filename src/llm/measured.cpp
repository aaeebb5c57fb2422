#include "llm/measured.hpp"

#include "base/activity.hpp"
#include "base/flight_ring.hpp"
#include "base/metrics.hpp"

namespace quarterdeck::llm {
namespace {

using metrics::label;

metrics::Family<metrics::Counter> requests("quarterdeck_model_requests_total", "Requests to models, by how they ended");
metrics::Family<metrics::Counter> retries("quarterdeck_model_retries_total", "Requests that were repeated");
metrics::Family<metrics::Counter> tokens("quarterdeck_model_tokens_total", "Tokens, by kind");
metrics::Family<metrics::Histogram> durations("quarterdeck_model_request_seconds", "From the request to its end");
metrics::Family<metrics::Histogram> first("quarterdeck_model_first_event_seconds",
                                          "From the request to the first piece of the answer");

std::string_view name(ModelError::Kind kind) {
  using Kind = ModelError::Kind;
  switch (kind) {
    case Kind::cancelled: return "cancelled";
    case Kind::network: return "network";
    case Kind::timeout: return "timeout";
    case Kind::rate_limited: return "rate_limited";
    case Kind::overloaded: return "overloaded";
    case Kind::auth: return "auth";
    case Kind::not_found: return "not_found";
    case Kind::invalid_request: return "invalid_request";
    case Kind::context_overflow: return "context_overflow";
    case Kind::content_filter: return "content_filter";
    case Kind::malformed: return "malformed";
  }
  return "other";
}

class Watch final : public ModelSink {
 public:
  explicit Watch(ModelSink& sink) : sink_(sink) {}
  void on_event(ModelEvent event) override {
    if (first_ns_ == 0) first_ns_ = Activity::now_ns();
    sink_.on_event(std::move(event));
  }
  std::int64_t first_ns() const { return first_ns_; }

 private:
  ModelSink& sink_;
  std::int64_t first_ns_ = 0;
};

class MeasuredProvider final : public Provider {
 public:
  explicit MeasuredProvider(Provider& provider) : provider_(provider) {}

  Task<std::expected<ModelFinish, ModelError>> stream(ModelRequest request, ModelSink& sink,
                                                      std::stop_token stop) override {
    const std::string who = label("provider", request.provider.id);
    Watch watch(sink);
    const std::int64_t started_ns = Activity::now_ns();
    auto finish = co_await provider_.stream(std::move(request), watch, std::move(stop));
    durations.with(who).observe_ns(Activity::now_ns() - started_ns);
    if (watch.first_ns() != 0) first.with(who).observe_ns(watch.first_ns() - started_ns);
    const std::string_view outcome = finish ? "ok" : name(finish.error().kind);
    requests.with(fmt::format("{},{}", who, label("outcome", outcome))).add();
    remember("model", fmt::format("{} {}", who, outcome));
    if (finish) count(who, finish->tokens);
    co_return finish;
  }

 private:
  static void count(const std::string& who, const domain::Tokens& used) {
    const auto add = [&](std::string_view kind, std::int64_t number) {
      if (number > 0) {
        tokens.with(fmt::format("{},{}", who, label("kind", kind))).add(static_cast<std::uint64_t>(number));
      }
    };
    add("input", used.input);
    add("output", used.output);
    add("reasoning", used.reasoning);
    add("cache_read", used.cache_read);
    add("cache_write", used.cache_write);
  }

  Provider& provider_;
};

}  // namespace

std::unique_ptr<Provider> make_measured(Provider& provider) { return std::make_unique<MeasuredProvider>(provider); }

void count_retry(std::string_view provider_id) { retries.with(label("provider", provider_id)).add(); }

}  // namespace quarterdeck::llm
