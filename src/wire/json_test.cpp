#include "wire/json.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::wire {
namespace {

TEST(Json, QuotesASpecialCharacterWhereverItStands) {
  for (const std::string_view special : {"\"", "\\", "\n", "\x01", "\x1f", "ü", "€", "😀", " ", "~", "\x7f"}) {
    for (std::size_t length = 0; length < 20; ++length) {
      for (std::size_t at = 0; at <= length; ++at) {
        std::string text(length, 'x');
        text.insert(at, special);
        text += special;
        const auto parsed = parse(wire::quoted(text));
        ASSERT_TRUE(parsed) << wire::quoted(text);
        ASSERT_EQ(std::string_view(parsed->get_string()), text);
      }
    }
  }
}

TEST(Json, BytesThatAreNoTextBecomeTheReplacementCharacter) {
  EXPECT_EQ(quoted("12345678\xff"), "\"12345678\xEF\xBF\xBD\"");
  EXPECT_EQ(quoted("\xc3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(quoted("1234567\xed\xa0\x80"), "\"1234567\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace quarterdeck::wire
