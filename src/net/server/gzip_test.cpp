#include "net/server/gzip.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace quarterdeck::net {
namespace {

std::string gunzip(std::string_view packed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string noise(std::size_t size) {
  std::string text;
  std::uint32_t x = 1;
  while (text.size() < size) text += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  return text;
}

TEST(Gzip, PacksOneBodyAfterTheOther) {
  Gzip gzip;
  for (const std::string& body :
       {std::string(), std::string("a"), std::string(100'000, 'x'), noise(4096), noise(300'000)}) {
    EXPECT_EQ(gunzip(gzip.compress(body)), body);
  }
}

TEST(Gzip, PacksPieceByPiece) {
  Gzip gzip;
  std::string packed;
  const std::string piece = noise(50'000);
  gzip.write(piece, Gzip::More::yes, packed);
  gzip.write(piece, Gzip::More::yes, packed);
  gzip.write({}, Gzip::More::no, packed);
  EXPECT_EQ(gunzip(packed), piece + piece);
}

TEST(AcceptsGzip, ReadsWeights) {
  for (const auto yes : {"gzip", "GZIP", "deflate, gzip;q=1.0", "br;q=1, gzip ; q=0.1", "*", "x-gzip"})
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  for (const auto no : {"", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "gzipped", "identity"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

}  // namespace
}  // namespace quarterdeck::net
