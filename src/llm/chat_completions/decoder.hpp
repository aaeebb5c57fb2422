// The answer side of OpenAI's chat completions: fed with the data of server-sent events (or one whole JSON document),
// it tells a sink what the model said and, at the end, how it finished. No I/O.
// Lenient where providers differ: ids and names repeated or missing, calls without index, usage anywhere, reasoning
// under two names. Source: OpenAI API reference, "Chat completions: streaming"; observed answers of other providers.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "llm/provider.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::chat_completions {

class Decoder {
 public:
  // `random` makes ids for calls that come without one.
  Decoder(ModelSink& sink, Random& random) : sink_(sink), random_(random) {}

  // The data of one event. After an error or [DONE] the rest is ignored.
  void on_data(std::string_view data);
  // A whole answer of a server that does not stream.
  void on_document(std::string_view json);

  // Nothing more is to come: [DONE] or an error has been seen.
  bool ended() const { return done_ || error_; }
  // The answer is complete, whatever happens to the connection now.
  bool complete() const { return !error_ && (done_ || finish_reason_); }
  bool failed() const { return error_.has_value(); }
  // What the connection's end means, given what came before it.
  std::expected<ModelFinish, ModelError> finish() const;

 private:
  struct Call {
    int wire_index = 0;
    std::string id;
    bool started = false;
    std::string early_arguments;  // came before the name
  };

  void on_object(const wire::Json& chunk);
  void on_choice(const wire::Json& choice);
  void on_message(const wire::Json& message);
  void on_content(const wire::Json& content);
  void on_call(const wire::Json& call, int position);
  void on_usage(const wire::Json& usage);
  Call& call_for(const wire::Json& call, std::string_view id, std::string_view name, int position);
  std::string make_id();
  void text(std::string_view text);
  void reasoning(std::string_view text);
  void on_details(const wire::JsonArray& details);
  void flush_details();

  ModelSink& sink_;
  Random& random_;
  std::vector<Call> calls_;
  std::optional<std::string> finish_reason_;
  wire::JsonArray details_;  // OpenRouter's reasoning_details that no thought carries yet
  domain::Tokens tokens_;
  std::optional<ModelError> error_;
  bool said_something_ = false;
  bool refused_ = false;
  bool done_ = false;
};

// OpenCode's word for a provider's finish_reason.
std::string finish_word(std::string_view finish_reason, bool called_tools);
domain::Tokens tokens_of(const wire::Json& usage);

}  // namespace quarterdeck::llm::chat_completions
