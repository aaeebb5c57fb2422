#include "llm/chat_completions/decoder.hpp"

#include <gtest/gtest.h>

#include "net/sse.hpp"

namespace quarterdeck::llm::chat_completions {
namespace {

using Kind = ModelError::Kind;

struct CollectingSink final : ModelSink {
  void on_event(ModelEvent event) override { events.push_back(std::move(event)); }
  std::vector<ModelEvent> events;
};
struct FixedRandom final : Random {
  std::uint64_t next() override { return 0xabc; }
};

struct Answer {
  std::vector<ModelEvent> events;
  std::expected<ModelFinish, ModelError> finish;
};
Answer decode(std::initializer_list<std::string_view> pieces) {
  CollectingSink sink;
  FixedRandom random;
  Decoder decoder(sink, random);
  for (const auto piece : pieces) decoder.on_data(piece);
  return {sink.events, decoder.finish()};
}
std::vector<ModelEvent> events(std::initializer_list<ModelEvent> list) { return list; }

TEST(Decoder, StreamsTextAndTellsTheFinish) {
  const auto answer = decode(
      {R"({"choices":[{"delta":{"role":"assistant","content":""}}]})", R"({"choices":[{"delta":{"content":"Hel"}}]})",
       R"({"choices":[{"delta":{"content":"lo"}}]})", R"({"choices":[{"delta":{},"finish_reason":"stop"}]})",
       R"({"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":8,"total_tokens":108}})", "[DONE]"});
  EXPECT_EQ(answer.events, events({TextDelta{"Hel"}, TextDelta{"lo"}}));
  EXPECT_EQ(*answer.finish, (ModelFinish{"stop", {.total = 108, .input = 100, .output = 8}}));
}

TEST(Decoder, KnowsReasoningUnderBothNamesButOnlyOnce) {
  const auto answer = decode(
      {R"({"choices":[{"delta":{"reasoning_content":"a","reasoning":"a"}}]})",
       R"({"choices":[{"delta":{"reasoning":"b","content":null}}]})",
       R"({"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"c"}]},{"type":"text","text":"d"}]}}]})"});
  EXPECT_EQ(answer.events, events({ReasoningDelta{"a"}, ReasoningDelta{"b"}, ReasoningDelta{"c"}, TextDelta{"d"}}));
}

TEST(Decoder, CollectsParallelCallsByIndex) {
  const auto answer = decode(
      {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"read","arguments":""}}]}}]})",
       R"({"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"grep","arguments":"{\"p"}}]}}]})",
       R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}},{"index":1,"function":{"arguments":"\":1}"}}]}}]})",
       R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"});
  EXPECT_EQ(answer.events, events({ToolCallStarted{0, "a", "read"}, ToolCallStarted{1, "b", "grep"},
                                   ToolCallDelta{1, "{\"p"}, ToolCallDelta{0, "{}"}, ToolCallDelta{1, "\":1}"}}));
  EXPECT_EQ(answer.finish->reason, "tool-calls");
}

TEST(Decoder, ToleratesRepeatedIdsAndNames) {
  const auto answer = decode(
      {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"read","arguments":"{"}}]}}]})",
       R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"read","arguments":"}"}}]}}]})",
       R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"","function":{"name":null,"arguments":""}}]}}]})"});
  EXPECT_EQ(answer.events, events({ToolCallStarted{0, "a", "read"}, ToolCallDelta{0, "{"}, ToolCallDelta{0, "}"}}));
}

TEST(Decoder, MakesAnIdWhenThereIsNone) {
  const auto answer =
      decode({R"({"choices":[{"delta":{"tool_calls":[{"function":{"name":"read","arguments":{"a":1}}}]}}]})"});
  EXPECT_EQ(answer.events,
            events({ToolCallStarted{0, "call_0000000000000abc", "read"}, ToolCallDelta{0, R"({"a":1})"}}));
}

TEST(Decoder, TakesAnotherIdWithANameAtTheSameIndexForAnotherCall) {
  const auto answer = decode(
      {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"read","arguments":"{}"}}]}}]})",
       R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"read","arguments":"{}"}}]}}]})"});
  EXPECT_EQ(answer.events, events({ToolCallStarted{0, "a", "read"}, ToolCallDelta{0, "{}"},
                                   ToolCallStarted{1, "b", "read"}, ToolCallDelta{1, "{}"}}));
}

TEST(Decoder, SeparatesCallsWithoutIndexByPosition) {
  const auto answer = decode(
      {R"({"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"1"}},{"id":"b","function":{"name":"y","arguments":"2"}}]}}]})",
       R"({"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"3"}}]}}]})"});
  EXPECT_EQ(answer.events, events({ToolCallStarted{0, "a", "x"}, ToolCallDelta{0, "1"}, ToolCallStarted{1, "b", "y"},
                                   ToolCallDelta{1, "2"}, ToolCallDelta{1, "3"}}));
}

TEST(Decoder, KeepsArgumentsThatComeBeforeTheName) {
  const auto answer =
      decode({R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{"}}]}}]})",
              R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"x","arguments":"}"}}]}}]})"});
  EXPECT_EQ(answer.events, events({ToolCallStarted{0, "a", "x"}, ToolCallDelta{0, "{"}, ToolCallDelta{0, "}"}}));
}

TEST(Decoder, MapsFinishReasons) {
  EXPECT_EQ(finish_word("stop", false), "stop");
  EXPECT_EQ(finish_word("stop", true), "tool-calls");
  EXPECT_EQ(finish_word("tool_calls", true), "tool-calls");
  EXPECT_EQ(finish_word("function_call", true), "tool-calls");
  EXPECT_EQ(finish_word("length", true), "length");
  EXPECT_EQ(finish_word("content_filter", false), "content-filter");
  EXPECT_EQ(finish_word("weird", false), "unknown");
}

TEST(Decoder, CountsCachedAndReasoningTokensOnce) {
  const auto tokens = [](std::string_view text) { return tokens_of(*wire::parse(text)); };
  EXPECT_EQ(
      tokens(
          R"({"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":80},"completion_tokens_details":{"reasoning_tokens":30}})"),
      (domain::Tokens{.total = 150, .input = 20, .output = 20, .reasoning = 30, .cache_read = 80}));
  EXPECT_EQ(
      tokens(
          R"({"prompt_tokens":100,"completion_tokens":50,"total_tokens":180,"completion_tokens_details":{"reasoning_tokens":30}})"),
      (domain::Tokens{.total = 180, .input = 100, .output = 50, .reasoning = 30}));
  EXPECT_EQ(tokens(R"({"prompt_tokens":100,"completion_tokens":5,"prompt_cache_hit_tokens":64})"),
            (domain::Tokens{.total = 105, .input = 36, .output = 5, .cache_read = 64}));
  EXPECT_EQ(tokens(R"({"prompt_tokens":-5,"completion_tokens":"x","prompt_tokens_details":{"cached_tokens":9}})"),
            (domain::Tokens{.total = 0}));
}

TEST(Decoder, TakesUsageFromTheChunkOfTheFinishToo) {
  const auto answer = decode(
      {R"({"choices":[{"delta":{"content":"x"},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":1}})"});
  EXPECT_EQ(*answer.finish, (ModelFinish{"length", {.total = 4, .input = 3, .output = 1}}));
}

TEST(Decoder, ReportsAnErrorObjectInTheStream) {
  const auto answer =
      decode({R"({"choices":[{"delta":{"content":"x"}}]})", R"({"error":{"message":"boom","code":503}})",
              R"({"choices":[{"delta":{"content":"never"}}]})"});
  EXPECT_EQ(answer.events, events({TextDelta{"x"}}));
  EXPECT_EQ(answer.finish.error().kind, Kind::overloaded);
  EXPECT_EQ(answer.finish.error().message, "boom");
  EXPECT_TRUE(answer.finish.error().retryable);
}

TEST(Decoder, CallsAnEarlyEndARetryableNetworkError) {
  const auto answer = decode({R"({"choices":[{"delta":{"content":"x"}}]})"});
  EXPECT_EQ(answer.finish.error().kind, Kind::network);
  EXPECT_TRUE(answer.finish.error().retryable);
  EXPECT_EQ(decode({"[DONE]"}).finish.error().kind, Kind::network);
}

TEST(Decoder, AcceptsDoneWithoutAFinishReason) {
  EXPECT_EQ(decode({R"({"choices":[{"delta":{"content":"x"}}]})", "[DONE]"}).finish->reason, "unknown");
}

TEST(Decoder, CallsBrokenJsonMalformed) {
  const auto answer = decode({R"({"choices":[{)"});
  EXPECT_EQ(answer.finish.error().kind, Kind::malformed);
  EXPECT_EQ(decode({"42"}).finish.error().kind, Kind::malformed);
}

TEST(Decoder, AcceptsAWholeDocument) {
  CollectingSink sink;
  FixedRandom random;
  Decoder decoder(sink, random);
  decoder.on_document(
      R"({"choices":[{"message":{"role":"assistant","content":"hi","tool_calls":[{"id":"a","type":"function","function":{"name":"x","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})");
  EXPECT_EQ(sink.events, events({TextDelta{"hi"}, ToolCallStarted{0, "a", "x"}, ToolCallDelta{0, "{}"}}));
  EXPECT_EQ(decoder.finish()->reason, "tool-calls");
  EXPECT_TRUE(decoder.complete());
}

TEST(Decoder, RefusesADocumentThatIsNoAnswer) {
  CollectingSink sink;
  FixedRandom random;
  Decoder decoder(sink, random);
  decoder.on_document(R"({"hello":"world"})");
  EXPECT_EQ(decoder.finish().error().kind, Kind::malformed);
}

// Whatever way the network cuts the bytes, and with every kind of line end.
TEST(Decoder, DoesNotCareWhereTheBytesAreCut) {
  const std::string chunks[] = {
      ": keep-alive",
      "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm \xC3\xA9\"}}]}",
      "data: {\"choices\":[{\"delta\":{\"content\":\"caf\xC3\xA9 \xF0\x9F\x99\x82\"}}]}",
      "data:{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"x\","
      "\"arguments\":\"{\\\"k\\\":\"}}]}}]}",
      "data: "
      "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]},\"finish_reason\":"
      "\"tool_calls\"}]}",
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}",
      "data: [DONE]"};
  const auto expected = events({ReasoningDelta{"hm \xC3\xA9"}, TextDelta{"caf\xC3\xA9 \xF0\x9F\x99\x82"},
                                ToolCallStarted{0, "a", "x"}, ToolCallDelta{0, "{\"k\":"}, ToolCallDelta{0, "1}"}});
  for (const std::string line_end : {"\n", "\r\n", "\r"}) {
    std::string stream;
    for (const auto& chunk : chunks) stream += chunk + line_end + line_end;
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      CollectingSink sink;
      FixedRandom random;
      Decoder decoder(sink, random);
      net::SseDecoder sse;
      for (const auto piece : {std::string_view(stream).substr(0, cut), std::string_view(stream).substr(cut)}) {
        sse.feed(piece);
        while (const auto event = sse.next()) decoder.on_data(event->data);
      }
      ASSERT_EQ(sink.events, expected) << "cut at " << cut;
      ASSERT_EQ(*decoder.finish(), (ModelFinish{"tool-calls", {.total = 11, .input = 9, .output = 2}}));
    }
  }
}

TEST(Decoder, SurvivesShapesThatNobodySends) {
  for (const std::string_view data :
       {R"({"choices":5})", R"({"choices":[null]})", R"({"choices":[{"delta":[]}]})",
        R"({"choices":[{"delta":{"tool_calls":[1,{},{"index":-7},{"index":1e300,"id":5}]}}]})",
        R"({"choices":[{"delta":{"content":{"a":1},"tool_calls":{}}}]})", R"({"usage":[]})",
        R"({"choices":[{"finish_reason":7}]})", "[]", "null", R"({"error":{}})", "{}"}) {
    decode({data, data, "[DONE]"});
  }
}

TEST(Decoder, BoundsTheNumberOfCalls) {
  CollectingSink sink;
  FixedRandom random;
  Decoder decoder(sink, random);
  for (int i = 0; i < 1000; ++i) {
    decoder.on_data(fmt::format(
        R"({{"choices":[{{"delta":{{"tool_calls":[{{"index":{},"id":"c{}","function":{{"name":"x"}}}}]}}}}]}})", i, i));
  }
  EXPECT_EQ(decoder.finish().error().kind, Kind::malformed);
}

}  // namespace
}  // namespace quarterdeck::llm::chat_completions
