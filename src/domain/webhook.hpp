// Somebody elsewhere who is told by HTTP when a session needs something. Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace quarterdeck::domain {

struct Webhook {
  enum class Kind {
    standard,  // Standard Webhooks: {"type","timestamp","data"}, signed with `secret`
    openclaw,  // OpenClaw's POST /hooks/wake: {"text","mode"}, with `token` as bearer
  };
  std::string id;  // wh_…, or as the configuration names it
  std::string url;
  Kind kind = Kind::standard;
  std::vector<std::string> events;    // groups and states of attention
  std::vector<std::string> sessions;  // ids; empty: all
  std::vector<std::string> projects;  // ids; empty: all
  std::string secret;                 // whsec_… : never in an answer
  std::string token;                  // never in an answer
  std::string session_key;            // openclaw: which of its sessions wakes; a handoff's reply_to comes first
  std::string agent_id;               // openclaw
  bool allow_private = false;         // also to addresses of private networks
  bool enabled = true;
  bool configured = false;  // by the configuration: it cannot be changed here
  TimeMs created = 0;
  bool operator==(const Webhook&) const = default;
};

// How far it is told, and how that goes.
struct WebhookProgress {
  std::int64_t cursor = 0;  // every change up to this number is told, or was not for it
  int attempts = 0;         // of what is next; 0: it was not tried yet
  TimeMs failing_since = 0;  // 0: the last one arrived
  TimeMs next_at = 0;       // not before
  std::string disabled;     // why it was switched off by itself
  bool operator==(const WebhookProgress&) const = default;
};

struct WebhookDelivery {
  std::string hook;
  std::string event;    // the id that the receiver sees: the same for every attempt
  std::string session;
  std::string state;    // of the session
  TimeMs at = 0;
  int attempt = 1;
  int status = 0;       // of the answer; 0: there was none
  std::int64_t ms = 0;
  std::string outcome;  // delivered | failed | expired
  std::string error;
};

struct WebhookChange {
  std::optional<std::string> url, secret, token, session_key, agent_id;
  std::optional<std::vector<std::string>> events, sessions, projects;
  std::optional<bool> enabled, allow_private;
  bool operator==(const WebhookChange&) const = default;
};

}  // namespace quarterdeck::domain
