#include <map>

#include "llm/messages/dialect.hpp"
#include "llm/protocol/request.hpp"

namespace quarterdeck::llm::messages {
namespace {

using protocol::metadata_of;

constexpr std::string_view kKey = "anthropic";

std::string finish_word(std::string_view reason, bool called) {
  if (reason == "tool_use") return "tool-calls";
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return "length";
  if (reason == "refusal") return "content-filter";
  if (called) return "tool-calls";
  if (reason == "end_turn" || reason == "stop_sequence" || reason == "pause_turn") return "stop";
  return "unknown";
}

class Decoder final : public protocol::TypedDecoder {
 public:
  using TypedDecoder::TypedDecoder;

 private:
  struct Block {
    std::string type;
    std::string signature;
    int call = -1;
    bool has_arguments = false;
  };

  void on_object(std::string_view, const wire::Json& event) override {
    const auto type = wire::string_at(event, "type");
    if (type == "error") return fail_with(event);
    if (type == "message_start") {
      if (const auto* message = wire::value_at(event, "message")) usage(*message);
    } else if (type == "content_block_start") {
      if (const auto* block = wire::value_at(event, "content_block")) start(wire::int_at(event, "index"), *block);
    } else if (type == "content_block_delta") {
      if (const auto* delta = wire::value_at(event, "delta")) this->delta(wire::int_at(event, "index"), *delta);
    } else if (type == "content_block_stop") {
      stop(wire::int_at(event, "index"));
    } else if (type == "message_delta") {
      usage(event);
      const auto* delta = wire::value_at(event, "delta");
      const auto reason = delta ? wire::string_at(*delta, "stop_reason") : "";
      if (!reason.empty()) done(finish_word(reason, called()), More::maybe);
    } else if (type == "message_stop") {
      // Without a reason, what was said stands; some compatible servers leave it out.
      if (!complete()) done(finish_word("", called()));
    }
  }

  bool on_answer(const wire::Json& document) override {
    const auto* content = wire::array_at(document, "content");
    if (!content) return false;
    usage(document);
    std::int64_t index = 0;
    for (const auto& block : *content) {
      start(index, block);
      stop(index++);
    }
    done(finish_word(wire::string_at(document, "stop_reason"), called()));
    return true;
  }

  void start(std::int64_t index, const wire::Json& content) {
    Block block{.type = wire::string_at(content, "type")};
    if (block.type == "text") {
      text(wire::string_at(content, "text"));
    } else if (block.type == "thinking") {
      reasoning(wire::string_at(content, "thinking"));
      block.signature = wire::string_at(content, "signature");
    } else if (block.type == "redacted_thinking") {
      end_reasoning(metadata_of(kKey, {{"redactedData", wire::string_at(content, "data")}}));
    } else if (block.type == "tool_use") {
      const auto call = start_call(wire::string_at(content, "id"), wire::string_at(content, "name"));
      if (!call) return;
      block.call = *call;
      if (const auto* input = wire::object_at(content, "input"); input && !input->empty()) {
        arguments(block.call, wire::to_text(*input));
        block.has_arguments = true;
      }
    }
    if (blocks_.size() < 1024) blocks_.insert_or_assign(index, std::move(block));
  }

  void delta(std::int64_t index, const wire::Json& delta) {
    const auto found = blocks_.find(index);
    if (found == blocks_.end()) return;
    Block& block = found->second;
    const auto type = wire::string_at(delta, "type");
    if (type == "text_delta") {
      text(wire::string_at(delta, "text"));
    } else if (type == "thinking_delta") {
      reasoning(wire::string_at(delta, "thinking"));
    } else if (type == "signature_delta") {
      block.signature += wire::string_at(delta, "signature");
    } else if (type == "input_json_delta" && block.call >= 0) {
      const auto piece = wire::string_at(delta, "partial_json");
      block.has_arguments |= !piece.empty();
      arguments(block.call, piece);
    }
  }

  void stop(std::int64_t index) {
    const auto found = blocks_.extract(index);
    if (!found) return;
    const Block& block = found.mapped();
    if (block.type == "text") end_text();
    if (block.type == "thinking") end_reasoning(metadata_of(kKey, {{"signature", block.signature}}));
    if (block.call >= 0 && !block.has_arguments) arguments(block.call, "{}");
  }

  void usage(const wire::Json& holder) {
    const auto* usage = wire::value_at(holder, "usage");
    if (!usage || !usage->is_object()) return;
    const auto take = [&](std::string_view name, std::int64_t& target) {
      target = std::max<std::int64_t>(wire::int_at(*usage, name, target), 0);
    };
    take("input_tokens", tokens_.input);
    take("output_tokens", tokens_.output);
    take("cache_read_input_tokens", tokens_.cache_read);
    take("cache_creation_input_tokens", tokens_.cache_write);
    tokens_.total = tokens_.input + tokens_.output + tokens_.cache_read + tokens_.cache_write;
  }

  std::map<std::int64_t, Block> blocks_;
};

class Dialect final : public protocol::Dialect {
 public:
  Result<protocol::WireRequest> encode(const ModelRequest& request) const override {
    protocol::WireRequest wire;
    TRY(wire.url, protocol::base_url_of(request, "https://api.anthropic.com/v1"));
    wire.url += "/messages";
    if (!request.provider.api_key.empty()) wire.headers.push_back({"x-api-key", request.provider.api_key});
    wire.headers.push_back({"anthropic-version", "2023-06-01"});
    wire.body = encode_request(request);
    // Thoughts between the calls of one turn; newer models do so by themselves and ignore the header.
    if (wire.body.contains(R"("thinking":{"type":"enabled")")) {
      wire.headers.push_back({"anthropic-beta", "interleaved-thinking-2025-05-14"});
    }
    return wire;
  }
  std::unique_ptr<protocol::Decoder> decoder(const ModelRequest&, ModelSink& sink, Random&) const override {
    return make_decoder(sink);
  }
};

}  // namespace

std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink) { return std::make_unique<Decoder>(sink); }
std::unique_ptr<protocol::Dialect> make_dialect() { return std::make_unique<Dialect>(); }

}  // namespace quarterdeck::llm::messages
