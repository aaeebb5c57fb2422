#include "net/sse.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace quarterdeck::net {
namespace {

std::vector<SseEvent> decode(std::vector<std::string_view> pieces, std::size_t event_bytes_max = 1024) {
  SseDecoder decoder(event_bytes_max);
  std::vector<SseEvent> events;
  for (const auto piece : pieces) {
    decoder.feed(piece);
    while (auto event = decoder.next()) events.push_back(std::move(*event));
  }
  return events;
}

TEST(SseDecoder, JoinsDataLinesWithLineFeeds) {
  EXPECT_EQ(decode({"data: a\ndata: b\ndata\n\n"}), (std::vector<SseEvent>{{"", "", "a\nb\n"}}));
}

TEST(SseDecoder, UnderstandsAllThreeLineEnds) {
  const std::vector<SseEvent> expected{{"", "", "a"}, {"", "", "b"}};
  EXPECT_EQ(decode({"data: a\n\ndata: b\n\n"}), expected);
  EXPECT_EQ(decode({"data: a\r\rdata: b\r\r"}), expected);
  EXPECT_EQ(decode({"data: a\r\n\r\ndata: b\r\n\r\n"}), expected);
}

TEST(SseDecoder, IgnoresCommentsUnknownFieldsAndEventsWithoutData) {
  EXPECT_EQ(decode({": ping\n\nevent: lost\n\nretry: 5\nfoo: bar\ndata:x\n\n"}),
            (std::vector<SseEvent>{{"", "", "x"}}));
}

TEST(SseDecoder, KeepsTheIdUntilAnotherOneComes) {
  EXPECT_EQ(decode({"id: 7\nevent: tick\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n"}),
            (std::vector<SseEvent>{{"7", "tick", "1"}, {"7", "", "2"}, {"", "", "3"}}));
}

TEST(SseDecoder, CutsOneSpaceOnlyAndOneByteOrderMark) {
  EXPECT_EQ(decode({"\xEF\xBB\xBF"
                    "data:  x\n\n"}),
            (std::vector<SseEvent>{{"", "", " x"}}));
}

TEST(SseDecoder, DropsAnEventAtTheEndOfInputWithoutItsEmptyLine) { EXPECT_TRUE(decode({"data: a\n"}).empty()); }

TEST(SseDecoder, GivesTheSameEventsWhereverTheBytesAreCut) {
  const std::string_view text =
      "\xEF\xBB\xBF: hi\r\nid: 1\r\nevent: e\r\ndata: {\"a\":1}\r\ndata: \xC3\xA9\r\n\r\n\rdata: b\n\ndata:c\r\r\n";
  const auto whole = decode({text});
  ASSERT_EQ(whole.size(), 3u);
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      EXPECT_EQ(decode({text.substr(0, first), text.substr(first, second - first), text.substr(second)}), whole);
    }
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  EXPECT_EQ(decode(bytes), whole);
}

TEST(SseDecoder, DropsWhatIsTooLongAndGoesOnWithTheNextEvent) {
  SseDecoder decoder(64);
  const std::string big(40, 'x');
  decoder.feed("data: " + big + "\ndata: " + big + "\n\ndata: ok\n\n");
  EXPECT_EQ(decoder.next(), (SseEvent{"", "", "ok"}));
  EXPECT_TRUE(decoder.overflowed());
}

TEST(SseDecoder, DropsALineThatIsTooLongBeforeItEnds) {
  SseDecoder decoder(64);
  for (int i = 0; i < 100; ++i) {
    decoder.feed(i == 0 ? std::string("data: ") : std::string(10, 'x'));
    EXPECT_EQ(decoder.next(), std::nullopt);
  }
  decoder.feed("\ndata: same event\n\ndata: ok\n\n");
  EXPECT_EQ(decoder.next(), (SseEvent{"", "", "ok"}));
  EXPECT_TRUE(decoder.overflowed());
}

TEST(SseFrame, HasTheIdLineOnlyWithAnId) {
  EXPECT_EQ(sse_frame("{}"), "data: {}\n\n");
  EXPECT_EQ(sse_frame("{}", "12"), "id: 12\ndata: {}\n\n");
}

}  // namespace
}  // namespace quarterdeck::net
