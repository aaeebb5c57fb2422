// Webhooks, how far each is told, and what became of the newest deliveries. A file of its own, 0600: it holds secrets, and
// no backup of sessions carries it along.
// Laws: what settle() writes (cursor, attempts, the entry of the log) is one transaction; of each hook the newest
// kDeliveriesKept entries are kept. Errors: `unavailable` (the file), `not_found`. Thread-safe; calls take about a sync.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "domain/webhook.hpp"

namespace quarterdeck::store {

inline constexpr int kDeliveriesKept = 200;

struct KnownWebhook {
  domain::Webhook hook;
  domain::WebhookProgress progress;
};

class WebhookStore {
 public:
  virtual ~WebhookStore() = default;
  virtual Result<std::vector<KnownWebhook>> all() = 0;
  // New, or in the place of what was; its progress stays.
  virtual Result<void> put(const domain::Webhook& hook, const domain::WebhookProgress& if_new) = 0;
  virtual Result<void> remove(const std::string& id) = 0;
  virtual Result<void> settle(const std::string& id, const domain::WebhookProgress& progress,
                              const domain::WebhookDelivery* delivery) = 0;
  virtual Result<std::vector<domain::WebhookDelivery>> deliveries(const std::string& id,
                                                                  int limit) = 0;  // newest first
};

// <directory>/webhooks.db.
Result<std::unique_ptr<WebhookStore>> open_webhooks(const std::filesystem::path& directory);

}  // namespace quarterdeck::store
