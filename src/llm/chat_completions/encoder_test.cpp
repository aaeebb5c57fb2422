#include "llm/chat_completions/encoder.hpp"

#include <gtest/gtest.h>

#include "wire/json.hpp"

namespace quarterdeck::llm::chat_completions {
namespace {

ModelRequest request(std::vector<ChatMessage> messages) {
  ModelRequest request;
  request.provider = {.id = "test", .base_url = "http://127.0.0.1:1/v1"};
  request.model = {.id = "m", .provider_id = "test", .api_id = "vendor/m", .attachment = true};
  request.messages = std::move(messages);
  return request;
}

constexpr std::string_view kTail = R"(,"stream":true,"stream_options":{"include_usage":true}})";

TEST(Encoder, WritesAPlainQuestion) {
  EXPECT_EQ(
      encode_request(request({{Role::system, {TextContent{"Be brief."}}}, {Role::user, {TextContent{"Hi \"you\""}}}})),
      R"({"model":"vendor/m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi \"you\""}])" +
          std::string(kTail));
}

TEST(Encoder, JoinsSystemMessagesAndPutsThemFirst) {
  EXPECT_EQ(
      encode_request(request({{Role::user, {TextContent{"a"}}},
                              {Role::system, {TextContent{"one"}, TextContent{"two"}}},
                              {Role::system, {TextContent{"three"}}}})),
      R"({"model":"vendor/m","messages":[{"role":"system","content":"one\n\ntwo\n\nthree"},{"role":"user","content":"a"}])" +
          std::string(kTail));
}

TEST(Encoder, WritesCallsAndTheirResults) {
  EXPECT_EQ(
      encode_request(request(
          {{Role::assistant, {ToolCallContent{"c1", "read", {R"({"p":1})"}}, ToolCallContent{"c2", "list", {"{}"}}}},
           {Role::tool, {ToolResultContent{.id = "c1", .name = "read", .output = "text"}}},
           {Role::tool, {ToolResultContent{.id = "c2", .name = "list", .output = "no", .error = true}}}})),
      R"({"model":"vendor/m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}},{"id":"c2","type":"function","function":{"name":"list","arguments":"{}"}}]},{"role":"tool","content":"text","tool_call_id":"c1"},{"role":"tool","content":"no","tool_call_id":"c2"}])" +
          std::string(kTail));
}

TEST(Encoder, SendsImagesOfToolResultsAfterTheLastResult) {
  const FileContent image{"image/png", "data:image/png;base64,AA==", "a.png"};
  const auto text =
      encode_request(request({{Role::tool, {ToolResultContent{.id = "c1", .output = "x", .files = {image}}}},
                              {Role::tool, {ToolResultContent{.id = "c2", .output = "y"}}},
                              {Role::user, {TextContent{"next"}}}}));
  EXPECT_EQ(
      text,
      R"({"model":"vendor/m","messages":[{"role":"tool","content":"x","tool_call_id":"c1"},{"role":"tool","content":"y","tool_call_id":"c2"},{"role":"user","content":[{"type":"text","text":"Files from the tool results above:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]},{"role":"user","content":"next"}])" +
          std::string(kTail));
}

TEST(Encoder, TellsAModelWithoutEyesAboutTheImage) {
  auto ask = request({{Role::user, {TextContent{"see"}, FileContent{"image/png", "data:", "a.png"}}}});
  ask.model.attachment = false;
  const auto text = encode_request(ask);
  EXPECT_EQ(text.find("image_url"), std::string::npos);
  EXPECT_NE(text.find("a.png (image/png) cannot be shown"), std::string::npos);
}

TEST(Encoder, WritesToolsAndTheChoice) {
  auto ask = request({{Role::user, {TextContent{"x"}}}});
  ask.tools = {{"read", "Reads.", {R"({"type":"object"})"}}};
  EXPECT_EQ(
      encode_request(ask),
      R"({"model":"vendor/m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"read","description":"Reads.","parameters":{"type":"object"}}}],"tool_choice":"auto")" +
          std::string(kTail));
  ask.tool_required = true;
  EXPECT_NE(encode_request(ask).find(R"("tool_choice":"required")"), std::string::npos);
}

TEST(Encoder, NamesTheOutputLimitAsTheModelWantsIt) {
  auto ask = request({{Role::user, {TextContent{"x"}}}});
  ask.output_tokens_max = 5;
  ask.temperature = 0.5;
  EXPECT_NE(encode_request(ask).find(R"("max_tokens":5,"temperature":0.5)"), std::string::npos);
  ask.provider.base_url = "https://api.openai.com/v1";
  ask.model.api_id = "gpt-5.1";
  const auto text = encode_request(ask);
  EXPECT_NE(text.find(R"("max_completion_tokens":5)"), std::string::npos);
  EXPECT_EQ(text.find("temperature"), std::string::npos);
  ask.model.api_id = "gpt-4.1";
  EXPECT_NE(encode_request(ask).find(R"("max_tokens":5)"), std::string::npos);
}

TEST(Encoder, EchoesReasoningOnlyToThoseWhoWantIt) {
  auto ask = request({{Role::assistant, {ReasoningContent{"hm"}, ToolCallContent{"c", "read", {"{}"}}}}});
  EXPECT_EQ(encode_request(ask).find("reasoning_content"), std::string::npos);
  ask.provider.id = "deepseek";
  EXPECT_NE(encode_request(ask).find(R"("reasoning_content":"hm")"), std::string::npos);
}

TEST(Encoder, LeavesOutAnAnswerOfNothingButThoughts) {
  EXPECT_EQ(encode_request(request({{Role::assistant, {ReasoningContent{"hm"}}}, {Role::user, {TextContent{"x"}}}})),
            R"({"model":"vendor/m","messages":[{"role":"user","content":"x"}])" + std::string(kTail));
}

TEST(Encoder, PassesTheModelsOptionsButNotOverOurs) {
  auto ask = request({{Role::user, {TextContent{"x"}}}});
  ask.model.options = {R"({"reasoningEffort":"high","stream":false,"seed":7})"};
  EXPECT_EQ(
      encode_request(ask),
      R"({"model":"vendor/m","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"high","seed":7})");
}

TEST(Encoder, AlwaysWritesValidJson) {
  auto ask = request({{Role::user, {TextContent{"bad \xff\xc3 \x01 bytes"}}}});
  EXPECT_TRUE(wire::parse(encode_request(ask)).has_value());
}

// Pieces of the past are written once; what comes out is the same, for whichever model.
TEST(Encoder, WritesAPastInPiecesLikeItsMessages) {
  const FileContent image{"image/png", "data:image/png;base64,AA==", "a.png"};
  const std::vector<ChatMessage> before{
      {Role::user, {TextContent{"see"}, image}},
      {Role::assistant, {ReasoningContent{"hm"}, ToolCallContent{"c1", "read", {"{}"}}}, "test/m"},
      {Role::tool, {ToolResultContent{.id = "c1", .output = "x", .files = {image}}}}};
  const std::vector<ChatMessage> silent{{Role::assistant, {ReasoningContent{"nothing to say"}}}};
  const ChatMessage system{Role::system, {TextContent{"Be brief."}}}, now{Role::user, {TextContent{"go on"}}};
  const auto piece = [](const std::vector<ChatMessage>& messages) {
    std::vector<ChatMessages::Shared> shared;
    for (const ChatMessage& message : messages) shared.push_back(std::make_shared<const ChatMessage>(message));
    return std::make_shared<const ChatMessages::Past>(std::move(shared));
  };
  ChatMessages parted{system};
  for (const auto& messages : {before, silent, before}) parted.push_back(piece(messages));
  parted.push_back(now);
  std::vector<ChatMessage> whole{system};
  for (const auto& messages : {before, silent, before}) whole.insert(whole.end(), messages.begin(), messages.end());
  whole.push_back(now);
  ASSERT_EQ(parted, ChatMessages(whole));

  for (const bool eyes : {true, false}) {
    for (const char* provider : {"test", "test", "deepseek", "mistral", "openrouter"}) {
      ModelRequest one = request(whole);
      one.provider.id = provider;
      one.model.attachment = eyes;
      if (one.provider.id == "openrouter") one.model.api_id = "anthropic/claude";
      ModelRequest other = one;
      other.messages = parted;
      EXPECT_EQ(encode_request(other), encode_request(one)) << provider << eyes;
    }
  }
}

}  // namespace
}  // namespace quarterdeck::llm::chat_completions
