// Which model answers, what it can do and what it costs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/json_text.hpp"

namespace quarterdeck::domain {

// A model of a provider, written "provider/model" in configuration.
struct ModelRef {
  std::string provider_id;
  std::string model_id;
  std::optional<std::string> variant;  // reasoning effort and the like
  bool operator==(const ModelRef&) const = default;
};

// Tokens of one step, or summed over a session. `input` excludes what came from the cache.
struct Tokens {
  std::optional<std::int64_t> total;
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t reasoning = 0;
  std::int64_t cache_read = 0;
  std::int64_t cache_write = 0;
  bool operator==(const Tokens&) const = default;
};

// US dollars per million tokens, as models.dev has it.
struct Prices {
  double input = 0;
  double output = 0;
  double cache_read = 0;
  double cache_write = 0;
  bool operator==(const Prices&) const = default;
};

struct ModelInfo {
  std::string id;           // what sessions and clients name
  std::string provider_id;
  std::string api_id;       // what the provider is asked for; usually the same
  std::string name;
  std::string family;
  bool tool_call = true;
  bool reasoning = false;
  bool attachment = false;
  bool temperature = false;
  std::int64_t context_tokens = 0;  // 0 = unknown
  std::int64_t output_tokens = 0;   // 0 = unknown
  Prices prices;
  std::string release_date;
  std::string status = "active";
  JsonText options{"{}"};
  std::map<std::string, JsonText> variants;  // reasoning effort and the like: options by name
  std::vector<std::string> efforts;  // of reasoning that its vendor names; empty = what is known of its kind
  std::vector<std::string> input;   // text, image, pdf, audio, video; empty = text, and what `attachment` says
  std::string interleaved;  // where this model wants its thoughts back: reasoning_content | reasoning_details
  // A model of a provider that is reached in another way than the provider's others; empty = as they are.
  std::string protocol;
  std::string npm;
  std::string base_url;
  std::map<std::string, std::string> headers;
  bool operator==(const ModelInfo&) const = default;
};

// Whether the model takes files of this kind ("image", "pdf") beside text.
inline bool accepts(const ModelInfo& model, std::string_view kind) {
  if (model.input.empty()) return model.attachment && (kind == "image" || kind == "pdf");
  for (const auto& each : model.input) {
    if (each == kind) return true;
  }
  return false;
}

struct ProviderInfo {
  std::string id;
  std::string name;
  std::string source;  // config | env | builtin
  std::vector<std::string> env;  // environment variables that may hold its key
  std::string protocol;  // openai-chat is the first; wire formats live in llm/<protocol>/
  std::string npm;  // OpenCode's name for the protocol package, shown to clients
  std::string base_url;  // https://host/v1, without the operation's path
  std::string api_key;  // a secret: never encoded for a client or a log
  std::map<std::string, std::string> headers;
  JsonText options{"{}"};  // the configuration's: region, resourceName, apiVersion…; may hold secrets
  std::string default_model;  // of the catalogue; empty = none is preferred
  std::string small_model;
  std::map<std::string, ModelInfo> models;
  bool operator==(const ProviderInfo&) const = default;
};

}  // namespace quarterdeck::domain
