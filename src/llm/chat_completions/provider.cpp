#include "llm/chat_completions.hpp"

#include "llm/chat_completions/decoder.hpp"
#include "llm/chat_completions/dialect.hpp"
#include "llm/chat_completions/encoder.hpp"

namespace quarterdeck::llm {
namespace chat_completions {
namespace {

// The decoder as the shared provider feeds it.
class StreamDecoder final : public protocol::Decoder {
 public:
  StreamDecoder(ModelSink& sink, Random& random) : inner_(sink, random) {}
  void on_event(const net::SseEvent& event) override { inner_.on_data(event.data); }
  void on_document(std::string_view json) override { inner_.on_document(json); }
  bool ended() const override { return inner_.ended(); }
  bool complete() const override { return inner_.complete(); }
  bool failed() const override { return inner_.failed(); }
  std::expected<ModelFinish, ModelError> finish() const override { return inner_.finish(); }

 private:
  chat_completions::Decoder inner_;
};

class ChatDialect final : public protocol::Dialect {
 public:
  Result<protocol::WireRequest> encode(const ModelRequest& request) const override {
    protocol::WireRequest wire;
    TRY(wire.url, protocol::base_url_of(request));
    wire.url += "/chat/completions";
    if (!request.provider.api_key.empty()) {
      wire.headers.push_back({"Authorization", "Bearer " + request.provider.api_key});
    }
    wire.body = encode_request(request);
    return wire;
  }
  std::unique_ptr<protocol::Decoder> decoder(const ModelRequest&, ModelSink& sink, Random& random) const override {
    return make_decoder(sink, random);
  }
};

}  // namespace

std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink, Random& random) {
  return std::make_unique<StreamDecoder>(sink, random);
}
std::unique_ptr<protocol::Dialect> make_dialect() { return std::make_unique<ChatDialect>(); }

}  // namespace chat_completions

std::unique_ptr<Provider> make_chat_completions(Loop& loop, net::HttpClient& client, Clock& clock, Random& random) {
  return protocol::make_provider(chat_completions::make_dialect(), loop, client, clock, random);
}

}  // namespace quarterdeck::llm
