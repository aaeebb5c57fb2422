#include "net/websocket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_server.hpp"
#include "net/testing/live_loop.hpp"

namespace quarterdeck::net {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using testing::RawClient;

Request upgrade() {
  return {.method = "GET",
          .headers = {{"Connection", "keep-alive, Upgrade"},
                      {"Upgrade", "WebSocket"},
                      {"Sec-WebSocket-Version", "13"},
                      {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}};
}

TEST(WebSocket, IsAskedForByAWellFormedUpgradeOnly) {
  EXPECT_TRUE(asks_for_websocket(upgrade()));
  for (const std::size_t without : {0, 1, 2, 3}) {
    Request request = upgrade();
    request.headers.erase(request.headers.begin() + static_cast<std::ptrdiff_t>(without));
    EXPECT_FALSE(asks_for_websocket(request)) << without;
  }
  Request short_key = upgrade();
  short_key.headers[3].value = "c2hvcnQ=";
  EXPECT_FALSE(asks_for_websocket(short_key));
  Request post = upgrade();
  post.method = "POST";
  EXPECT_FALSE(asks_for_websocket(post));
}

// Says back what it hears; "bye" ends it, "much" is more than it takes.
class Echo final : public Conversation {
 public:
  explicit Echo(std::shared_ptr<int> alive) : alive_(std::move(alive)) { ++*alive_; }
  ~Echo() override { --*alive_; }
  Next take() override {
    if (heard_.empty()) return {};
    SocketMessage message = std::move(heard_.front());
    heard_.erase(heard_.begin());
    if (message.bytes == "bye") return {.message = {}, .close = SocketClose{.code = 1000, .reason = "as you wish"}};
    return {.message = std::move(message), .close = {}};
  }
  void when_ready(Loop::Callback wake) override { wake_ = std::move(wake); }
  bool receive(SocketMessage message) override {
    if (message.bytes == "much") return false;
    heard_.push_back(std::move(message));
    if (auto wake = std::exchange(wake_, nullptr)) wake();
    return true;
  }

 private:
  std::shared_ptr<int> alive_;
  std::vector<SocketMessage> heard_;
  Loop::Callback wake_;
};

class WebSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_ = live_.on_loop([&] {
      return std::move(listen(live_.loop(), {}, [alive = alive_](Request request) -> Task<Response> {
                         return answer(alive, std::move(request));
                       }).value());
    });
  }
  void TearDown() override {
    live_.on_loop([&] { server_.reset(); });
  }
  static Task<Response> answer(std::shared_ptr<int> alive, Request request) {
    if (!asks_for_websocket(request)) co_return Response{.status = 400};
    co_return websocket_response(std::make_unique<Echo>(alive));
  }
  static constexpr std::string_view kUpgrade =
      "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

  bool opens(RawClient& client) {
    return client.send(kUpgrade) && reads(client, "\r\n\r\n") && client.buffered.starts_with("HTTP/1.1 101 ") &&
           client.buffered.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  }
  static bool reads(RawClient& client, std::string_view text) {
    while (!client.buffered.contains(text)) {
      if (!client.read_more()) return false;
    }
    return true;
  }
  int alive() {
    return live_.on_loop([&] { return *alive_; });
  }
  // A short frame of a client: masked, with a mask of zeros.
  static std::string frame(char opcode, std::string_view text) {
    std::string out{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | text.size()), 0, 0, 0, 0};
    return out.append(text);
  }

  testing::LiveLoop live_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::unique_ptr<HttpServer> server_;
};

TEST_F(WebSocketTest, CarriesTextsAndBytesBothWays) {
  RawClient client(server_->port());
  ASSERT_TRUE(opens(client));
  ASSERT_TRUE(client.send(frame(1, "hi") + frame(2, "\x01\x02")));
  EXPECT_TRUE(reads(client, "\x81\x02hi\x82\x02\x01\x02"));
}

TEST_F(WebSocketTest, SaysGoodbyeWithTheConversationsReason) {
  RawClient client(server_->port());
  ASSERT_TRUE(opens(client));
  ASSERT_TRUE(client.send(frame(1, "bye")));
  EXPECT_TRUE(reads(client, std::string("\x88\x0d\x03\xe8", 4) + "as you wish"));
  EXPECT_TRUE(client.send(frame(8, std::string("\x03\xe8", 2))));
  client.read_to_end();
  EXPECT_TRUE(client.ended());
  client.close();
  EXPECT_TRUE(eventually([&] { return alive() == 0; }));
}

TEST_F(WebSocketTest, ClosesOnAClientThatSendsMoreThanIsTaken) {
  RawClient client(server_->port());
  ASSERT_TRUE(opens(client));
  ASSERT_TRUE(client.send(frame(1, "much")));
  EXPECT_TRUE(reads(client,
                    "\x03\xf5"
                    "too much input"));
}

TEST_F(WebSocketTest, EndsWithItsClient) {
  {
    RawClient client(server_->port());
    ASSERT_TRUE(opens(client));
    EXPECT_EQ(alive(), 1);
  }
  EXPECT_TRUE(eventually([&] { return alive() == 0; }));
}

TEST_F(WebSocketTest, RefusesFramesThatAreNotMasked) {
  RawClient client(server_->port());
  ASSERT_TRUE(opens(client));
  ASSERT_TRUE(client.send("\x81\x02hi"));
  EXPECT_TRUE(reads(client, "\x03\xea"));
  client.close();
  EXPECT_TRUE(eventually([&] { return alive() == 0; }));
}

TEST_F(WebSocketTest, IsToldWhenTheServerStops) {
  RawClient client(server_->port());
  ASSERT_TRUE(opens(client));
  auto stopped = live_.start([&] { return server_->shutdown(1'000); });
  EXPECT_TRUE(reads(client,
                    "\x03\xe9"
                    "the server is stopping"));
  stopped.get();
  EXPECT_TRUE(eventually([&] { return alive() == 0; }));
}

TEST_F(WebSocketTest, DiesWithTheServer) {
  RawClient client(server_->port());
  ASSERT_TRUE(opens(client));
  live_.on_loop([&] { server_.reset(); });
  EXPECT_TRUE(eventually([&] { return alive() == 0; }));
}

}  // namespace
}  // namespace quarterdeck::net
