// What is sent to a webhook, and when it is sent again. Pure.
// Sources: Standard Webhooks (standardwebhooks.com, spec of 2024); OpenClaw's docs/automation/cron-jobs/webhooks.md.
#pragma once

#include <optional>
#include <string>

#include "domain/webhook.hpp"
#include "fleet/fleet.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::fleet {

struct WebhookPolicy {
  std::int64_t retry_ms = 5'000;               // after the first failure; doubles
  std::int64_t retry_ms_max = 3'600'000;
  std::int64_t event_age_ms_max = 3 * 86'400'000ll;  // older ones are given up
  std::int64_t disable_after_ms = 5 * 86'400'000ll;  // of failing
};

// Is it one that this hook wants? `project_id` is the session's.
bool wants(const domain::Webhook& hook, const Change& change, const std::string& project_id);

// The same for every attempt, and for no other change.
std::string event_id(const domain::Webhook& hook, const Change& change);

struct WebhookCall {
  std::string id;
  std::string session;
  std::string state;
  std::string body;
  std::string session_key;  // openclaw
};
WebhookCall call_for(const domain::Webhook& hook, const Change& change, TimeMs now);
WebhookCall test_call(const domain::Webhook& hook, TimeMs now);

// Signed, or with its token; kept from private networks unless the hook allows them. Error: `unavailable` (no libcrypto).
Result<net::ClientRequest> request_of(const domain::Webhook& hook, const WebhookCall& call, TimeMs now);

// `random` in [0, 1): half of the pause is random. What the receiver asks for (Retry-After, in seconds) is the least.
std::int64_t pause_ms(const WebhookPolicy& policy, int attempts, double random, std::optional<std::int64_t> asked_s);
// Nothing for what is no number of seconds.
std::optional<std::int64_t> retry_after_s(const net::Headers& headers);

}  // namespace quarterdeck::fleet
