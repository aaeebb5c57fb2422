// Webhooks as JSON: what is sent to us, what we answer (never a secret), and what is stored.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/webhook.hpp"

namespace quarterdeck::wire {

// Errors: `invalid`, with the field's path. `events` that are absent become what needs somebody or is ready.
Result<domain::Webhook> decode_webhook(std::string_view json);
Result<domain::WebhookChange> decode_webhook_change(std::string_view json);
// Of the configuration's list "webhooks": those that can be read; what is wrong with the others.
std::vector<domain::Webhook> decode_configured_webhooks(std::string_view settings, std::vector<std::string>& problems);
// What is wrong with one that was put together; empty: nothing.
std::string problem_with(const domain::Webhook& hook);

std::string encode_webhook(const domain::Webhook& hook, const domain::WebhookProgress& progress);
std::string encode_delivery(const domain::WebhookDelivery& delivery);

std::string encode_stored_webhook(const domain::Webhook& hook);
Result<domain::Webhook> decode_stored_webhook(std::string_view json);

}  // namespace quarterdeck::wire
