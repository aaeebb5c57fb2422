// Who is told by HTTP when sessions need something.
#include <charconv>

#include "api/fleet/routes.hpp"
#include "fleet/webhooks.hpp"
#include "wire/json.hpp"
#include "wire/webhook.hpp"

namespace quarterdeck::api::fleet {
namespace {

using store::KnownWebhook;

net::Response shown(const Result<KnownWebhook>& known) {
  return known ? json(wire::encode_webhook(known->hook, known->progress)) : error_response(known.error());
}

struct WebhookRoutes {
  Services& services;

  Task<net::Response> list(Call) const {
    std::string out, notes;
    for (const KnownWebhook& each : services.webhooks->all())
      out += (out.empty() ? "" : ",") + wire::encode_webhook(each.hook, each.progress);
    for (const std::string& note : services.webhooks->notes()) notes += (notes.empty() ? "" : ",") + wire::quoted(note);
    co_return json(fmt::format(R"({{"webhooks":[{}],"notes":[{}]}})", out, notes));
  }
  Task<net::Response> add(Call call) const {
    auto hook = wire::decode_webhook(call.request.body);
    if (!hook) co_return error_response(hook.error());
    const auto known = co_await services.webhooks->add(std::move(*hook));
    co_return shown(known);
  }
  Task<net::Response> one(Call call) const { co_return shown(services.webhooks->one(call.param("webhookID"))); }
  Task<net::Response> change(Call call) const {
    auto change = wire::decode_webhook_change(call.request.body);
    if (!change) co_return error_response(change.error());
    const auto known = co_await services.webhooks->change(call.param("webhookID"), std::move(*change));
    co_return shown(known);
  }
  Task<net::Response> remove(Call call) const {
    const auto done = co_await services.webhooks->remove(call.param("webhookID"));
    co_return done ? json("true") : error_response(done.error());
  }
  Task<net::Response> test(Call call) const {
    const auto delivery = co_await services.webhooks->test(call.param("webhookID"));
    co_return delivery ? json(wire::encode_delivery(*delivery)) : error_response(delivery.error());
  }
  Task<net::Response> deliveries(Call call) const {
    int limit = 50;
    if (const auto given = call.request.query_value("limit")) {
      const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), limit);
      if (error != std::errc() || end != given->data() + given->size() || limit < 1 || limit > store::kDeliveriesKept)
        co_return bad_request(fmt::format("Expected a number from 1 to {}\n  at [\"limit\"]", store::kDeliveriesKept),
                              Where::query);
    }
    const auto found = co_await services.webhooks->deliveries(call.param("webhookID"), limit);
    if (!found) co_return error_response(found.error());
    std::string out;
    for (const auto& each : *found) out += (out.empty() ? "" : ",") + wire::encode_delivery(each);
    co_return json(fmt::format(R"({{"deliveries":[{}]}})", out));
  }
};

}  // namespace

std::vector<Route> webhook_routes(Services& services) {
  if (!services.webhooks) return {};
  const auto bind = [&services](Task<net::Response> (WebhookRoutes::*handler)(Call) const) {
    return [routes = std::make_shared<WebhookRoutes>(services), handler](Call call) {
      return ((*routes).*handler)(std::move(call));
    };
  };
  using R = WebhookRoutes;
  return {
      {"GET", "/fleet/webhooks", "fleet.webhook.list", "Webhooks and how they fare, without their secrets",
       bind(&R::list), "Object"},
      {"POST", "/fleet/webhooks", "fleet.webhook.add", "Tell a URL what sessions need", bind(&R::add), "Object",
       "Object"},
      {"GET", "/fleet/webhooks/:webhookID", "fleet.webhook.get", "One webhook", bind(&R::one), "Object"},
      {"PATCH", "/fleet/webhooks/:webhookID", "fleet.webhook.change",
       "Change it; `enabled: true` also begins anew after it was switched off", bind(&R::change), "Object", "Object"},
      {"DELETE", "/fleet/webhooks/:webhookID", "fleet.webhook.remove", "Forget it", bind(&R::remove), "Boolean"},
      {"POST", "/fleet/webhooks/:webhookID/test", "fleet.webhook.test", "Send a test now and say what came of it",
       bind(&R::test), "Object", "Object"},
      {"GET",
       "/fleet/webhooks/:webhookID/deliveries",
       "fleet.webhook.deliveries",
       "What became of the newest deliveries",
       bind(&R::deliveries),
       "Object",
       "",
       {{"limit", "1 to 200; 50 by default"}}},
  };
}

}  // namespace quarterdeck::api::fleet
