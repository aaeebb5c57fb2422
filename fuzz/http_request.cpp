// Whatever comes, and however it is cut: the same requests or the same refusal, and no more memory than the limits.
#include "fuzz_target.hpp"
#include "net/server/request_parser.hpp"

namespace {

using namespace quarterdeck;
constexpr net::RequestParser::Limits kLimits{.header_bytes_max = 2048, .body_bytes_max = 4096};

struct Outcome {
  std::vector<net::Request> requests;
  int refusal = 0;
};

void take(net::RequestParser& parser, Outcome& outcome) {
  while (parser.state() == net::RequestParser::State::complete) {
    (void)parser.keep_alive();
    net::Request request = parser.take();
    CHECK(!request.method.empty());
    CHECK(request.body.size() <= kLimits.body_bytes_max);
    CHECK(request.path == "*" || request.path.starts_with('/'));
    outcome.requests.push_back(std::move(request));
    parser.feed({});
  }
  if (parser.state() == net::RequestParser::State::failed) {
    outcome.refusal = parser.failure().status;
    CHECK(outcome.refusal >= 400 && outcome.refusal < 600);
  }
}

}  // namespace

FUZZ_TARGET(http_request) {
  const unsigned seed = fuzz::take_byte(input);
  Outcome whole;
  net::RequestParser parser(kLimits);
  parser.feed(input);
  take(parser, whole);

  Outcome cut;
  net::RequestParser other(kLimits);
  fuzz::in_pieces(input, seed, [&](std::string_view piece) {
    other.feed(piece);
    take(other, cut);
    CHECK(other.buffered_bytes() <= kLimits.header_bytes_max + piece.size());
  });
  CHECK(whole.refusal == cut.refusal);
  CHECK(whole.requests.size() == cut.requests.size());
  for (std::size_t i = 0; i < cut.requests.size(); ++i) {
    CHECK(whole.requests[i].method == cut.requests[i].method);
    CHECK(whole.requests[i].target == cut.requests[i].target);
    CHECK(whole.requests[i].headers == cut.requests[i].headers);
    CHECK(whole.requests[i].body == cut.requests[i].body);
  }
}
