// GET /fleet/session/:sessionID/context: how full the model's context is.
#include "api/fleet/routes.hpp"
#include "session/compaction.hpp"
#include "session/history_cache.hpp"
#include "session/instance.hpp"
#include "store/query.hpp"

namespace quarterdeck::api::fleet {
namespace {

using namespace domain;

struct Meter {
  std::int64_t used = 0;
  std::int64_t compactions = 0;
  std::int64_t cleared = 0;  // calls whose output is no longer shown
  std::optional<ModelRef> model;
};

Meter measure(const session::History& history) {
  Meter meter;
  for (const session::HistoryMessage& message : history.messages()) {
    for (const Part& part : message.parts()) {
      const auto* call = std::get_if<ToolPart>(&part.content);
      const auto* done = call ? std::get_if<ToolCompleted>(&call->state) : nullptr;
      if (done && done->compacted) ++meter.cleared;
    }
    const auto* step = std::get_if<AssistantMessage>(&message.info());
    if (!step || !step->finish || step->error) continue;
    const bool summary = step->summary.value_or(false);
    if (summary) ++meter.compactions;
    // The next request begins with the summary alone.
    const std::int64_t tokens = summary ? step->tokens.output : session::tokens_in_context(step->tokens);
    if (tokens > 0) meter.used = tokens;
    if (!summary) meter.model = ModelRef{step->provider_id, step->model_id, step->variant};
  }
  return meter;
}

Task<net::Response> context(Services& services, Call call) {
  const SessionId id{call.param("sessionID")};
  const auto session = services.engine.query.session(id);
  if (!session) co_return error_response(session.error());
  const auto instance = co_await services.engine.instances.open(session->directory);
  const auto history = co_await services.engine.histories->of(id);
  if (!history) co_return error_response(history.error());
  Meter meter = measure(**history);
  if (!meter.model) meter.model = session->model ? session->model : instance->default_model;
  const ModelInfo* model = meter.model ? instance->find_model(*meter.model) : nullptr;
  const std::int64_t limit = model ? model->context_tokens : 0;
  const std::int64_t usable = model ? session::usable_tokens(*model, instance->config.compaction) : 0;
  const double percentage = limit > 0 ? 100.0 * static_cast<double>(meter.used) / static_cast<double>(limit) : 0;
  const bool automatic = instance->config.compaction.automatic.value_or(true);
  co_return json(fmt::format(
      R"({{"used_tokens":{},"limit_tokens":{},"usable_tokens":{},"percentage":{:.1f},"compactions":{},"cleared_outputs":{},"auto":{}}})",
      meter.used, limit, usable, percentage, meter.compactions, meter.cleared, automatic));
}

}  // namespace

std::vector<Route> context_routes(Services& services) {
  const auto handler = [&services](Call call) { return context(services, std::move(call)); };
  return {{"GET", "/fleet/session/:sessionID/context", "fleet.session.context",
           "How full the model's context is: tokens, limit, percentage, compactions", handler, "Object"}};
}

}  // namespace quarterdeck::api::fleet
