// Tells webhooks what sessions need, each in the order of the changes, one at a time.
//
//   change of attention ─► wanted by the hook? ─► POST ─► 2xx: the cursor moves, on disk
//                                                  └──► else: again, later and later, until it is too old
//
// Laws: the cursor moves only with an answer, or when an event is given up: nothing is lost over a crash, and what comes
// twice (the answer was not on disk yet) has the same id. A session's change that a newer one has overtaken is not told.
// Errors: `not_found`, `invalid`, `conflict` (the id is taken; it is the configuration's), `unavailable`.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "fleet/fleet.hpp"
#include "fleet/webhook_request.hpp"
#include "net/http_client.hpp"
#include "store/webhooks.hpp"

namespace quarterdeck::fleet {

class Webhooks {
 public:
  // The references outlive it.
  Webhooks(Fleet& fleet, net::HttpClient& http, std::unique_ptr<store::WebhookStore> store, WebhookPolicy policy);
  ~Webhooks();

  // With those of the configuration ("webhooks" in `settings`); those that it named before and no longer names go.
  Task<void> start(std::string settings);
  Task<void> shutdown();

  std::vector<store::KnownWebhook> all() const;
  Result<store::KnownWebhook> one(const std::string& id) const;
  // The same once more is the same hook.
  Task<Result<store::KnownWebhook>> add(domain::Webhook hook);
  Task<Result<store::KnownWebhook>> change(std::string id, domain::WebhookChange change);
  Task<Result<void>> remove(std::string id);
  // One delivery now, beside the cursor. It is in the log too.
  Task<Result<domain::WebhookDelivery>> test(std::string id);
  Task<Result<std::vector<domain::WebhookDelivery>>> deliveries(std::string id, int limit);
  // What somebody should look at: hooks that were switched off.
  std::vector<std::string> notes() const;

 private:
  struct Told {
    store::KnownWebhook known;
    std::optional<OneShot<Unit>::Setter> wake;
    bool idle = false;  // waits for changes, not for a time
    std::stop_source gone;
  };
  using Hook = std::shared_ptr<Told>;

  Task<void> tell(Hook hook);
  Task<void> wait(Hook hook, std::optional<std::int64_t> ms);
  // False: later again.
  Task<bool> deliver(Hook hook, Change change);
  Task<domain::WebhookDelivery> send(domain::Webhook hook, WebhookCall call, std::stop_token stop,
                                     std::optional<std::int64_t>& asked_s);
  Task<void> settle(Hook hook, std::optional<domain::WebhookDelivery> delivery);
  Task<Result<void>> put(domain::Webhook hook);
  void take(store::KnownWebhook known);
  void on_change();
  static void poke(Told& hook);

  Fleet& fleet_;
  session::Engine& engine_;
  net::HttpClient& http_;
  std::shared_ptr<store::WebhookStore> store_;
  WebhookPolicy policy_;
  std::shared_ptr<Changes> changes_;
  std::optional<std::size_t> subscription_;
  std::map<std::string, Hook> hooks_;
  TaskGroup telling_;
};

}  // namespace quarterdeck::fleet
