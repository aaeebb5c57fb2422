// The answer side of one wire protocol: fed with the events of its stream (or one whole JSON document), it tells a sink
// what the model said and, at the end, how it finished. No I/O. The helpers here keep what all protocols share: calls
// are counted and bounded, nothing is said after an error, an early end is never a complete answer.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llm/provider.hpp"
#include "net/sse.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::protocol {

class Decoder {
 public:
  virtual ~Decoder() = default;
  // After an error or the end, the rest is ignored.
  virtual void on_event(const net::SseEvent& event) = 0;
  // A whole answer of a server that does not stream, or an error body with status 200.
  virtual void on_document(std::string_view json) = 0;

  // Nothing more is to come.
  virtual bool ended() const = 0;
  // The answer is complete, whatever happens to the connection now.
  virtual bool complete() const = 0;
  virtual bool failed() const = 0;
  // What the connection's end means, given what came before it.
  virtual std::expected<ModelFinish, ModelError> finish() const = 0;
};

// More calls in one answer than this is a model gone wild or an attack.
inline constexpr std::size_t kCallsMax = 128;

// What the decoders of the typed protocols (Responses, Messages, Gemini, Converse) have in common.
class TypedDecoder : public Decoder {
 public:
  explicit TypedDecoder(ModelSink& sink) : sink_(sink) {}

  void on_event(const net::SseEvent& event) final;
  void on_document(std::string_view json) final;
  bool ended() const final { return over_ || error_; }
  bool complete() const final { return done_ && !error_; }
  bool failed() const final { return error_.has_value(); }
  std::expected<ModelFinish, ModelError> finish() const final;

 protected:
  // One JSON object of the stream; `type` is the event's name, empty where the protocol does not name its events.
  virtual void on_object(std::string_view type, const wire::Json& object) = 0;
  // A whole answer. False: this is no answer of this protocol.
  virtual bool on_answer(const wire::Json& document) = 0;

  void text(std::string_view piece);
  void end_text(Metadata metadata = {});
  void reasoning(std::string_view piece);
  // Also for a thought without text, when it has metadata.
  void end_reasoning(Metadata metadata = {});
  // Nothing when there are too many: the error is set then.
  std::optional<int> start_call(std::string id, std::string name, Metadata metadata = {});
  void arguments(int index, std::string_view piece);
  bool called() const { return calls_ > 0; }

  // The answer is complete; with `More::maybe`, its usage may still follow. `reason` is OpenCode's word.
  enum class More { no, maybe };
  void done(std::string reason, More more = More::no);
  void fail(ModelError error);
  // An error object of the protocol.
  void fail_with(const wire::Json& error);

  domain::Tokens tokens_;

 private:
  ModelSink& sink_;
  int calls_ = 0;
  bool in_text_ = false;
  bool in_reasoning_ = false;
  bool done_ = false;
  bool over_ = false;
  std::string reason_;
  std::optional<ModelError> error_;
};

// {"<provider>": {…}} with the members that are not empty; nothing when all are.
Metadata metadata_of(std::string_view provider,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> members);
// A member of what metadata_of made. Empty when there is none.
std::string metadata_member(const Metadata& metadata, std::string_view provider, std::string_view name);

}  // namespace quarterdeck::llm::protocol
