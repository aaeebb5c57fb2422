#include "terminal/scrollback.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::terminal {
namespace {

std::string read_all(const Scrollback& scrollback, std::int64_t from) {
  std::string all;
  for (std::int64_t at = from; at < scrollback.end();) all += scrollback.read(at, scrollback.end());
  return all;
}

TEST(Scrollback, CountsAsJavascriptDoes) {
  Scrollback scrollback;
  scrollback.append("h\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80!");  // h, é, €, 😀 (two units), !
  EXPECT_EQ(scrollback.end(), 6);
  EXPECT_EQ(read_all(scrollback, 1), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80!");
  EXPECT_EQ(read_all(scrollback, 3), "\xF0\x9F\x98\x80!");
  EXPECT_EQ(read_all(scrollback, 5), "!");
  EXPECT_EQ(read_all(scrollback, 6), "");
}

TEST(Scrollback, PutsCharactersTogetherThatCameInPieces) {
  Scrollback scrollback;
  for (const char byte : std::string("a\xE2\x82\xAC\xF0\x9F\x98\x80z")) {
    scrollback.append({&byte, 1});
    std::int64_t at = 0;
    EXPECT_EQ(scrollback.read(at, scrollback.end()).find("\xEF\xBF\xBD"), std::string::npos);
  }
  EXPECT_EQ(read_all(scrollback, 0), "a\xE2\x82\xAC\xF0\x9F\x98\x80z");
}

TEST(Scrollback, ShowsBytesThatAreNoTextAsReplacementCharacters) {
  Scrollback scrollback;
  scrollback.append(
      "a\xFF\xFE"
      "b\x80");
  scrollback.append("c");
  EXPECT_EQ(read_all(scrollback, 0),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b\xEF\xBF\xBD"
            "c");
}

TEST(Scrollback, KeepsTheNewestTwoMegabytes) {
  Scrollback scrollback;
  const std::string line(999, 'x');
  for (int i = 0; i < 5'000; ++i) scrollback.append(line + "\n");
  EXPECT_EQ(scrollback.end(), 5'000'000);
  EXPECT_GE(scrollback.end() - scrollback.begin(), Scrollback::kUnitsMax);
  EXPECT_LE(scrollback.end() - scrollback.begin(), Scrollback::kUnitsMax + 2 * 64 * 1024);
  std::int64_t at = 0;  // long gone: reads on where there is something
  const std::string first = scrollback.read(at, scrollback.end());
  EXPECT_EQ(at, scrollback.begin() + static_cast<std::int64_t>(first.size()));
}

TEST(Scrollback, ReadsNoFurtherThanAsked) {
  Scrollback scrollback;
  scrollback.append("0123456789");
  std::int64_t at = 2;
  EXPECT_EQ(scrollback.read(at, 5), "234");
  EXPECT_EQ(at, 5);
}

}  // namespace
}  // namespace quarterdeck::terminal
