// A chunked body gives the same bytes however it is cut; what we encode comes back.
#include <fmt/format.h>

#include "fuzz_target.hpp"
#include "net/server/chunked_body.hpp"

namespace {

using quarterdeck::net::ChunkedBody;
constexpr std::size_t kBodyMax = 1024;

ChunkedBody::Status decode(std::string_view input, unsigned seed, std::string& body) {
  ChunkedBody decoder(kBodyMax);
  auto status = ChunkedBody::Status::more;
  quarterdeck::fuzz::in_pieces(input, seed, [&](std::string_view piece) {
    if (status == ChunkedBody::Status::more) status = decoder.feed(piece, body);
    CHECK(body.size() <= kBodyMax);
  });
  return status;
}

}  // namespace

FUZZ_TARGET(chunked_body) {
  const unsigned seed = quarterdeck::fuzz::take_byte(input);
  std::string whole;
  std::string cut;
  const auto expected = decode(input, 1 << 20, whole);
  const auto status = decode(input, seed, cut);
  CHECK(status == expected);
  // A refusal is noticed at different moments; a body is a body.
  if (status == ChunkedBody::Status::complete || status == ChunkedBody::Status::more) CHECK(whole == cut);

  std::string encoded;
  const std::string_view payload = input.substr(0, kBodyMax);
  quarterdeck::fuzz::in_pieces(payload, seed + 1, [&](std::string_view piece) {
    encoded += fmt::format("{:x};x=y\r\n{}\r\n", piece.size(), piece);
  });
  encoded += "0\r\nTrailer: t\r\n\r\n";
  std::string back;
  const auto again = decode(encoded, seed, back);
  // Many tiny chunks may exceed what is allowed beside the data.
  CHECK(again == ChunkedBody::Status::complete || again == ChunkedBody::Status::malformed);
  if (again == ChunkedBody::Status::complete) CHECK(back == payload);
}
