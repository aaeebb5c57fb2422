// One model call: what goes in, what streams out, how it can fail. A folder per wire protocol implements it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/task.hpp"
#include "domain/json_text.hpp"
#include "domain/model.hpp"
#include "llm/chat_messages.hpp"

namespace quarterdeck::llm {

struct ToolSpec {
  std::string name;
  std::string description;
  domain::JsonText parameters;  // JSON schema
  bool operator==(const ToolSpec&) const = default;
};

struct ModelRequest {
  domain::ProviderInfo provider;
  domain::ModelInfo model;
  ChatMessages messages;
  std::vector<ToolSpec> tools;
  bool tool_required = false;  // tool_choice: required instead of auto
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::int64_t output_tokens_max = 0;  // 0 = the provider's default
  std::string session_id;  // sent as x-session-affinity, for the provider's cache
  // What the model's options, the agent's and the chosen variant add up to (llm/variants.hpp); the encoders read
  // what their protocol knows of it. Empty = the model's own options.
  domain::JsonText options{""};
  std::int64_t first_byte_timeout_ms = 60'000;
  std::int64_t idle_timeout_ms = 60'000;
};

// In the order the provider sends them. A call's id and name come with its start; its arguments are JSON in pieces.
struct TextDelta {
  std::string text;
  bool operator==(const TextDelta&) const = default;
};
struct ReasoningDelta {
  std::string text;
  bool operator==(const ReasoningDelta&) const = default;
};
// The text, or the thought, that was streaming is complete; more may follow as a new one. A thought may have no text
// at all (redacted, encrypted) and still have metadata that must go back.
struct TextEnded {
  Metadata metadata = {};
  bool operator==(const TextEnded&) const = default;
};
struct ReasoningEnded {
  Metadata metadata = {};
  bool operator==(const ReasoningEnded&) const = default;
};
struct ToolCallStarted {
  int index = 0;
  std::string id;
  std::string name;
  Metadata metadata = {};
  bool operator==(const ToolCallStarted&) const = default;
};
struct ToolCallDelta {
  int index = 0;
  std::string arguments;
  bool operator==(const ToolCallDelta&) const = default;
};
using ModelEvent = std::variant<TextDelta, ReasoningDelta, TextEnded, ReasoningEnded, ToolCallStarted, ToolCallDelta>;

class ModelSink {
 public:
  virtual ~ModelSink() = default;
  virtual void on_event(ModelEvent event) = 0;
};

struct ModelFinish {
  std::string reason;  // stop | tool-calls | length | content-filter | unknown (OpenCode's words)
  domain::Tokens tokens;
  bool operator==(const ModelFinish&) const = default;
};

struct ModelError {
  enum class Kind {
    cancelled,
    network,  // could not connect, reset, ended in the middle
    timeout,  // no first byte, or silence in the stream
    rate_limited,  // 429
    overloaded,  // 5xx, 529
    auth,  // 401, 403: the key is wrong or missing
    not_found,  // 404: no such model or address
    invalid_request,  // other 4xx
    context_overflow,  // the request is longer than the model's context
    content_filter,
    malformed,  // an answer that is not this protocol (an HTML page, broken chunks)
  };
  Kind kind = Kind::network;
  std::string message;
  std::optional<int> status;
  std::optional<std::string> body;  // of an error answer, at most 8 KB
  std::optional<std::int64_t> retry_after_ms;
  bool retryable = false;
  bool operator==(const ModelError&) const = default;
};

// Stateless and shared by all sessions.
class Provider {
 public:
  virtual ~Provider() = default;
  // Streams one answer into `sink` (which must outlive the task) until it ends, fails or `stop` is requested.
  virtual Task<std::expected<ModelFinish, ModelError>> stream(ModelRequest request, ModelSink& sink,
                                                              std::stop_token stop) = 0;
};

}  // namespace quarterdeck::llm
