#include "wire/webhook.hpp"

#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "wire/codec.hpp"
#include "wire/describe/fleet.hpp"
#include "wire/fleet.hpp"

namespace quarterdeck::domain {

constexpr auto enum_names(Webhook::Kind) {
  using enum Webhook::Kind;
  return std::array<std::pair<Webhook::Kind, std::string_view>, 2>{{{standard, "standard"}, {openclaw, "openclaw"}}};
}

// With its secrets: to store, and what is sent to us.
template <class Io>
void describe(Io& io, Webhook& hook) {
  io.field_or("id", hook.id, {});
  io.field("url", hook.url);
  io.field_or("kind", hook.kind, Webhook::Kind::standard);
  io.field_or("events", hook.events, {});
  io.field_or("sessions", hook.sessions, {});
  io.field_or("projects", hook.projects, {});
  io.field_or("secret", hook.secret, {});
  io.field_or("token", hook.token, {});
  io.field_or("session_key", hook.session_key, {});
  io.field_or("agent_id", hook.agent_id, {});
  io.field_or("allow_private", hook.allow_private, false);
  io.field_or("enabled", hook.enabled, true);
  io.field_or("configured", hook.configured, false);
  io.field_or("created_at", hook.created, TimeMs{0});
}

void describe(wire::Reader& io, WebhookChange& change) {
  io.field("url", change.url);
  io.field("secret", change.secret);
  io.field("token", change.token);
  io.field("session_key", change.session_key);
  io.field("agent_id", change.agent_id);
  io.field("events", change.events);
  io.field("sessions", change.sessions);
  io.field("projects", change.projects);
  io.field("enabled", change.enabled);
  io.field("allow_private", change.allow_private);
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {
namespace {

using domain::Webhook;

constexpr std::size_t kUrlBytesMax = 2'000;
constexpr std::size_t kWordBytesMax = 500;
constexpr std::size_t kListMax = 100;
constexpr std::size_t kSecretBytesMin = 16;
constexpr std::size_t kSecretBytesMax = 128;
constexpr std::string_view kSecretPrefix = "whsec_";

const std::vector<std::string> kUsualEvents{"needs_you", "with_supervisor", "ready_for_review"};

std::string at(std::string_view what, std::string_view field) { return fmt::format("{}\n  at [\"{}\"]", what, field); }

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

bool is_header_value(std::string_view text) {
  return text.size() <= kWordBytesMax && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

std::string problem_with_url(std::string_view url) {
  const bool http = url.starts_with("http://") || url.starts_with("https://");
  const bool clean = std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~'; });
  if (!http || !clean || url.size() > kUrlBytesMax)
    return at("Expected an http or https URL of at most 2000 characters", "url");
  const std::string_view rest = url.substr(url.find("://") + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.empty()) return at("Expected a URL with a host", "url");
  if (authority.contains('@')) return at("Expected a URL without a user: use secret or token", "url");
  if (url.contains('#')) return at("Expected a URL without a fragment", "url");
  return {};
}

Webhook completed(Webhook hook) {
  if (hook.events.empty()) hook.events = kUsualEvents;
  return hook;
}

std::string list_json(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const std::string& each : list) out += (out.size() > 1 ? "," : "") + wire::quoted(each);
  return out + ']';
}

}  // namespace

std::string problem_with(const Webhook& hook) {
  if (!is_word(hook.id)) return at("Expected 1 to 100 letters, digits, _, - or .", "id");
  if (std::string problem = problem_with_url(hook.url); !problem.empty()) return problem;
  for (const std::string& event : hook.events) {
    if (!group_named(event) && !state_named(event) && event != "all")
      return at(fmt::format("Expected groups or states of attention, or all; got {}", wire::quoted(event)), "events");
  }
  for (const auto& [list, name] :
       {std::pair{&hook.events, "events"}, {&hook.sessions, "sessions"}, {&hook.projects, "projects"}}) {
    if (list->size() > kListMax) return at(fmt::format("Expected at most {}", kListMax), name);
    for (const std::string& each : *list) {
      if (each.empty() || each.size() > kWordBytesMax) return at("Expected strings of 1 to 500 bytes", name);
    }
  }
  if (hook.kind == Webhook::Kind::standard) {
    const auto key =
        hook.secret.starts_with(kSecretPrefix) ? base64_decode(hook.secret.substr(kSecretPrefix.size())) : std::nullopt;
    if (!key || key->size() < kSecretBytesMin || key->size() > kSecretBytesMax)
      return at("Expected whsec_ and 16 to 128 bytes in base64 (openssl rand -base64 32)", "secret");
    if (!hook.token.empty()) return at("Expected a token with kind openclaw only", "token");
  } else {
    if (hook.token.empty()) return at("Expected OpenClaw's hooks.token", "token");
    if (!hook.secret.empty()) return at("Expected a secret with kind standard only", "secret");
  }
  if (!is_header_value(hook.token)) return at("Expected at most 500 printable characters without spaces", "token");
  if (hook.session_key.size() > kWordBytesMax) return at("Expected at most 500 bytes", "session_key");
  if (hook.agent_id.size() > kWordBytesMax) return at("Expected at most 500 bytes", "agent_id");
  return {};
}

Result<Webhook> decode_webhook(std::string_view json) {
  TRY(Webhook hook, decode_text<Webhook>(json));
  hook.configured = false;
  hook.created = 0;
  return completed(std::move(hook));
}

Result<domain::WebhookChange> decode_webhook_change(std::string_view json) {
  return decode_text<domain::WebhookChange>(json);
}

std::vector<Webhook> decode_configured_webhooks(std::string_view settings, std::vector<std::string>& problems) {
  std::vector<Webhook> hooks;
  const auto parsed = parse(settings);
  const Json* found = parsed ? value_at(*parsed, "webhooks") : nullptr;
  if (!found) return hooks;
  const auto* list = found->if_array();
  if (!list) {
    problems.emplace_back("quarterdeck.webhooks: expected a list");
    return hooks;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto hook = decode_text<Webhook>(to_text((*list)[i]));
    std::string problem = hook ? "" : hook.error().message;
    if (hook) {
      *hook = completed(std::move(*hook));
      hook->configured = true;
      problem = problem_with(*hook);
    }
    if (problem.empty()) {
      hooks.push_back(std::move(*hook));
    } else {
      problems.push_back(fmt::format("quarterdeck.webhooks[{}]: {}", i, problem));
    }
  }
  return hooks;
}

std::string encode_webhook(const Webhook& hook, const domain::WebhookProgress& progress) {
  std::string kind;
  for (const auto& [value, name] : domain::enum_names(hook.kind)) {
    if (value == hook.kind) kind = name;
  }
  std::string more;
  if (!hook.session_key.empty()) more += ",\"session_key\":" + wire::quoted(hook.session_key);
  if (!hook.agent_id.empty()) more += ",\"agent_id\":" + wire::quoted(hook.agent_id);
  if (!progress.disabled.empty()) more += ",\"disabled\":" + wire::quoted(progress.disabled);
  if (progress.failing_since > 0)
    more += fmt::format(",\"failing_since\":{},\"attempts\":{},\"next_at\":{}", progress.failing_since,
                        progress.attempts, progress.next_at);
  return fmt::format(
      R"({{"id":{},"url":{},"kind":"{}","events":{},"sessions":{},"projects":{},"allow_private":{},"enabled":{},"configured":{},"created_at":{},"cursor":{}{}}})",
      wire::quoted(hook.id), wire::quoted(hook.url), kind, list_json(hook.events), list_json(hook.sessions),
      list_json(hook.projects), hook.allow_private, hook.enabled && progress.disabled.empty(), hook.configured,
      hook.created, progress.cursor, more);
}

std::string encode_delivery(const domain::WebhookDelivery& delivery) {
  return fmt::format(
      R"({{"webhookID":{},"eventID":{},"sessionID":{},"state":{},"at":{},"attempt":{},"status":{},"ms":{},"outcome":"{}"{}}})",
      wire::quoted(delivery.hook), wire::quoted(delivery.event), wire::quoted(delivery.session),
      wire::quoted(delivery.state), delivery.at, delivery.attempt, delivery.status, delivery.ms, delivery.outcome,
      delivery.error.empty() ? "" : ",\"error\":" + wire::quoted(delivery.error));
}

std::string encode_stored_webhook(const Webhook& hook) { return encode(hook); }
Result<Webhook> decode_stored_webhook(std::string_view json) { return decode_text<Webhook>(json); }

}  // namespace quarterdeck::wire
