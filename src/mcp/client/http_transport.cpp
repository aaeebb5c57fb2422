#include "mcp/client/http_transport.hpp"

#include "net/sse.hpp"
#include "rpc/jsonrpc.hpp"
#include "wire/json.hpp"

namespace quarterdeck::mcp {
namespace {

constexpr std::size_t kErrorBytesMax = 2'000;
constexpr std::int64_t kListenRetryMinMs = 1'000;
constexpr std::int64_t kListenRetryMaxMs = 60'000;

// One answer: JSON or events go to `receive` as they come, anything else is kept for the error.
class Answer final : public net::ResponseSink {
 public:
  // `session_id`: set as soon as the head names one, for what `receive` sends.
  Answer(std::function<void(std::string_view)> receive, std::string& session_id)
      : receive_(std::move(receive)), session_id_(session_id), events_(rpc::kMessageBytesMax) {}

  void on_head(int code, const net::Headers& all) override {
    status = code;
    headers = all;
    if (const std::string* id = net::find_header(all, "mcp-session-id")) session_id_ = *id;
    const std::string* type = net::find_header(all, "content-type");
    streamed_ = code == 200 && type && type->starts_with("text/event-stream");
  }
  bool on_body(std::string_view bytes) override {
    if (!streamed_) {
      if (body.size() + bytes.size() > rpc::kMessageBytesMax) return false;
      body += bytes;
      return true;
    }
    events_.feed(bytes);
    while (const auto event = events_.next()) {
      if (!event->id.empty()) last_event_id = event->id;
      if (event->event.empty() || event->event == "message") receive_(event->data);
    }
    return true;
  }

  int status = 0;
  net::Headers headers;
  std::string body;
  std::string last_event_id;
  bool streamed() const { return streamed_; }

 private:
  std::function<void(std::string_view)> receive_;
  std::string& session_id_;
  net::SseDecoder events_;
  bool streamed_ = false;
};

class HttpTransport final : public Transport {
 public:
  HttpTransport(Loop& loop, net::HttpClient& http, HttpOptions options)
      : loop_(loop), http_(http), options_(std::move(options)), tasks_(loop) {}

  Task<Result<void>> open(Receiver& receiver) override {
    receiver_ = &receiver;
    co_return Result<void>();
  }

  Task<Result<void>> send(std::string message, std::stop_token stop) override {
    for (int attempt = 1;; ++attempt) {
      Answer answer([this](std::string_view json) { deliver(json); }, session_id_);
      net::ClientRequest request = co_await prepared("POST");
      request.headers.push_back({"Content-Type", "application/json"});
      request.headers.push_back({"Accept", "application/json, text/event-stream"});
      request.body = message;
      const auto sent = co_await http_.fetch(std::move(request), answer, stop);
      if (!sent) co_return std::unexpected(sent.error());
      if (answer.status >= 200 && answer.status < 300) {
        if (!answer.streamed() && !answer.body.empty()) deliver(answer.body);
        co_return Result<void>();
      }
      if (answer.status == 401) {
        const std::string* challenge = net::find_header(answer.headers, "www-authenticate");
        std::string words = challenge ? *challenge : "";
        const bool again =
            attempt == 1 && options_.authorization && co_await options_.authorization->refused(std::move(words));
        if (again) continue;
        co_return fail(ErrorCode::denied, "the MCP server asks for a sign-in");
      }
      // The specification's way to say that the session has ended: a new one begins with a new handshake.
      if (answer.status == 404 && !session_id_.empty()) {
        session_id_.clear();
        gone({ErrorCode::unavailable, "the MCP server has ended the session", {}});
      }
      co_return fail(ErrorCode::unavailable, "the MCP server answered with status {}: {}", answer.status,
                     wire::valid_utf8(answer.body.substr(0, kErrorBytesMax)));
    }
  }

  void agreed(const std::string& protocol_version) override {
    protocol_version_ = protocol_version;
    if (!stop_.stop_requested()) tasks_.spawn(listen());
  }

  Task<void> close() override {
    receiver_ = nullptr;
    stop_.request_stop();
    co_await tasks_.join();
    if (session_id_.empty()) co_return;
    // A courtesy: the server may forget the session now. It is not waited for long.
    net::ClientRequest request = co_await prepared("DELETE");
    request.connect_timeout_ms = 1'000;
    request.total_timeout_ms = 2'000;
    static_cast<void>(co_await net::fetch_all(http_, std::move(request), kErrorBytesMax));
  }

 private:
  Task<net::ClientRequest> prepared(std::string method) {
    net::ClientRequest request{
        .method = std::move(method), .url = options_.url, .first_byte_timeout_ms = 0, .idle_timeout_ms = 0};
    for (const auto& [name, value] : options_.headers) request.headers.push_back({name, value});
    if (!session_id_.empty()) request.headers.push_back({"Mcp-Session-Id", session_id_});
    if (!protocol_version_.empty()) request.headers.push_back({"MCP-Protocol-Version", protocol_version_});
    if (options_.authorization && !net::find_header(request.headers, "authorization")) {
      const std::string token = co_await options_.authorization->token();
      if (!token.empty()) request.headers.push_back({"Authorization", "Bearer " + token});
    }
    co_return request;
  }

  // What the server says by itself, as long as it offers to.
  Task<void> listen() {
    std::string last_event_id;
    std::int64_t wait_ms = kListenRetryMinMs;
    while (!stop_.stop_requested()) {
      Answer answer([this](std::string_view json) { deliver(json); }, session_id_);
      net::ClientRequest request = co_await prepared("GET");
      request.headers.push_back({"Accept", "text/event-stream"});
      if (!last_event_id.empty()) request.headers.push_back({"Last-Event-ID", last_event_id});
      const std::stop_token stop = stop_.get_token();
      static_cast<void>(co_await http_.fetch(std::move(request), answer, stop));
      // 405: it has nothing to say. Other refusals end it, too: what matters comes with the answers.
      if (answer.status != 0 && !answer.streamed()) co_return;
      if (!answer.last_event_id.empty()) {
        last_event_id = answer.last_event_id;
        wait_ms = kListenRetryMinMs;
      }
      co_await sleep_ms(loop_, wait_ms, stop);
      wait_ms = std::min(wait_ms * 2, kListenRetryMaxMs);
    }
  }

  void deliver(std::string_view json) {
    if (receiver_ && json.find_first_not_of(" \t\r\n") != json.npos) receiver_->on_message(json);
  }
  void gone(Error why) {
    if (Receiver* receiver = std::exchange(receiver_, nullptr)) receiver->on_closed(std::move(why));
  }

  Loop& loop_;
  net::HttpClient& http_;
  HttpOptions options_;
  Receiver* receiver_ = nullptr;
  std::string session_id_;
  std::string protocol_version_;
  std::stop_source stop_;
  TaskGroup tasks_;
};

}  // namespace

std::unique_ptr<Transport> make_http_transport(Loop& loop, net::HttpClient& http, HttpOptions options) {
  return std::make_unique<HttpTransport>(loop, http, std::move(options));
}

}  // namespace quarterdeck::mcp
