#include "net/http.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::net {
namespace {

TEST(PercentDecode, DecodesOnceAndLeavesBadEscapes) {
  EXPECT_EQ(percent_decode("a%20b%2Fc"), "a b/c");
  EXPECT_EQ(percent_decode("%252F"), "%2F");
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%c3%A9"), "%zz\xC3\xA9");
  EXPECT_EQ(percent_decode("%00").size(), 1u);
}

TEST(PercentDecode, ReadsPlusAsSpaceInQueriesOnly) {
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
}

TEST(PercentEncode, KeepsUnreservedCharactersOnly) { EXPECT_EQ(percent_encode("aZ09-._~ /%\xC3"), "aZ09-._~%20%2F%25%C3"); }

TEST(PercentEncode, IsUndoneByDecode) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(FindHeader, IgnoresCase) {
  const Headers headers{{"X-Thing", "1"}, {"x-thing", "2"}};
  EXPECT_EQ(*find_header(headers, "x-THING"), "1");
  EXPECT_EQ(find_header(headers, "x-thin"), nullptr);
}

TEST(Request, GivesTheFirstValueOfAQueryKey) {
  const Request request{.query = {{"a", "1"}, {"a", "2"}, {"empty", ""}}};
  EXPECT_EQ(request.query_value("a"), "1");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_EQ(request.query_value("b"), std::nullopt);
}

}  // namespace
}  // namespace quarterdeck::net
