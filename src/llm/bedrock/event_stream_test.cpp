#include "llm/bedrock/event_stream.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::llm::bedrock {
namespace {

const EventMessage kEvent{{{":event-type", "contentBlockDelta"}, {":message-type", "event"}}, R"({"a":1})"};

std::vector<EventMessage> read(std::string_view bytes, std::size_t piece, std::string* problem = nullptr) {
  EventStreamReader reader;
  std::vector<EventMessage> out;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (auto message = reader.next()) out.push_back(std::move(*message));
  }
  if (problem) *problem = reader.problem();
  return out;
}

TEST(EventStream, ReadsWhatItWritesHoweverItIsCut) {
  const auto bytes = event_stream_message(kEvent) + event_stream_message({{}, ""}) + event_stream_message(kEvent);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{12}, bytes.size()}) {
    EXPECT_EQ(read(bytes, piece), (std::vector{kEvent, EventMessage{}, kEvent}));
  }
}

// The empty message of the specification's test suite.
TEST(EventStream, WritesTheEmptyMessageOfTheSpecification) {
  const unsigned char wanted[] = {0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00,
                                  0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff};
  EXPECT_EQ(event_stream_message({}), std::string(reinterpret_cast<const char*>(wanted), sizeof wanted));
}

TEST(EventStream, RefusesEveryChangedByte) {
  const auto bytes = event_stream_message(kEvent);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    std::string problem;
    EXPECT_TRUE(read(changed, changed.size(), &problem).empty()) << i;
    EXPECT_FALSE(problem.empty()) << i;
  }
}

}  // namespace
}  // namespace quarterdeck::llm::bedrock
