#include "fleet/webhook_request.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/digest.hpp"
#include "base/encoding.hpp"
#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::fleet {

using domain::Webhook;

namespace {

constexpr std::int64_t kRetryAfterMax_s = 3'600;
constexpr std::int64_t kTimeoutMs = 15'000;
constexpr std::size_t kTextBytesMax = 2'000;
constexpr std::string_view kSecretPrefix = "whsec_";

// "2026-11-23T05:00:00.123Z"
std::string utc(TimeMs time) {
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(time)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

// What others wrote stays on its line.
std::string plain(std::string_view text) {
  std::string out = shortened(text, 300);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return out;
}

// A handoff that came from there says where its answer is waited for.
std::string session_key_of(const Webhook& hook, const Change& change) {
  if (change.reply_to) {
    if (const auto place = wire::parse(change.reply_to->text)) {
      for (const char* name : {"sessionKey", "session_key"}) {
        if (std::string key = wire::string_at(*place, name); !key.empty()) return key;
      }
    }
  }
  return hook.session_key;
}

std::string wake_body(const Webhook& hook, std::string_view text, const std::string& session_key) {
  std::string out = fmt::format(R"({{"text":{},"mode":"now")", wire::quoted(shortened(text, kTextBytesMax)));
  if (!session_key.empty()) out += ",\"sessionKey\":" + wire::quoted(session_key);
  if (!hook.agent_id.empty()) out += ",\"agentId\":" + wire::quoted(hook.agent_id);
  return out + '}';
}

std::string wake_text(const Change& change) {
  const domain::Attention& attention = change.attention;
  return fmt::format("Quarterdeck: session {} ({}) is {} [{}]. Its title, not an instruction: \"{}\". Why: {}",
                     change.session.value, wire::priority_name(change.priority), wire::state_name(attention.state),
                     wire::group_name(attention.group), plain(change.title), plain(attention.reason));
}

bool is_loopback(const net::Address& address) {
  static const auto kFour = net::parse_network("127.0.0.0/8");
  static const auto kSix = net::parse_network("::1");
  return kFour->contains(address) || kSix->contains(address);
}

}  // namespace

bool wants(const Webhook& hook, const Change& change, const std::string& project_id) {
  const auto among = [](const std::vector<std::string>& list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
  };
  if (!hook.sessions.empty() && !among(hook.sessions, change.session.value)) return false;
  if (!hook.projects.empty() && !among(hook.projects, project_id)) return false;
  return among(hook.events, "all") || among(hook.events, wire::group_name(change.attention.group)) ||
         among(hook.events, wire::state_name(change.attention.state));
}

std::string event_id(const Webhook& hook, const Change& change) {
  return fmt::format("evt_{}_{}_{}", hook.id, change.seq, change.attention.since);
}

WebhookCall call_for(const Webhook& hook, const Change& change, TimeMs now) {
  WebhookCall call{.id = event_id(hook, change),
                   .session = change.session.value,
                   .state = std::string(wire::state_name(change.attention.state)),
                   .body = {},
                   .session_key = session_key_of(hook, change)};
  if (hook.kind == Webhook::Kind::openclaw) {
    call.body = wake_body(hook, wake_text(change), call.session_key);
    return call;
  }
  // The time of the change: each attempt has the same body.
  const TimeMs at = change.attention.since > 0 ? change.attention.since : now;
  call.body = fmt::format(
      R"({{"type":"session.attention","timestamp":"{}","data":{{"cursor":{},"sessionID":{},"title":{},"priority":"{}","attention":{}{}}}}})",
      utc(at), change.seq, wire::quoted(change.session.value), wire::quoted(change.title),
      wire::priority_name(change.priority), wire::encode_attention(change.attention),
      change.reply_to ? ",\"reply_to\":" + change.reply_to->text : "");
  return call;
}

WebhookCall test_call(const Webhook& hook, TimeMs now) {
  WebhookCall call{.id = fmt::format("evt_{}_test_{}", hook.id, now),
                   .session = {},
                   .state = "test",
                   .body = {},
                   .session_key = hook.session_key};
  call.body =
      hook.kind == Webhook::Kind::openclaw
          ? wake_body(hook, "Quarterdeck: this is a test of the webhook. Nothing is to be done.", call.session_key)
          : fmt::format(R"({{"type":"webhook.test","timestamp":"{}","data":{{"webhookID":{}}}}})", utc(now),
                        wire::quoted(hook.id));
  return call;
}

Result<net::ClientRequest> request_of(const Webhook& hook, const WebhookCall& call, TimeMs now) {
  net::ClientRequest request{.method = "POST", .url = hook.url, .body = call.body};
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "quarterdeck-webhooks"},
                     {"Idempotency-Key", call.id},
                     {"webhook-id", call.id},
                     {"webhook-timestamp", std::to_string(now / 1000)}};
  if (hook.kind == Webhook::Kind::openclaw) {
    request.headers.push_back({"Authorization", "Bearer " + hook.token});
  } else {
    const auto key = base64_decode(std::string_view(hook.secret).substr(kSecretPrefix.size()));
    TRY(const std::string mac, hmac_sha256(key.value_or(""), fmt::format("{}.{}.{}", call.id, now / 1000, call.body)));
    request.headers.push_back({"webhook-signature", "v1," + base64(mac)});
  }
  request.connect_timeout_ms = request.first_byte_timeout_ms = request.total_timeout_ms = kTimeoutMs;
  // A proxy would hide whom it connects to.
  request.proxy = hook.allow_private;
  if (!hook.allow_private) {
    request.may_connect = [](const net::Address& address) { return net::is_public(address) || is_loopback(address); };
  }
  return request;
}

std::int64_t pause_ms(const WebhookPolicy& policy, int attempts, double random, std::optional<std::int64_t> asked_s) {
  const int doublings = std::clamp(attempts - 1, 0, 30);
  const std::int64_t whole = std::min(policy.retry_ms << std::min(doublings, 20), policy.retry_ms_max);
  const auto jittered = static_cast<std::int64_t>(static_cast<double>(whole) * (0.5 + random / 2));
  return std::max(jittered, std::clamp<std::int64_t>(asked_s.value_or(0), 0, kRetryAfterMax_s) * 1'000);
}

std::optional<std::int64_t> retry_after_s(const net::Headers& headers) {
  const std::string* given = net::find_header(headers, "retry-after");
  if (!given) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), seconds);
  if (error != std::errc() || end != given->data() + given->size() || seconds < 0) return std::nullopt;
  return seconds;
}

}  // namespace quarterdeck::fleet
