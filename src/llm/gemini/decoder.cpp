#include "base/encoding.hpp"
#include "llm/gemini/dialect.hpp"
#include "llm/protocol/failure.hpp"
#include "llm/protocol/request.hpp"

namespace quarterdeck::llm::gemini {
namespace {

using protocol::metadata_of;

constexpr std::string_view kKey = "google";

bool is_safety(std::string_view reason) {
  for (const auto word : {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"}) {
    if (reason == word) return true;
  }
  return false;
}

class Decoder final : public protocol::TypedDecoder {
 public:
  Decoder(ModelSink& sink, Random& random) : TypedDecoder(sink), random_(random) {}

 private:
  void on_object(std::string_view, const wire::Json& chunk) override {
    if (wire::value_at(chunk, "error")) return fail_with(chunk);
    if (const auto* usage = wire::value_at(chunk, "usageMetadata"); usage && usage->is_object()) this->usage(*usage);
    if (const auto* feedback = wire::value_at(chunk, "promptFeedback")) {
      if (const auto why = wire::string_at(*feedback, "blockReason"); !why.empty()) {
        return fail({.kind = ModelError::Kind::content_filter,
                     .message = fmt::format("the provider refused the prompt: {} {}", why,
                                            wire::string_at(*feedback, "blockReasonMessage")),
                     .body = wire::to_text(chunk).substr(0, protocol::kErrorBodyBytesMax)});
      }
    }
    const auto* candidates = wire::array_at(chunk, "candidates");
    if (!candidates || candidates->empty()) return;
    const auto& candidate = candidates->front();
    if (const auto* content = wire::value_at(candidate, "content")) {
      if (const auto* parts = wire::array_at(*content, "parts")) {
        for (const auto& each : *parts) part(each);
      }
    }
    if (const auto reason = wire::string_at(candidate, "finishReason"); !reason.empty()) finished(candidate, reason);
  }

  bool on_answer(const wire::Json& document) override {
    if (!wire::array_at(document, "candidates") && !wire::value_at(document, "promptFeedback")) return false;
    on_object("", document);
    return true;
  }

  void part(const wire::Json& part) {
    const auto signature = metadata_of(kKey, {{"thoughtSignature", wire::string_at(part, "thoughtSignature")}});
    if (const auto* call = wire::value_at(part, "functionCall")) return function(*call, part);
    const auto* thought = wire::value_at(part, "thought");
    const auto piece = wire::string_at(part, "text");
    if (thought && thought->is_bool() && thought->get_bool()) {
      reasoning(piece);
      if (signature) end_reasoning(signature);
    } else {
      text(piece);
      if (signature) end_text(signature);
    }
  }

  void function(const wire::Json& call, const wire::Json& part) {
    auto id = wire::string_at(call, "id");
    auto metadata =
        metadata_of(kKey, {{"thoughtSignature", wire::string_at(part, "thoughtSignature")}, {"functionCallId", id}});
    if (id.empty()) id = fmt::format("call_{:016x}", random_.next());
    const auto index = start_call(std::move(id), wire::string_at(call, "name"), std::move(metadata));
    if (!index) return;
    const auto* args = wire::value_at(call, "args");
    arguments(*index, args && args->is_object() ? wire::to_text(*args) : "{}");
  }

  void finished(const wire::Json& candidate, std::string_view reason) {
    if (reason == "MALFORMED_FUNCTION_CALL") {
      return fail({.kind = ModelError::Kind::malformed,
                   .message = "the model made a call that is not one: " + wire::string_at(candidate, "finishMessage"),
                   .retryable = true});
    }
    if (is_safety(reason)) return done("content-filter", More::maybe);
    if (reason == "MAX_TOKENS") return done("length", More::maybe);
    done(called() ? "tool-calls" : reason == "STOP" ? "stop" : "unknown", More::maybe);
  }

  void usage(const wire::Json& usage) {
    const auto at = [&](std::string_view name) { return std::max<std::int64_t>(wire::int_at(usage, name), 0); };
    const auto prompt = at("promptTokenCount") + at("toolUsePromptTokenCount");
    tokens_.cache_read = std::min(at("cachedContentTokenCount"), prompt);
    tokens_.input = prompt - tokens_.cache_read;
    tokens_.output = at("candidatesTokenCount");
    tokens_.reasoning = at("thoughtsTokenCount");
    tokens_.total = wire::int_at(usage, "totalTokenCount", prompt + tokens_.output + tokens_.reasoning);
  }

  Random& random_;
};

class Dialect final : public protocol::Dialect {
 public:
  Result<protocol::WireRequest> encode(const ModelRequest& request) const override {
    protocol::WireRequest wire;
    TRY(wire.url, protocol::base_url_of(request, "https://generativelanguage.googleapis.com/v1beta"));
    const auto model = protocol::wire_model(request);
    // "tunedModels/x" and "models/x" name themselves.
    wire.url += fmt::format("/{}{}:streamGenerateContent?alt=sse", model.contains('/') ? "" : "models/", model);
    if (!request.provider.api_key.empty()) wire.headers.push_back({"x-goog-api-key", request.provider.api_key});
    wire.body = encode_request(request);
    return wire;
  }
  std::unique_ptr<protocol::Decoder> decoder(const ModelRequest&, ModelSink& sink, Random& random) const override {
    return make_decoder(sink, random);
  }
};

}  // namespace

std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink, Random& random) {
  return std::make_unique<Decoder>(sink, random);
}
std::unique_ptr<protocol::Dialect> make_dialect() { return std::make_unique<Dialect>(); }

}  // namespace quarterdeck::llm::gemini
