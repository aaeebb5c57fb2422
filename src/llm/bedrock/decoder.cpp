#include <map>

#include "base/encoding.hpp"
#include "llm/bedrock/crypto_library.hpp"
#include "llm/bedrock/dialect.hpp"
#include "llm/bedrock/event_stream.hpp"
#include "llm/bedrock/sigv4.hpp"
#include "llm/protocol/failure.hpp"
#include "llm/protocol/request.hpp"

namespace quarterdeck::llm::bedrock {
namespace {

using protocol::metadata_of;

constexpr std::string_view kKey = "bedrock";
constexpr std::string_view kException = "exception:";

std::string finish_word(std::string_view reason, bool called) {
  if (reason == "tool_use") return "tool-calls";
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return "length";
  if (reason == "content_filtered" || reason == "guardrail_intervened") return "content-filter";
  if (called) return "tool-calls";
  if (reason == "end_turn" || reason == "stop_sequence") return "stop";
  return "unknown";
}

// Frames as the decoder takes them: the event's type and its JSON; an exception's type with a mark.
class EventStreamFraming final : public protocol::Framing {
 public:
  void feed(std::string_view bytes) override { reader_.feed(bytes); }
  std::optional<net::SseEvent> next() override {
    auto message = reader_.next();
    if (!message) return std::nullopt;
    const auto header = [&](std::string_view name) {
      const auto found = message->headers.find(name);
      return found == message->headers.end() ? std::string() : found->second;
    };
    const auto kind = header(":message-type");
    if (kind == "exception") {
      return net::SseEvent{.event = std::string(kException) + header(":exception-type"), .data = message->payload};
    }
    if (kind == "error") {
      return net::SseEvent{.event = std::string(kException) + header(":error-code"),
                           .data = fmt::format(R"({{"message":{}}})", wire::quoted(header(":error-message")))};
    }
    return net::SseEvent{.event = header(":event-type"), .data = std::move(message->payload)};
  }
  std::string problem() const override { return reader_.problem(); }

 private:
  EventStreamReader reader_;
};

class Decoder final : public protocol::TypedDecoder {
 public:
  using TypedDecoder::TypedDecoder;

 private:
  struct Block {
    int call = -1;
    bool has_arguments = false;
    bool thought = false;
    std::string signature;
    std::string redacted;
  };

  void on_object(std::string_view type, const wire::Json& event) override {
    if (type.starts_with(kException)) return exception(type.substr(kException.size()), event);
    const auto index = wire::int_at(event, "contentBlockIndex");
    if (type == "contentBlockStart") {
      const auto* start = wire::value_at(event, "start");
      const auto* call = start ? wire::value_at(*start, "toolUse") : nullptr;
      if (!call) return;
      if (const auto started = start_call(wire::string_at(*call, "toolUseId"), wire::string_at(*call, "name"))) {
        block(index).call = *started;
      }
    } else if (type == "contentBlockDelta") {
      if (const auto* delta = wire::value_at(event, "delta")) this->delta(block(index), *delta);
    } else if (type == "contentBlockStop") {
      stop(index);
    } else if (type == "messageStop") {
      // What has no stop of its own ends with the message.
      while (!blocks_.empty()) stop(blocks_.begin()->first);
      done(finish_word(wire::string_at(event, "stopReason"), called()), More::maybe);
    } else if (type == "metadata") {
      if (const auto* usage = wire::value_at(event, "usage")) this->usage(*usage);
    }
  }

  // ConverseStream always streams; a document is an error ({"message": …}).
  bool on_answer(const wire::Json& document) override {
    if (wire::string_at(document, "message").empty()) return false;
    fail_with(document);
    return true;
  }

  Block& block(std::int64_t index) { return blocks_[std::clamp<std::int64_t>(index, 0, 1 << 16)]; }

  void delta(Block& block, const wire::Json& delta) {
    text(wire::string_at(delta, "text"));
    if (const auto* call = wire::value_at(delta, "toolUse"); call && block.call >= 0) {
      const auto piece = wire::string_at(*call, "input");
      block.has_arguments |= !piece.empty();
      arguments(block.call, piece);
    }
    if (const auto* thought = wire::value_at(delta, "reasoningContent")) {
      block.thought = true;
      reasoning(wire::string_at(*thought, "text"));
      block.signature += wire::string_at(*thought, "signature");
      block.redacted += wire::string_at(*thought, "redactedContent");
    }
  }

  void stop(std::int64_t index) {
    const auto found = blocks_.extract(index);
    if (!found) return end_text();
    const Block& block = found.mapped();
    if (block.thought) {
      end_reasoning(metadata_of(kKey, {{"signature", block.signature}, {"redactedData", block.redacted}}));
    } else if (block.call >= 0) {
      if (!block.has_arguments) arguments(block.call, "{}");
    } else {
      end_text();
    }
  }

  void usage(const wire::Json& usage) {
    const auto at = [&](std::string_view name) { return std::max<std::int64_t>(wire::int_at(usage, name), 0); };
    tokens_.input = at("inputTokens");
    tokens_.output = at("outputTokens");
    tokens_.cache_read = at("cacheReadInputTokens");
    tokens_.cache_write = at("cacheWriteInputTokens");
    tokens_.total = tokens_.input + tokens_.output + tokens_.cache_read + tokens_.cache_write;
  }

  void exception(std::string_view type, const wire::Json& event) {
    auto error = protocol::failure_of_object(event);
    using Kind = ModelError::Kind;
    if (type == "throttlingException") {
      error.kind = Kind::rate_limited;
      error.retryable = true;
    } else if (type == "validationException" && error.kind != Kind::context_overflow) {
      error.kind = Kind::invalid_request;
      error.retryable = false;
    }
    error.message = fmt::format("{}: {}", type, error.message);
    fail(std::move(error));
  }

  std::map<std::int64_t, Block> blocks_;
};

std::string option(const ModelRequest& request, std::string_view name) {
  const auto options = wire::parse(request.provider.options.text);
  return options ? wire::string_at(*options, name) : std::string();
}

class Dialect final : public protocol::Dialect {
 public:
  Result<protocol::WireRequest> encode(const ModelRequest& request) const override {
    const auto region = this->region(request);
    protocol::WireRequest wire;
    const auto endpoint = option(request, "endpoint");
    TRY(wire.url,
        protocol::base_url_of(
            request, endpoint.empty() ? fmt::format("https://bedrock-runtime.{}.amazonaws.com", region) : endpoint));
    const bool signs = !option(request, "accessKeyId").empty() && !option(request, "secretAccessKey").empty();
    if (!signs && request.provider.api_key.empty()) {
      return quarterdeck::fail(ErrorCode::invalid,
                               "provider \"{}\" has no credentials: set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID "
                               "and AWS_SECRET_ACCESS_KEY",
                               request.provider.id);
    }
    if (signs) TRY_VOID(load_crypto());
    wire.url += fmt::format("/model/{}/converse-stream", percent_encode(protocol::wire_model(request)));
    if (!request.provider.api_key.empty()) {
      wire.headers.push_back({"Authorization", "Bearer " + request.provider.api_key});
    }
    wire.headers.push_back({"Accept", "application/vnd.amazon.eventstream"});
    wire.body = encode_request(request);
    return wire;
  }

  void seal(const ModelRequest& request, net::ClientRequest& http, TimeMs now_ms) const override {
    if (net::find_header(http.headers, "authorization")) return;
    const auto scheme = http.url.find("://");
    const auto host_at = scheme == std::string::npos ? 0 : scheme + 3;
    const auto path_at = std::min(http.url.find('/', host_at), http.url.size());
    const auto query_at = std::min(http.url.find('?', path_at), http.url.size());
    SignedRequest covered{.host = http.url.substr(host_at, path_at - host_at),
                          .path = http.url.substr(path_at, query_at - path_at),
                          .query = query_at < http.url.size() ? http.url.substr(query_at + 1) : "",
                          .headers = {{"Content-Type", *net::find_header(http.headers, "content-type")}},
                          .body = http.body};
    const AwsKeys keys{option(request, "accessKeyId"), option(request, "secretAccessKey"),
                       option(request, "sessionToken")};
    for (auto& header : sign(covered, keys, {region(request), "bedrock"}, now_ms)) {
      http.headers.push_back(std::move(header));
    }
  }

  std::unique_ptr<protocol::Decoder> decoder(const ModelRequest&, ModelSink& sink, Random&) const override {
    return make_decoder(sink);
  }
  std::unique_ptr<protocol::Framing> framing() const override { return make_framing(); }

 private:
  static std::string region(const ModelRequest& request) {
    auto region = option(request, "region");
    return region.empty() ? "us-east-1" : region;
  }
};

}  // namespace

std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink) { return std::make_unique<Decoder>(sink); }
std::unique_ptr<protocol::Framing> make_framing() { return std::make_unique<EventStreamFraming>(); }
std::unique_ptr<protocol::Dialect> make_dialect() { return std::make_unique<Dialect>(); }

}  // namespace quarterdeck::llm::bedrock
