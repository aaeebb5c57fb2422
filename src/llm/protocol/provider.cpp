#include "llm/protocol/dialect.hpp"
#include "llm/protocol/failure.hpp"

namespace quarterdeck::llm::protocol {
namespace {

// A whole answer (of a server that does not stream) or an error body is kept up to here.
constexpr std::size_t kDocumentBytesMax = 16 * 1024 * 1024;
// No answer takes longer, whatever keep-alive comments the provider sends.
constexpr std::int64_t kAnswerMsMax = 60 * 60 * 1000;
// After the last word of an answer, the server has this long to end the transfer, so that the connection can be used
// again; then it is cut.
constexpr std::int64_t kLingerMs = 1'000;

// One answer on its way from the socket to the sink. What it is shows in its first bytes: content types lie.
class Answer final : public net::ResponseSink {
 public:
  Answer(Loop& loop, std::unique_ptr<Decoder> decoder, std::unique_ptr<Framing> framing)
      : loop_(loop), decoder_(std::move(decoder)), framing_(std::move(framing)) {}

  void on_head(int status, const net::Headers& headers) override {
    status_ = status;
    headers_ = headers;
  }

  bool on_body(std::string_view bytes) override {
    if (form_ == Form::unknown) bytes = recognise(bytes);
    switch (form_) {
      case Form::unknown: return true;
      case Form::document:
      case Form::foreign: {
        const auto limit = form_ == Form::document ? kDocumentBytesMax : kErrorBodyBytesMax;
        body_.append(bytes.substr(0, limit - std::min(limit, body_.size())));
        // A page is not read to its end once we know that it is one.
        return body_.size() < limit;
      }
      case Form::stream: break;
    }
    framing_->feed(bytes);
    while (auto event = framing_->next()) {
      had_event_ = true;
      decoder_->on_event(*event);
    }
    // A sample for the error message, should none of this turn out to be an event.
    if (!had_event_ && body_.size() < kErrorBodyBytesMax) body_.append(bytes.substr(0, kErrorBodyBytesMax));
    if (decoder_->failed() || !framing_->problem().empty()) return false;
    if (decoder_->ended() && !linger_) {
      linger_ = loop_.after_ms(kLingerMs, [stop = end_]() mutable { stop.request_stop(); });
    }
    return true;
  }

  // Cuts the transfer when the caller stops it or when lingering is over.
  std::stop_source& end() { return end_; }

  std::expected<ModelFinish, ModelError> outcome(const Result<void>& transfer, bool stopped, TimeMs now_ms) {
    if (stopped) return std::unexpected(ModelError{.kind = ModelError::Kind::cancelled, .message = "stopped"});
    if (status_ != 0 && (status_ < 200 || status_ > 299)) {
      return std::unexpected(failure_of_response(status_, headers_, body_, now_ms));
    }
    if (form_ == Form::document) decoder_->on_document(body_);
    if (decoder_->complete() || decoder_->failed()) return decoder_->finish();
    if (const auto problem = framing_->problem(); !problem.empty()) {
      return std::unexpected(ModelError{.kind = ModelError::Kind::malformed, .message = problem, .retryable = true});
    }
    if (form_ == Form::foreign || (transfer && !had_event_)) {
      const auto* type = net::find_header(headers_, "content-type");
      return std::unexpected(failure_of_foreign_body(body_, type ? *type : ""));
    }
    if (!transfer) return std::unexpected(failure_of_transfer(transfer.error()));
    return decoder_->finish();
  }

 private:
  enum class Form { unknown, stream, document, foreign };

  // Skips the white space (and byte order mark) before the answer; gives back what follows it.
  std::string_view recognise(std::string_view bytes) {
    const auto start = bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    if (start == std::string_view::npos) return {};
    const bool success = status_ >= 200 && status_ <= 299;
    switch (bytes[start]) {
      case '{':
      case '[': form_ = Form::document; break;
      case '<': form_ = Form::foreign; break;
      default: form_ = success ? Form::stream : Form::foreign;
    }
    return bytes.substr(start);
  }

  static ModelError failure_of_transfer(const Error& error) {
    ModelError failure{.kind = ModelError::Kind::network, .message = error.message, .retryable = true};
    if (error.code == ErrorCode::invalid) {
      failure.kind = ModelError::Kind::invalid_request;
      failure.retryable = false;
    }
    for (const char* word : {"timed out", "timeout", "deadline", "no answer", "silent", "within"}) {
      if (error.message.contains(word)) failure.kind = ModelError::Kind::timeout;
    }
    return failure;
  }

  Loop& loop_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Framing> framing_;
  std::stop_source end_;
  std::unique_ptr<Loop::Handle> linger_;
  net::Headers headers_;
  std::string body_;
  int status_ = 0;
  Form form_ = Form::unknown;
  bool had_event_ = false;
};

class SseFraming final : public Framing {
 public:
  void feed(std::string_view bytes) override { events_.feed(bytes); }
  std::optional<net::SseEvent> next() override { return events_.next(); }
  std::string problem() const override {
    return events_.overflowed() ? "the stream holds an event larger than 16 MB" : "";
  }

 private:
  net::SseDecoder events_;
};

net::ClientRequest http_request(const ModelRequest& request, WireRequest wire) {
  net::ClientRequest http{.method = "POST", .url = std::move(wire.url)};
  const auto add = [&](std::string name, std::string value) {
    if (!net::find_header(http.headers, name)) http.headers.push_back({std::move(name), std::move(value)});
  };
  // What the configuration says about a header wins over what we would say; the model's word over the provider's.
  for (const auto* configured : {&request.model.headers, &request.provider.headers}) {
    for (const auto& [name, value] : *configured) add(name, value);
  }
  for (auto& header : wire.headers) add(std::move(header.name), std::move(header.value));
  add("Content-Type", "application/json");
  add("Accept", "text/event-stream");
  add("User-Agent", "quarterdeck/" QD_VERSION);
  if (!request.session_id.empty()) add("x-session-affinity", request.session_id);
  http.body = std::move(wire.body);
  http.first_byte_timeout_ms = request.first_byte_timeout_ms;
  http.idle_timeout_ms = request.idle_timeout_ms;
  http.total_timeout_ms = kAnswerMsMax;
  return http;
}

class ProtocolProvider final : public Provider {
 public:
  ProtocolProvider(std::unique_ptr<Dialect> dialect, Loop& loop, net::HttpClient& client, Clock& clock, Random& random)
      : dialect_(std::move(dialect)), loop_(loop), client_(client), clock_(clock), random_(random) {}

  Task<std::expected<ModelFinish, ModelError>> stream(ModelRequest request, ModelSink& sink,
                                                      std::stop_token stop) override {
    auto wire = dialect_->encode(request);
    if (!wire) {
      co_return std::unexpected(
          ModelError{.kind = ModelError::Kind::invalid_request, .message = std::move(wire.error().message)});
    }
    auto http = http_request(request, std::move(*wire));
    dialect_->seal(request, http, clock_.now_ms());
    Answer answer(loop_, dialect_->decoder(request, sink, random_), dialect_->framing());
    std::stop_callback forward(stop, [end = answer.end()]() mutable { end.request_stop(); });
    auto token = answer.end().get_token();
    const auto transfer = co_await client_.fetch(std::move(http), answer, std::move(token));
    co_return answer.outcome(transfer, stop.stop_requested(), clock_.now_ms());
  }

 private:
  std::unique_ptr<Dialect> dialect_;
  Loop& loop_;
  net::HttpClient& client_;
  Clock& clock_;
  Random& random_;
};

}  // namespace

std::unique_ptr<Framing> sse_framing() { return std::make_unique<SseFraming>(); }

std::unique_ptr<Provider> make_provider(std::unique_ptr<Dialect> dialect, Loop& loop, net::HttpClient& client,
                                        Clock& clock, Random& random) {
  return std::make_unique<ProtocolProvider>(std::move(dialect), loop, client, clock, random);
}

Result<std::string> base_url_of(const ModelRequest& request, std::string_view otherwise) {
  std::string url = !request.model.base_url.empty()      ? request.model.base_url
                    : !request.provider.base_url.empty() ? request.provider.base_url
                                                         : std::string(otherwise);
  while (url.ends_with('/')) url.pop_back();
  if (url.empty()) {
    return quarterdeck::fail(ErrorCode::invalid,
                             "provider \"{}\" has no base URL: set provider.{}.options.baseURL in the configuration",
                             request.provider.id, request.provider.id);
  }
  return url;
}

}  // namespace quarterdeck::llm::protocol
