#include "net/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/async.hpp"
#include "base/log.hpp"
#include "net/testing/live_loop.hpp"

namespace quarterdeck::net {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using ::testing::StartsWith;

// Pieces pushed by the test; counts its own life so that tests see when the server lets go of it.
struct Channel {
  std::vector<Bytes> ready;
  bool end = false;
  Loop::Callback wake;
  std::atomic<int> alive = 0;
  std::atomic<std::size_t> taken_bytes = 0;
  std::string last_words;
  std::size_t endless_bytes = 0;  // each take gives a piece of that size

  void push(std::string text) {
    ready.push_back(std::make_shared<const std::string>(std::move(text)));
    notify();
  }
  void notify() {
    if (auto call = std::exchange(wake, nullptr)) call();
  }
};

class ChannelStream final : public Stream {
 public:
  explicit ChannelStream(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) { ++channel_->alive; }
  ~ChannelStream() override { --channel_->alive; }
  Batch take(std::size_t) override {
    if (channel_->endless_bytes > 0) {
      channel_->taken_bytes += channel_->endless_bytes;
      return {.pieces = {std::make_shared<const std::string>(channel_->endless_bytes, 'x')}};
    }
    return {.pieces = std::exchange(channel_->ready, {}), .end = channel_->end};
  }
  void when_ready(Loop::Callback wake) override { channel_->wake = std::move(wake); }
  Batch last_words() override {
    Batch words;
    if (!channel_->last_words.empty()) words.pieces = {std::make_shared<const std::string>(channel_->last_words)};
    return words;
  }

 private:
  std::shared_ptr<Channel> channel_;
};

class HttpServerTest : public ::testing::Test {
 protected:
  void TearDown() override {
    live_.on_loop([&] { server_.reset(); });
  }
  std::uint16_t serve(Handler handler, ServerOptions options = {}) {
    server_ = live_.on_loop([&] { return std::move(listen(live_.loop(), options, std::move(handler)).value()); });
    return server_->port();
  }
  std::uint16_t serve_echo(ServerOptions options = {}) {
    return serve([](Request request) -> Task<Response> { return echo(std::move(request)); }, options);
  }
  std::uint16_t serve_stream(std::shared_ptr<Channel> channel, ServerOptions options = {}) {
    return serve([channel](Request) -> Task<Response> { return stream(channel); }, options);
  }
  static Task<Response> echo(Request request) {
    co_return Response{.headers = {{"Content-Type", "text/plain"}},
                       .body = request.method + " " + request.path + " " + request.body};
  }
  static Task<Response> stream(std::shared_ptr<Channel> channel) {
    Response response{.headers = {{"Content-Type", "text/event-stream"}}};
    response.body = std::make_unique<ChannelStream>(std::move(channel));
    co_return response;
  }
  std::size_t connections() {
    return live_.on_loop([&] { return server_->connections(); });
  }

  testing::LiveLoop live_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersManyRequestsOnOneConnection) {
  RawClient client(serve_echo());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /a/ HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    const std::string answer = client.read_response();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\n\r\nPOST /a hi"));
  }
  EXPECT_EQ(connections(), 1u);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInTheirOrder) {
  // The first is slower than the second.
  const auto port = serve([this](Request request) -> Task<Response> {
    return [](Loop& loop, Request asked) -> Task<Response> {
      if (asked.path == "/slow") co_await sleep_ms(loop, 20);
      co_return Response{.body = asked.path};
    }(live_.loop(), std::move(request));
  });
  RawClient client(port);
  client.send(
      "GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /fast HTTP/1.1\r\nHost: h\r\n\r\nGET /last HTTP/1.1\r\nHost: "
      "h\r\nConnection: close\r\n\r\n");
  const std::string all = client.read_to_end();
  EXPECT_LT(all.find("/slow"), all.find("/fast"));
  EXPECT_LT(all.find("/fast"), all.find("/last"));
  EXPECT_TRUE(client.ended());
}

TEST_F(HttpServerTest, AnswersThousandsOfPipelinedRequests) {
  RawClient client(serve_echo());
  std::thread sender([&] {
    for (int i = 0; i < 5'000; ++i) client.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send("GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  });
  const std::string all = client.read_to_end();
  sender.join();
  EXPECT_TRUE(all.ends_with("GET /last "));
  std::size_t answers = 0;
  for (auto at = all.find("HTTP/1.1 200 OK"); at != std::string::npos; at = all.find("HTTP/1.1 200 OK", at + 1))
    ++answers;
  EXPECT_EQ(answers, 5'001u);
}

TEST_F(HttpServerTest, TellsTheHandlerWhoAsks) {
  const auto port =
      serve([](Request request) -> Task<Response> { co_return Response{.body = request.peer}; }, {.host = "::"});
  RawClient client(port);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_response(), HasSubstr("\r\n\r\n127.0.0.1"));
}

TEST_F(HttpServerTest, SpeaksHttp10) {
  RawClient closing(serve_echo());
  closing.send("GET /x HTTP/1.0\r\n\r\n");
  EXPECT_THAT(closing.read_to_end(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(closing.ended());
  RawClient keeping(server_->port());
  keeping.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(keeping.read_response(), HasSubstr("Connection: keep-alive\r\n"));
  keeping.send("GET /y HTTP/1.0\r\n\r\n");
  EXPECT_THAT(keeping.read_to_end(), HasSubstr("/y"));
}

TEST_F(HttpServerTest, ReadsChunkedBodiesByteByByte) {
  RawClient client(serve_echo());
  for (const char c : std::string_view(
           "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) {
    client.send({&c, 1});
  }
  EXPECT_THAT(client.read_response(), HasSubstr("POST /c abcde"));
}

TEST_F(HttpServerTest, InvitesTheBodyOfAClientThatWaits) {
  RawClient client(serve_echo());
  client.send("POST /c HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_THAT(client.read_response(), HasSubstr("POST /c ok"));
}

TEST_F(HttpServerTest, RefusesALargeBodyBeforeItIsSent) {
  RawClient client(serve_echo({.limits = {.body_bytes_max = 10}}));
  client.send("POST /c HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, AnswersHeadWithoutTheBody) {
  RawClient client(serve_echo());
  client.send("HEAD /h HTTP/1.1\r\nHost: h\r\n\r\nGET /g HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, SendsNoBodyWith204) {
  RawClient client(serve([](Request) -> Task<Response> { co_return Response{.status = 204, .body = "dropped"}; }));
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(answer, Not(HasSubstr("dropped")));
}

TEST_F(HttpServerTest, PacksLargeBodiesForThoseWhoAcceptIt) {
  for (const std::size_t size : {1023u, 1024u, 2'000'000u}) {
    const auto port = serve([size](Request) -> Task<Response> {
      co_return Response{.headers = {{"vary", "Origin"}}, .body = std::make_shared<const std::string>(size, 'x')};
    });
    RawClient with(port);
    with.send("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
    const std::string packed = with.read_response();
    RawClient without(port);
    without.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string plain = without.read_response();
    EXPECT_EQ(plain.substr(plain.find("\r\n\r\n") + 4), std::string(size, 'x'));
    if (size < 1024) {
      EXPECT_THAT(packed, Not(HasSubstr("gzip")));
      EXPECT_THAT(packed, HasSubstr("vary: Origin\r\n"));
    } else {
      EXPECT_THAT(packed, HasSubstr("Content-Encoding: gzip\r\n"));
      EXPECT_THAT(packed, HasSubstr("vary: Origin, Accept-Encoding\r\n"));
      EXPECT_THAT(plain, HasSubstr("vary: Origin, Accept-Encoding\r\n"));
      EXPECT_LT(packed.size(), size / 2);
    }
    live_.on_loop([&] { server_.reset(); });
  }
}

TEST_F(HttpServerTest, LeavesBodiesAloneThatAreEncodedOrPacked) {
  const auto port = serve([](Request request) -> Task<Response> {
    Header header = request.path == "/png" ? Header{"Content-Type", "image/png"} : Header{"Content-Encoding", "br"};
    co_return Response{.headers = {std::move(header)}, .body = std::string(5'000, 'x')};
  });
  for (const std::string path : {"/png", "/br"}) {
    RawClient client(port);
    client.send("GET " + path + " HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
    EXPECT_THAT(client.read_response(), Not(HasSubstr("gzip")));
  }
}

TEST_F(HttpServerTest, AnswersMalformedRequestsWithJsonAndCloses) {
  const struct {
    std::string_view request;
    std::string_view status;
  } cases[] = {
      {"nonsense\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"},
      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "400"},
  };
  const auto port = serve([](Request) -> Task<Response> {
    ADD_FAILURE() << "must not reach the handler";
    co_return Response{};
  });
  for (const auto& [request, status] : cases) {
    RawClient client(port);
    client.send(request);
    const std::string answer = client.read_response();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::string(status))) << request;
    EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\n\r\n{\"name\":\""));
    EXPECT_THAT(answer, HasSubstr("\"data\":{\"message\":\""));
    EXPECT_FALSE(client.read_more());
    EXPECT_TRUE(client.ended());
  }
  EXPECT_TRUE(eventually([&] { return connections() == 0; }));
}

TEST_F(HttpServerTest, RefusesLargeHeadsAndReadsLittleOfALargeBody) {
  const auto port = serve_echo();
  RawClient head(port);
  head.send("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(40'000, 'x'));
  EXPECT_THAT(head.read_response(), StartsWith("HTTP/1.1 431 "));

  RawClient body(port);
  body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n");
  body.send(std::string(30'000, 'x'));
  EXPECT_THAT(body.read_response(), StartsWith("HTTP/1.1 413 "));
  // It cannot keep the connection busy by sending on.
  std::size_t sent = 0;
  while (body.send(std::string(100'000, 'x')) && sent < 1'000'000'000) sent += 100'000;
  EXPECT_LT(sent, 20'000'000u);
  EXPECT_TRUE(eventually([&] { return connections() == 0; }));
}

TEST_F(HttpServerTest, EndsRequestsThatTakeTooLong) {
  const auto port = serve_echo({.limits = {.header_timeout_ms = 50, .body_timeout_ms = 50, .idle_timeout_ms = 150}});
  RawClient head(port);
  head.send("GET / HTT");
  EXPECT_EQ(head.read_to_end(), "");
  EXPECT_TRUE(head.ended());
  RawClient body(port);
  body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_THAT(body.read_to_end(), StartsWith("HTTP/1.1 408 "));
  RawClient idle(port);
  idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(idle.read_to_end(), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(idle.ended());
}

TEST_F(HttpServerTest, GivesAClientUpThatTakesNothing) {
  const auto port = serve([](Request) -> Task<Response> { co_return Response{.body = std::string(30'000'000, 'x')}; },
                          {.limits = {.write_timeout_ms = 100}});
  RawClient client(port, 4096);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return connections() == 0; }) || connections() == 0);
}

TEST_F(HttpServerTest, SendsAllToAClientThatTakesItSlowly) {
  const auto port = serve([](Request) -> Task<Response> { co_return Response{.body = std::string(8'000'000, 'x')}; });
  RawClient client(port, 4096);
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_GT(client.read_to_end().size(), 8'000'000u);
}

TEST_F(HttpServerTest, MakesRoomBeyondTheCapByClosingTheLongestIdle) {
  const auto port = serve_echo({.limits = {.connections_max = 2}});
  RawClient first(port);
  ASSERT_TRUE(eventually([&] { return connections() == 1; }));
  RawClient second(port);
  ASSERT_TRUE(eventually([&] { return connections() == 2; }));
  RawClient third(port);
  third.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(third.read_response(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(first.read_to_end(), "");
  second.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(second.read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, RefusesConnectionsBeyondTheCapWhenAllAreBusy) {
  const auto port = serve_echo({.limits = {.connections_max = 2}});
  RawClient first(port), second(port);
  first.send("GET ");
  second.send("GET ");
  ASSERT_TRUE(eventually([&] { return connections() == 2; }));
  // Until both were read: a connection with half a request is busy.
  ASSERT_TRUE(eventually([&] {
    RawClient third(port);
    return third.read_response().starts_with("HTTP/1.1 503 ");
  }));
}

TEST_F(HttpServerTest, ClosesABodyThatTrickles) {
  const auto port = serve_echo({.limits = {.body_timeout_ms = 200, .body_bytes_per_second_min = 1000}});
  RawClient trickle(port);
  trickle.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  std::atomic<bool> done = false;
  std::thread sender([&] {
    // Never silent for long, yet far below the least rate.
    while (!done && trickle.send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  EXPECT_THAT(trickle.read_response(), StartsWith("HTTP/1.1 408 "));
  done = true;
  sender.join();
}

TEST_F(HttpServerTest, TellsAClientThatTookNothingWhyItsStreamEnded) {
  const auto channel = std::make_shared<Channel>();
  channel->endless_bytes = 16 * 1024;
  channel->last_words = "too slow";
  const auto port = serve_stream(channel, {.limits = {.stream_stall_ms = 200}});
  RawClient slow(port, 4096);
  slow.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return channel->alive == 0; }));
  // It reads on after all: everything that was sent, whole, then the reason, then the end.
  EXPECT_TRUE(slow.read_to_end().ends_with("x\r\n8\r\ntoo slow\r\n0\r\n\r\n"));
  EXPECT_TRUE(slow.ended());
}

TEST_F(HttpServerTest, HidesWhatAHandlerThrows) {
  log::set_level(log::Level::off);
  const auto port = serve([](Request request) -> Task<Response> {
    if (request.path == "/first") throw std::runtime_error("secret path /home/x");
    return [](Request asked) -> Task<Response> {
      if (asked.path == "/later") throw 42;
      co_return Response{.body = "fine"};
    }(std::move(request));
  });
  RawClient client(port);
  for (const std::string path : {"/first", "/later"}) {
    client.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string answer = client.read_response();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
    EXPECT_THAT(
        answer,
        HasSubstr(
            R"({"name":"UnknownError","data":{"message":"Unexpected server error. Check server logs for details.","ref":"err_)"));
    EXPECT_THAT(answer, Not(HasSubstr("secret")));
  }
  client.send("GET /ok HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_response(), HasSubstr("fine"));
  log::set_level(log::Level::info);
}

TEST_F(HttpServerTest, LetsNoHeaderValueBeginALineOfItsOwn) {
  RawClient client(serve([](Request) -> Task<Response> {
    co_return Response{.headers = {{"X-Name", "a\r\nSet-Cookie: b"}, {"Content-Length", "7"}}};
  }));
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = client.read_response();
  EXPECT_THAT(answer, HasSubstr("X-Name: a  Set-Cookie: b\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 0\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length: 7")));
}

TEST_F(HttpServerTest, StreamsInChunksAsTheyCome) {
  const auto channel = std::make_shared<Channel>();
  RawClient client(serve_stream(channel));
  client.send(
      "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: "
      "close\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("gzip")));
  live_.on_loop([&] { channel->push("hello"); });
  EXPECT_EQ(client.read_until("hello\r\n"), "5\r\nhello\r\n");
  const std::string big(20'000, 'b');
  live_.on_loop([&] {
    channel->push("a");
    channel->push(big);
    channel->push("c");
  });
  EXPECT_EQ(client.read_until("c\r\n"), "4e22\r\na" + big + "c\r\n");
  live_.on_loop([&] {
    channel->end = true;
    channel->push("bye");
  });
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "3\r\nbye\r\n0\r\n\r\n");
  // The request that waited behind the stream gets its turn: a stream that ends at once.
  EXPECT_THAT(client.read_to_end(), HasSubstr("\r\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(client.ended());
}

TEST_F(HttpServerTest, StreamsToHttp10UntilItCloses) {
  const auto channel = std::make_shared<Channel>();
  channel->ready = {std::make_shared<const std::string>("plain")};
  channel->end = true;
  RawClient client(serve_stream(channel));
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string all = client.read_to_end();
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
  EXPECT_TRUE(all.ends_with("\r\n\r\nplain"));
}

TEST_F(HttpServerTest, DropsTheStreamOfAClientThatGoesWhileNothingIsSent) {
  for (const bool by_reset : {false, true}) {
    const auto channel = std::make_shared<Channel>();
    RawClient client(serve_stream(channel));
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    client.read_until("\r\n\r\n");
    EXPECT_EQ(channel->alive, 1);
    by_reset ? client.reset() : client.close();
    EXPECT_TRUE(eventually([&] { return channel->alive == 0; }));
    // A wake after the end finds nobody.
    live_.on_loop([&] { channel->push("late"); });
    live_.on_loop([&] { server_.reset(); });
  }
}

TEST_F(HttpServerTest, PullsNoMoreThanASlowReaderTakes) {
  const auto channel = std::make_shared<Channel>();
  channel->endless_bytes = 64 * 1024;
  const auto port = serve_stream(channel, {.limits = {.stream_stall_ms = 300}});
  RawClient slow(port, 4096);
  slow.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  slow.read_until("\r\n\r\n");
  // It takes nothing more: the server fills the socket's buffers, waits, and gives up.
  EXPECT_TRUE(eventually([&] { return channel->alive == 0; }));
  EXPECT_LT(channel->taken_bytes, 16'000'000u);
}

TEST_F(HttpServerTest, LetsOthersRunBesideAStreamThatAlwaysHasMore) {
  const auto channel = std::make_shared<Channel>();
  channel->endless_bytes = 16 * 1024;
  const auto port = serve([channel](Request request) -> Task<Response> {
    return request.path == "/stream" ? stream(channel) : echo(std::move(request));
  });
  RawClient greedy(port);
  greedy.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done && greedy.read_more()) greedy.buffered.clear();
  });
  RawClient other(port);
  for (int i = 0; i < 20; ++i) {
    other.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(other.read_response(), StartsWith("HTTP/1.1 200 "));
  }
  done = true;
  reader.join();
}

TEST_F(HttpServerTest, FinishesARequestWhoseClientHasGone) {
  const auto go = std::make_shared<std::optional<OneShot<Unit>>>();
  std::atomic<bool> finished = false;
  const auto port = serve([&, go](Request) -> Task<Response> {
    return [](Loop& loop, std::optional<OneShot<Unit>>& wait, std::atomic<bool>& end) -> Task<Response> {
      wait.emplace(loop);
      co_await *wait;
      end = true;
      co_return Response{.body = "nobody reads this"};
    }(live_.loop(), *go, finished);
  });
  RawClient client(port);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return live_.on_loop([&] { return go->has_value(); }); }));
  client.reset();
  live_.on_loop([&] { (*go)->setter()(Unit{}); });
  EXPECT_TRUE(eventually([&] { return finished.load(); }));
  EXPECT_TRUE(eventually([&] { return connections() == 0; }));
}

TEST_F(HttpServerTest, ShutsDownInOrder) {
  const auto channel = std::make_shared<Channel>();
  const auto go = std::make_shared<std::optional<OneShot<Unit>>>();
  const auto port = serve([&, channel, go](Request request) -> Task<Response> {
    if (request.path == "/stream") return stream(channel);
    return [](Loop& loop, std::shared_ptr<std::optional<OneShot<Unit>>> wait,
              std::shared_ptr<Channel> out) -> Task<Response> {
      wait->emplace(loop);
      co_await **wait;
      out->push("last words");
      co_return Response{.body = "done"};
    }(live_.loop(), go, channel);
  });
  RawClient idle(port), streaming(port), working(port);
  streaming.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  streaming.read_until("\r\n\r\n");
  working.send("GET /work HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return live_.on_loop([&] { return go->has_value(); }); }));
  ASSERT_TRUE(eventually([&] { return connections() == 3; }));

  auto down = live_.start([&] { return server_->shutdown(5'000); });
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(RawClient(port).connected());
  live_.on_loop([&] { (*go)->setter()(Unit{}); });
  const std::string answer = working.read_to_end();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("done"));
  EXPECT_EQ(streaming.read_to_end(), "a\r\nlast words\r\n0\r\n\r\n");
  down.get();
  EXPECT_EQ(connections(), 0u);
}

TEST_F(HttpServerTest, ShutsDownWhateverAHandlerDoes) {
  const auto go = std::make_shared<std::optional<OneShot<Unit>>>();
  const auto port = serve([&, go](Request) -> Task<Response> {
    return [](Loop& loop, std::shared_ptr<std::optional<OneShot<Unit>>> wait) -> Task<Response> {
      wait->emplace(loop);
      co_await **wait;
      co_return Response{};
    }(live_.loop(), go);
  });
  RawClient client(port);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return live_.on_loop([&] { return go->has_value(); }); }));
  live_.start([&] { return server_->shutdown(30); }).get();
  EXPECT_EQ(client.read_to_end(), "");
  // The handler outlives the server; its answer goes nowhere.
  live_.on_loop([&] {
    server_.reset();
    (*go)->setter()(Unit{});
  });
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  const auto port = serve_echo();
  const Handler handler = [](Request request) -> Task<Response> { return echo(std::move(request)); };
  const auto taken = live_.on_loop([&] { return listen(live_.loop(), {.port = port}, handler).error(); });
  EXPECT_EQ(taken.code, ErrorCode::unavailable);
  EXPECT_THAT(taken.message, HasSubstr("in use"));
  for (const std::string host : {"example.invalid", "", "300.1.1.1", "192.0.2.1"}) {
    EXPECT_EQ(live_.on_loop([&] { return listen(live_.loop(), {.host = host}, handler).error(); }).code,
              ErrorCode::invalid)
        << host;
  }
}

}  // namespace
}  // namespace quarterdeck::net
