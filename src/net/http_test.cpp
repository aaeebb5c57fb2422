#include "net/http.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::net {
namespace {

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
