#include "net/server/request_parser.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::net {
namespace {

using namespace std::string_view_literals;
using State = RequestParser::State;
constexpr RequestParser::Limits kLimits{.header_bytes_max = 1024, .body_bytes_max = 100};

Request parse(std::string_view bytes) {
  RequestParser parser(kLimits);
  EXPECT_EQ(parser.feed(bytes), State::complete) << bytes << parser.failure().message;
  return parser.state() == State::complete ? parser.take() : Request{};
}

TEST(RequestParser, SplitsTheTarget) {
  const Request request = parse("GET /a%20b/c/?x=1&y=%252F&z&&w=a+b HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/a%20b/c/?x=1&y=%252F&z&&w=a+b");
  EXPECT_EQ(request.path, "/a b/c");
  const std::vector<std::pair<std::string, std::string>> query{{"x", "1"}, {"y", "%2F"}, {"z", ""}, {"w", "a b"}};
  EXPECT_EQ(request.query, query);
}

TEST(RequestParser, UnderstandsTheOtherFormsOfTarget) {
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n").path, "/");
  EXPECT_EQ(parse("GET http://h:80/p?q=1 HTTP/1.1\r\nHost: h\r\n\r\n").path, "/p");
  EXPECT_EQ(parse("GET http://h?q=http://x HTTP/1.1\r\nHost: h\r\n\r\n").path, "/");
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path, "*");
  EXPECT_EQ(parse("GET /a%zz%4 HTTP/1.1\r\nHost: h\r\n\r\n").path, "/a%zz%4");
}

TEST(RequestParser, ReadsTheSameRequestWhereverTheBytesAreCut) {
  const std::string_view text =
      "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;note=\"a\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
      "\r\nPUT /y HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    RequestParser parser(kLimits);
    std::vector<Request> requests;
    for (const auto piece : {text.substr(0, cut), text.substr(cut)}) {
      State state = parser.feed(piece);
      while (state == State::complete) {
        requests.push_back(parser.take());
        state = parser.feed({});
      }
      ASSERT_NE(state, State::failed) << cut << parser.failure().message;
    }
    ASSERT_EQ(requests.size(), 2u) << cut;
    EXPECT_EQ(requests[0].body, "abc0123456789");
    EXPECT_EQ(requests[0].header("trailer"), nullptr);
    EXPECT_EQ(requests[1].path, "/y");
    EXPECT_EQ(requests[1].body, "ok");
    EXPECT_TRUE(parser.idle());
  }
}

TEST(RequestParser, ReadsByteByByte) {
  RequestParser parser(kLimits);
  for (const char c : std::string_view("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"))
    parser.feed({&c, 1});
  ASSERT_EQ(parser.state(), State::complete);
  EXPECT_EQ(parser.take().body, "abc");
}

TEST(RequestParser, ReadsAnEmptyChunkedBodyByteByByte) {
  // Beast's own parser aborts on this.
  for (const std::string_view trailers : {"", "A: b\r\n", "A:\r\nB: c\r\n"}) {
    RequestParser parser(kLimits);
    std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    bytes += trailers;
    bytes += "\r\n";
    for (const char c : bytes) parser.feed({&c, 1});
    EXPECT_EQ(parser.state(), State::complete) << trailers;
  }
}

TEST(RequestParser, KnowsWhetherTheConnectionStays) {
  const auto keeps = [](std::string_view bytes) {
    RequestParser parser(kLimits);
    parser.feed(bytes);
    return parser.keep_alive();
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(RequestParser, RefusesWhatIsMalformed) {
  const struct {
    std::string_view bytes;
    int status;
  } cases[] = {
      {"\x16\x03\x01", 400},  // TLS to a plain port
      {"{}", 400},
      {"GET\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET / a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"sv, 400},
      {"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET nothing HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTX/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET / http/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: h\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: b\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nA B: c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: \0b\r\n\r\n"sv, 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: b\x7f\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 2\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\n\r\n", 417},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1 2\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nabc\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000001\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabX\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", 413},
  };
  for (const auto& [bytes, status] : cases) {
    RequestParser parser(kLimits);
    EXPECT_EQ(parser.feed(bytes), State::failed) << bytes;
    EXPECT_EQ(parser.failure().status, status) << bytes << "\n" << parser.failure().message;
    // What follows must not bring it back to life.
    EXPECT_EQ(parser.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), State::failed);
  }
}

TEST(RequestParser, HoldsTheHeaderLimitHoweverTheHeadComes) {
  RequestParser at_once(kLimits);
  at_once.feed("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(2000, 'x'));
  EXPECT_EQ(at_once.failure().status, 431);

  RequestParser line_by_line(kLimits);
  line_by_line.feed("GET / HTTP/1.1\r\nHost: h\r\n");
  for (int i = 0; i < 200 && line_by_line.state() == State::head; ++i) line_by_line.feed("A: bcdefghi\r\n");
  ASSERT_EQ(line_by_line.state(), State::failed);
  EXPECT_EQ(line_by_line.failure().status, 431);
}

TEST(RequestParser, HoldsTheBodyLimitOverManyChunks) {
  RequestParser parser(kLimits);
  parser.feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 10; ++i) ASSERT_EQ(parser.feed("a\r\n0123456789\r\n"), State::body);
  EXPECT_EQ(parser.feed("1\r\n"), State::failed);
  EXPECT_EQ(parser.failure().status, 413);
}

TEST(RequestParser, BoundsChunkExtensionsAndTrailers) {
  for (const std::string_view start : {"1;a=", "0\r\nT: "}) {
    RequestParser parser(kLimits);
    parser.feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    parser.feed(start);
    const std::string more(1000, 'x');
    for (int i = 0; i < 100 && parser.state() == State::body; ++i) parser.feed(more);
    EXPECT_EQ(parser.state(), State::failed);
  }
}

}  // namespace
}  // namespace quarterdeck::net
