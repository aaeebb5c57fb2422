#include "net/http_client.hpp"

#include <gtest/gtest.h>

#include "net/http_server.hpp"
#include "net/testing/live_loop.hpp"

namespace quarterdeck::net {
namespace {

// A peer that answers with given bytes, whatever is asked.
class ScriptedPeer {
 public:
  enum class Then { close, reset, hold };
  ScriptedPeer(std::string answer, Then then) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    socklen_t length = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer), then] { serve(answer, then); });
  }
  ~ScriptedPeer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    release_.set_value();
    thread_.join();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/", port_); }

 private:
  void serve(const std::string& answer, Then then) {
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) return;
    std::string request;
    char bytes[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t received = ::recv(client.get(), bytes, sizeof bytes, 0);
      if (received <= 0) return;
      request.append(bytes, static_cast<std::size_t>(received));
    }
    [[maybe_unused]] const auto sent = ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    if (then == Then::hold) release_.get_future().wait();
    if (then == Then::reset) {
      const linger now{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
  }

  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::promise<void> release_;
  std::thread thread_;
};

class Recorder final : public ResponseSink {
 public:
  void on_head(int code, const Headers& all) override {
    status = code;
    headers = all;
    ++heads;
  }
  bool on_body(std::string_view bytes) override {
    if (throws) throw std::runtime_error("the sink broke");
    body += bytes;
    if (on_piece) on_piece();
    return !stops;
  }
  int status = 0;
  int heads = 0;
  Headers headers;
  std::string body;
  bool stops = false;
  bool throws = false;
  std::function<void()> on_piece;
};

class HttpClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client_ = live_.on_loop([&] { return make_http_client(live_.loop()); });
  }
  void TearDown() override {
    live_.on_loop([&] {
      client_.reset();
      server_.reset();
    });
  }
  std::string serve(Handler handler) {
    server_ = live_.on_loop([&] { return std::move(listen(live_.loop(), {}, std::move(handler)).value()); });
    return fmt::format("http://127.0.0.1:{}", server_->port());
  }
  Result<void> fetch(ClientRequest request, ResponseSink& sink, std::stop_token stop = {}) {
    return live_.start([&] { return client_->fetch(std::move(request), sink, stop); }).get();
  }
  Result<ClientResponse> fetch_all(ClientRequest request, std::size_t body_bytes_max = 1 << 20) {
    return live_.start([&] { return net::fetch_all(*client_, std::move(request), body_bytes_max); }).get();
  }

  testing::LiveLoop live_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> client_;
};

Task<Response> echo(Request request) {
  std::string text = request.method + " " + request.target + " " + request.body;
  Response response{.status = 201, .headers = {{"X-Seen", request.headers.empty() ? "" : *request.header("x-mine")}}};
  response.body = std::move(text);
  co_return response;
}

TEST_F(HttpClientTest, SendsMethodHeadersAndBodyAndCollectsTheAnswer) {
  const std::string base = serve(echo);
  const auto answer =
      fetch_all({.method = "PUT", .url = base + "/a?b=c", .headers = {{"X-Mine", "yes"}}, .body = "hello"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "PUT /a?b=c hello");
  EXPECT_EQ(*find_header(answer->headers, "x-seen"), "yes");
}

TEST_F(HttpClientTest, SendsEveryMethodAsItIs) {
  const std::string base = serve(echo);
  for (const std::string method : {"GET", "POST", "PATCH", "DELETE", "OPTIONS"}) {
    const auto answer = fetch_all({.method = method, .url = base + "/", .headers = {{"X-Mine", "1"}}});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, method + " / ");
  }
  const auto head = fetch_all({.method = "HEAD", .url = base + "/", .headers = {{"X-Mine", "1"}}});
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->body, "");
}

TEST_F(HttpClientTest, ReusesItsConnection) {
  const std::string base = serve(echo);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(fetch_all({.url = base + "/", .headers = {{"X-Mine", "1"}}}));
  EXPECT_EQ(live_.on_loop([&] { return server_->connections(); }), 1u);
}

TEST_F(HttpClientTest, SendsABodyOfManyMegabytesWithoutWaitingForContinue) {
  const std::string base =
      serve([](Request request) -> Task<Response> { co_return Response{.body = std::to_string(request.body.size())}; });
  const auto answer = fetch_all({.method = "POST", .url = base + "/", .body = std::string(8'000'000, 'x')});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "8000000");
}

TEST_F(HttpClientTest, AnErrorStatusIsNoError) {
  const std::string base = serve([](Request) -> Task<Response> { co_return Response{.status = 503, .body = "later"}; });
  Recorder recorder;
  EXPECT_TRUE(fetch({.url = base}, recorder));
  EXPECT_EQ(recorder.status, 503);
  EXPECT_EQ(recorder.body, "later");
}

TEST_F(HttpClientTest, DoesNotFollowRedirects) {
  const std::string base = serve([](Request) -> Task<Response> {
    co_return Response{.status = 302, .headers = {{"Location", "http://127.0.0.1:1/"}}};
  });
  const auto answer = fetch_all({.url = base});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
}

TEST_F(HttpClientTest, SkipsInterimAnswers) {
  ScriptedPeer peer("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nok",
                    ScriptedPeer::Then::hold);
  Recorder recorder;
  EXPECT_TRUE(fetch({.url = peer.url()}, recorder));
  EXPECT_EQ(recorder.heads, 1);
  EXPECT_EQ(recorder.status, 200);
  EXPECT_FALSE(find_header(recorder.headers, "link"));
}

TEST_F(HttpClientTest, CallsBadRequestsInvalid) {
  Recorder recorder;
  for (const std::string url : {"", "http://", "nonsense", "file:///etc/passwd", "ftp://127.0.0.1/", "http://a b/",
                                "http://127.0.0.1:99999/", "http://127.0.0.1/\r\nX: y"}) {
    const auto fetched = fetch({.url = url}, recorder);
    ASSERT_FALSE(fetched) << url;
    EXPECT_EQ(fetched.error().code, ErrorCode::invalid) << url << ": " << fetched.error().message;
  }
  const auto header = fetch({.url = "http://127.0.0.1/", .headers = {{"A", "b\r\nC: d"}}}, recorder);
  EXPECT_EQ(header.error().code, ErrorCode::invalid);
  const auto method = fetch({.method = "GET / HTTP/1.1\r\n", .url = "http://127.0.0.1/"}, recorder);
  EXPECT_EQ(method.error().code, ErrorCode::invalid);
}

TEST_F(HttpClientTest, SaysThatAConnectionWasRefused) {
  Recorder recorder;
  const auto fetched = fetch({.url = "http://127.0.0.1:1/?key=secret"}, recorder);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::unavailable);
  EXPECT_EQ(fetched.error().message.find("secret"), std::string::npos);
  EXPECT_NE(fetched.error().message.find("127.0.0.1:1"), std::string::npos);
}

TEST_F(HttpClientTest, SaysThatTheBodyBrokeOff) {
  for (const auto then : {ScriptedPeer::Then::close, ScriptedPeer::Then::reset}) {
    ScriptedPeer peer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", then);
    Recorder recorder;
    const auto fetched = fetch({.url = peer.url()}, recorder);
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, ErrorCode::unavailable) << fetched.error().message;
  }
  ScriptedPeer chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", ScriptedPeer::Then::close);
  Recorder recorder;
  EXPECT_EQ(fetch({.url = chunked.url()}, recorder).error().code, ErrorCode::unavailable);
  EXPECT_EQ(recorder.body, "half");
}

TEST_F(HttpClientTest, SaysWhichDeadlinePassed) {
  ScriptedPeer silent("", ScriptedPeer::Then::hold);
  Recorder recorder;
  auto fetched = fetch({.url = silent.url(), .first_byte_timeout_ms = 60}, recorder);
  EXPECT_EQ(fetched.error().code, ErrorCode::unavailable);
  EXPECT_NE(fetched.error().message.find("no first byte came within 60 ms"), std::string::npos)
      << fetched.error().message;

  ScriptedPeer stalled("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ScriptedPeer::Then::hold);
  fetched = fetch({.url = stalled.url(), .idle_timeout_ms = 60}, recorder);
  EXPECT_NE(fetched.error().message.find("nothing more came within 60 ms"), std::string::npos)
      << fetched.error().message;

  ScriptedPeer slow("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ScriptedPeer::Then::hold);
  fetched = fetch({.url = slow.url(), .total_timeout_ms = 60}, recorder);
  EXPECT_NE(fetched.error().message.find("not complete within 60 ms"), std::string::npos) << fetched.error().message;
}

TEST_F(HttpClientTest, CancelsWithinMilliseconds) {
  ScriptedPeer peer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ScriptedPeer::Then::hold);
  Recorder recorder;
  std::promise<void> started;
  recorder.on_piece = [&] { started.set_value(); };
  std::stop_source stop;
  auto future = live_.start([&] { return client_->fetch({.url = peer.url()}, recorder, stop.get_token()); });
  started.get_future().wait();
  const auto before = std::chrono::steady_clock::now();
  stop.request_stop();
  const auto fetched = future.get();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(500));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::cancelled);
}

TEST_F(HttpClientTest, DoesNothingWhenStopWasRequestedBefore) {
  std::stop_source stop;
  stop.request_stop();
  Recorder recorder;
  EXPECT_EQ(fetch({.url = "http://127.0.0.1:1/"}, recorder, stop.get_token()).error().code, ErrorCode::cancelled);
}

TEST_F(HttpClientTest, StopsWhenTheSinkHasEnough) {
  const std::string base =
      serve([](Request) -> Task<Response> { co_return Response{.body = std::string(1'000'000, 'x')}; });
  Recorder recorder;
  recorder.stops = true;
  EXPECT_EQ(fetch({.url = base}, recorder).error().code, ErrorCode::cancelled);
  EXPECT_LT(recorder.body.size(), 1'000'000u);
}

TEST_F(HttpClientTest, RethrowsWhatTheSinkThrows) {
  const std::string base = serve([](Request) -> Task<Response> { co_return Response{.body = "x"}; });
  Recorder recorder;
  recorder.throws = true;
  EXPECT_THROW((void)fetch({.url = base}, recorder), std::runtime_error);
}

TEST_F(HttpClientTest, ASinkMayStartAnotherRequest) {
  const std::string base = serve([](Request) -> Task<Response> { co_return Response{.body = "x"}; });
  Recorder outer, inner;
  std::optional<std::future<Result<void>>> second;
  std::promise<void> inner_done;
  outer.on_piece = [&] {
    const auto run = [](HttpClient& client, std::string url, Recorder& sink,
                        std::promise<void>& done) -> detail::Detached {
      ClientRequest request{.url = std::move(url)};
      const auto fetched = co_await client.fetch(std::move(request), sink, {});
      EXPECT_TRUE(fetched);
      done.set_value();
    };
    run(*client_, base, inner, inner_done);
  };
  EXPECT_TRUE(fetch({.url = base}, outer));
  inner_done.get_future().wait();
  EXPECT_EQ(inner.body, "x");
}

TEST_F(HttpClientTest, FetchAllRefusesWhatIsTooLarge) {
  const std::string base =
      serve([](Request) -> Task<Response> { co_return Response{.body = std::string(5'000, 'x')}; });
  EXPECT_EQ(fetch_all({.url = base}, 4'999).error().code, ErrorCode::too_large);
  EXPECT_TRUE(fetch_all({.url = base}, 5'000));
}

TEST_F(HttpClientTest, ItsEndCancelsWhatRuns) {
  ScriptedPeer peer("", ScriptedPeer::Then::hold);
  Recorder recorder;
  auto future = live_.start([&] { return client_->fetch({.url = peer.url()}, recorder, {}); });
  live_.on_loop([&] { client_.reset(); });
  EXPECT_EQ(future.get().error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace quarterdeck::net
