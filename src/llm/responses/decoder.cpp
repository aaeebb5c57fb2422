#include <map>

#include "llm/protocol/failure.hpp"
#include "llm/responses/dialect.hpp"

namespace quarterdeck::llm::responses {
namespace {

using protocol::metadata_of;

constexpr std::string_view kKey = "openai";

class Decoder final : public protocol::TypedDecoder {
 public:
  using TypedDecoder::TypedDecoder;

 private:
  struct Item {
    int call = -1;
    bool has_arguments = false;
    bool thought = false;  // some of its summary has been shown
    bool said = false;     // some of its text has been shown
    std::int64_t summary_index = 0;
  };

  void on_object(std::string_view, const wire::Json& event) override {
    const auto type = wire::string_at(event, "type");
    if (type == "error" || (type.empty() && wire::value_at(event, "error"))) return fail_with(event);
    const auto index = wire::int_at(event, "output_index");
    if (type == "response.output_item.added") {
      if (const auto* item = wire::value_at(event, "item")) begin(index, *item);
    } else if (type == "response.output_item.done") {
      if (const auto* item = wire::value_at(event, "item")) end(index, *item);
    } else if (type == "response.output_text.delta" || type == "response.refusal.delta") {
      refused_ |= type == "response.refusal.delta";
      item(index).said = true;
      text(wire::string_at(event, "delta"));
    } else if (type == "response.reasoning_summary_text.delta" || type == "response.reasoning_text.delta") {
      auto& thinking = item(index);
      const auto part = wire::int_at(event, "summary_index", wire::int_at(event, "content_index"));
      if (thinking.thought && part != thinking.summary_index) reasoning("\n\n");
      thinking.summary_index = part;
      thinking.thought = true;
      reasoning(wire::string_at(event, "delta"));
    } else if (type == "response.function_call_arguments.delta") {
      auto& call = item(index);
      const auto piece = wire::string_at(event, "delta");
      if (call.call < 0) return;
      call.has_arguments |= !piece.empty();
      arguments(call.call, piece);
    } else if (type == "response.completed" || type == "response.incomplete" || type == "response.failed" ||
               type == "response.cancelled") {
      if (const auto* response = wire::value_at(event, "response")) over(*response);
    }
  }

  bool on_answer(const wire::Json& document) override {
    const auto* output = wire::array_at(document, "output");
    if (!output) return false;
    std::int64_t index = 0;
    for (const auto& each : *output) {
      begin(index, each);
      end(index++, each);
    }
    over(document);
    return true;
  }

  Item& item(std::int64_t index) {
    // An index from outside is only a key; there are never more items than events.
    return items_[std::clamp<std::int64_t>(index, 0, 1 << 16)];
  }

  void begin(std::int64_t index, const wire::Json& content) {
    if (wire::string_at(content, "type") != "function_call") return;
    auto& call = item(index);
    auto id = wire::string_at(content, "call_id");
    if (id.empty()) id = wire::string_at(content, "id");
    const auto started = start_call(std::move(id), wire::string_at(content, "name"),
                                    metadata_of(kKey, {{"itemId", wire::string_at(content, "id")}}));
    if (started) call.call = *started;
  }

  // The whole item once more: what no delta brought is taken from here.
  void end(std::int64_t index, const wire::Json& content) {
    const auto type = wire::string_at(content, "type");
    auto& known = item(index);
    if (type == "function_call") {
      if (known.call < 0) begin(index, content);
      if (known.call < 0) return;
      const auto whole = wire::string_at(content, "arguments");
      if (!known.has_arguments) arguments(known.call, whole.empty() ? "{}" : whole);
      known.has_arguments = true;
    } else if (type == "reasoning") {
      if (!known.thought) reasoning(joined(content));
      end_reasoning(metadata_of(kKey, {{"itemId", wire::string_at(content, "id")},
                                       {"reasoningEncryptedContent", wire::string_at(content, "encrypted_content")}}));
    } else if (type == "message") {
      if (!known.said) {
        if (const auto* pieces = wire::array_at(content, "content")) {
          for (const auto& piece : *pieces) {
            refused_ |= wire::string_at(piece, "type") == "refusal";
            text(wire::string_at(piece, "text"));
            text(wire::string_at(piece, "refusal"));
          }
        }
      }
      end_text(metadata_of(kKey, {{"itemId", wire::string_at(content, "id")}}));
    }
  }

  static std::string joined(const wire::Json& reasoning) {
    std::string text;
    for (const char* member : {"summary", "content"}) {
      const auto* pieces = wire::array_at(reasoning, member);
      if (!pieces) continue;
      for (const auto& piece : *pieces) {
        if (!text.empty()) text += "\n\n";
        text += wire::string_at(piece, "text");
      }
      if (!text.empty()) break;
    }
    return text;
  }

  void over(const wire::Json& response) {
    if (const auto* usage = wire::value_at(response, "usage"); usage && usage->is_object()) tokens_ = tokens_of(*usage);
    const auto status = wire::string_at(response, "status");
    if (status == "failed" || status == "cancelled") {
      const auto* error = wire::object_at(response, "error");
      return error ? fail_with(*wire::value_at(response, "error"))
                   : fail({.kind = ModelError::Kind::overloaded,
                           .message = "the provider ended the answer: " + status,
                           .retryable = true});
    }
    const auto* details = wire::value_at(response, "incomplete_details");
    const auto why = details ? wire::string_at(*details, "reason") : "";
    if (why == "max_output_tokens") return done("length");
    if (why == "content_filter" || refused_) return done("content-filter");
    done(called() ? "tool-calls" : status == "incomplete" ? "unknown" : "stop");
  }

  static domain::Tokens tokens_of(const wire::Json& usage) {
    const auto at = [](const wire::Json& holder, std::string_view name) {
      return std::max<std::int64_t>(wire::int_at(holder, name), 0);
    };
    const auto nested = [&](std::string_view object, std::string_view name) {
      const auto* inner = wire::value_at(usage, object);
      return inner ? at(*inner, name) : 0;
    };
    domain::Tokens tokens;
    const auto input = at(usage, "input_tokens");
    const auto output = at(usage, "output_tokens");
    tokens.cache_read = std::min(nested("input_tokens_details", "cached_tokens"), input);
    tokens.input = input - tokens.cache_read;
    tokens.reasoning = std::min(nested("output_tokens_details", "reasoning_tokens"), output);
    tokens.output = output - tokens.reasoning;
    tokens.total = wire::int_at(usage, "total_tokens", input + output);
    return tokens;
  }

  std::map<std::int64_t, Item> items_;
  bool refused_ = false;
};

class Dialect final : public protocol::Dialect {
 public:
  Result<protocol::WireRequest> encode(const ModelRequest& request) const override {
    protocol::WireRequest wire;
    TRY(wire.url, protocol::base_url_of(request, "https://api.openai.com/v1"));
    wire.url += "/responses";
    if (!request.provider.api_key.empty()) {
      wire.headers.push_back({"Authorization", "Bearer " + request.provider.api_key});
    }
    wire.body = encode_request(request);
    return wire;
  }
  std::unique_ptr<protocol::Decoder> decoder(const ModelRequest&, ModelSink& sink, Random&) const override {
    return make_decoder(sink);
  }
};

}  // namespace

std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink) { return std::make_unique<Decoder>(sink); }
std::unique_ptr<protocol::Dialect> make_dialect() { return std::make_unique<Dialect>(); }

}  // namespace quarterdeck::llm::responses
