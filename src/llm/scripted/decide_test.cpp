#include "llm/scripted/decide.hpp"

#include <gtest/gtest.h>

#include "llm/embedded/kDemoScenario.hpp"
#include "llm/scripted/frames.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::scripted {
namespace {

Conversation user(std::string text) {
  return {.stream = true, .has_tools = true, .first_tool = "bash", .user = std::move(text)};
}
Script decided(const Conversation& conversation) {
  Memory memory;
  return decide(conversation, nullptr, memory);
}
using Calls = std::vector<ScriptedCall>;
using Words = std::vector<std::string>;

TEST(Conversation, CountsStepsSinceTheNewestUserMessage) {
  const auto conversation = read_conversation(
      R"({"model":"m","stream":true,"tools":[{"function":{"name":"read"}},{"function":{"name":"bash"}}],"messages":[
    {"role":"system","content":"Hello\nWorking directory: /tmp/a b \nDate: x"},
    {"role":"user","content":"old"},{"role":"assistant","content":null,"tool_calls":[{}]},{"role":"tool","content":"r"},
    {"role":"assistant","content":"done"},{"role":"user","content":[{"type":"text","text":"new"},{"type":"text","text":"lines"}]},
    {"role":"assistant","tool_calls":[{},{}]},{"role":"tool","content":"one"},{"role":"tool","content":"two"}]})");
  ASSERT_TRUE(conversation);
  EXPECT_EQ(*conversation, (Conversation{.model = "m",
                                         .stream = true,
                                         .has_tools = true,
                                         .first_tool = "bash",
                                         .system = "Hello\nWorking directory: /tmp/a b \nDate: x",
                                         .user = "new\nlines",
                                         .step = 1,
                                         .tool_results = 2,
                                         .newest_results = "one\ntwo"}));
  EXPECT_EQ(conversation->directory(), "/tmp/a b");
}

TEST(Conversation, DoesNotTakeImagesOfToolResultsForAQuestion) {
  const auto conversation = read_conversation(R"({"messages":[{"role":"user","content":"look"},
    {"role":"assistant","tool_calls":[{}]},{"role":"tool","content":"r"},
    {"role":"user","content":[{"type":"text","text":"Files"},{"type":"image_url","image_url":{}}]}]})");
  EXPECT_EQ(conversation->user, "look");
  EXPECT_EQ(conversation->step, 1);
}

TEST(Conversation, RefusesWhatIsNoRequest) {
  EXPECT_FALSE(read_conversation("{}"));
  EXPECT_FALSE(read_conversation("<html>"));
  EXPECT_TRUE(read_conversation(R"({"messages":[1,{},{"role":7}]})"));
}

TEST(Directives, PlayTheToolLinesInOrderAndThenSayDone) {
  auto conversation =
      user("Please.\nTOOL:[[\"bash\",{\"command\":\"ls\"}],[\"read\",\"{broken\"]]\nTOOL:[[\"list\",{}]]");
  EXPECT_EQ(decided(conversation).calls, (Calls{{"bash", R"({"command":"ls"})"}, {"read", "{broken"}}));
  EXPECT_EQ(decided(conversation).finish, "tool_calls");
  conversation.step = 1;
  EXPECT_EQ(decided(conversation).calls, (Calls{{"list", "{}"}}));
  conversation.step = 2;
  EXPECT_EQ(decided(conversation).text, Words{"Done."});
  EXPECT_EQ(decided(conversation).finish, "stop");
}

TEST(Directives, SpeakBeforeToolsWhenAsked) {
  EXPECT_EQ(decided(user("PRE\nTOOL:[[\"a\",{}]]")).text, (Words{"I ", "will ", "call ", "a ", "tool. "}));
  EXPECT_EQ(decided(user("REASON")).reasoning, (Words{"think0 ", "think1 ", "think2 "}));
}

TEST(Directives, SetLengthPaceAndUsage) {
  const auto script = decided(user("SLOW:2:30\nLEN\nUSAGE:180000"));
  EXPECT_EQ(script.text, (Words{"word0 ", "word1 "}));
  EXPECT_EQ(script.delta_ms, 30);
  EXPECT_EQ(script.finish, "length");
  EXPECT_EQ(script.prompt_tokens, 180'000);
  EXPECT_EQ(decided(user("WORDS:100")).text.size(), 100u);
}

TEST(Directives, FailSoManyTimesForOneMessageOfOneSession) {
  Memory memory;
  auto conversation = user("ERR:503:2\nRETRYAFTER:4");
  conversation.session = "a";
  for (int i = 0; i < 2; ++i) {
    const auto script = decide(conversation, nullptr, memory);
    EXPECT_EQ(script.status, 503);
    EXPECT_EQ(script.error, "fake failure 503");
    EXPECT_EQ(script.retry_after_s, 4);
  }
  EXPECT_EQ(decide(conversation, nullptr, memory).status, 200);
  conversation.session = "b";
  EXPECT_EQ(decide(conversation, nullptr, memory).status, 503);
}

TEST(Directives, BreakAsTold) {
  EXPECT_EQ(decided(user("FAULT:reset-mid")).fault, Fault::reset_mid);
  EXPECT_EQ(decided(user("FAULT:trunc-tool")).calls, (Calls{{"bash", R"({"command":"echo cut off he)"}}));
  auto loop = user("FAULT:loop-tool\nTOOL:[[\"read\",{}]]");
  loop.step = 50;
  EXPECT_EQ(decided(loop).calls, (Calls{{"read", "{}"}}));
  Memory memory;
  EXPECT_EQ(decide(user("FAULT:html:1"), nullptr, memory).fault, Fault::html);
  EXPECT_EQ(decide(user("FAULT:html:1"), nullptr, memory).fault, Fault::none);
}

TEST(Directives, TellTheAuthorAboutMistakes) {
  EXPECT_EQ(decided(user("TOOL:[[\"a\"]]")).error,
            R"(scripted model: TOOL line 1: expected [name, arguments], got ["a"])");
  EXPECT_EQ(decided(user("FAULT:nothing")).error, "scripted model: there is no fault \"nothing\"");
}

TEST(Directives, AreNotSeenInOrdinaryText) {
  EXPECT_EQ(decided(user("PREPARE the LENGTH, say TOOL: nothing")).text.size(), 8u);
}

TEST(Bench, CountsStepsByResults) {
  auto conversation = user("x [[bench deltas=500 rate=50 tools=2 par=2 think=3 size=40 usage=7 delay=9 cmd=date]] y");
  const auto step = decided(conversation);
  EXPECT_EQ(step.calls.size(), 2u);
  EXPECT_EQ(step.calls[0].arguments, R"({"command":"date","description":"bench step"})");
  conversation.tool_results = 4;
  const auto script = decided(conversation);
  EXPECT_EQ(script.marked, (MarkedDeltas{.reasoning = 3, .text = 500, .per_second = 50, .bytes_min = 40}));
  EXPECT_EQ(script.prompt_tokens, 7);
  EXPECT_EQ(script.completion_tokens, 503);
  EXPECT_EQ(script.delay_ms, 9);
}

TEST(Bench, MarksEachDelta) {
  const Script script;
  EXPECT_EQ(marked_frame({.text = 1, .bytes_min = 14}, *chat_speech().writer(script, "m"), 255, 16, 4096),
            "data: {\"id\":\"scripted\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":"
            "[{\"index\":0,\"delta\":{\"content\":\"@ff.10.1000;mn\"},\"finish_reason\":null}]}\n\n");
}

TEST(Title, IsTheFirstWordsOfTheTask) {
  Conversation conversation{
      .system = "You are a title generator.",
      .user = "Generate a title for this conversation:\n\nfix the failing test in the parser, please."};
  EXPECT_EQ(decided(conversation).text, Words{"Fix the failing test in the"});
  EXPECT_EQ(decided(conversation).kind, "title");
  conversation.user = "TOOL:[[\"a\",{}]]\nERR:500";
  EXPECT_EQ(decided(conversation).text, Words{"Scripted session"});
}

TEST(Default, IsEightWords) {
  const auto script = decided(user("hello"));
  EXPECT_EQ(script.text.front(), "word0 ");
  EXPECT_EQ(script.text.size(), 8u);
  EXPECT_EQ(script.prompt_tokens, 100);
  EXPECT_EQ(script.completion_tokens, 8);
}

constexpr std::string_view kScenario = R"({
  // comments and trailing commas are fine
  "name": "t", "model": {"id": "s", "name": "S"},
  "rules": [
    {"when": {"user_contains": "fix", "step": 0},
     "reply": {"text": "In {{directory}} ", "tool_calls": [{"name": "read", "arguments": {"filePath": "{{directory}}/a"}}]}},
    {"when": {"user_contains": "fix", "tool_result_contains": "FAIL"}, "reply": {"text": "It fails.", "usage": {"prompt_tokens": 9}}},
    {"when": {"step": 7}, "reply": {"status": 503}},
  ],
  "otherwise": {"text": "I do not know.", "delta_ms": 5},
})";

TEST(Scenario, AnswersWithTheFirstRuleThatMatches) {
  const auto scenario = parse_scenario(kScenario, "t.json");
  ASSERT_TRUE(scenario) << scenario.error().message;
  auto conversation = user("please fix it");
  conversation.system = "Working directory: /w \"x\"\n";
  EXPECT_EQ(script_of_scenario(*scenario, conversation)->text, (Words{"In ", "/w ", "\"x\" "}));
  EXPECT_EQ(script_of_scenario(*scenario, conversation)->calls, (Calls{{"read", R"({"filePath":"/w \"x\"/a"})"}}));
  conversation.step = 1;
  conversation.newest_results = "1 FAILED";
  EXPECT_EQ(script_of_scenario(*scenario, conversation)->text, (Words{"It ", "fails."}));
  EXPECT_EQ(script_of_scenario(*scenario, conversation)->prompt_tokens, 9);
  conversation.newest_results = "ok";
  EXPECT_EQ(script_of_scenario(*scenario, conversation)->delta_ms, 5);
  conversation.step = 7;
  EXPECT_EQ(script_of_scenario(*scenario, conversation)->status, 503);
}

TEST(Scenario, NamesFilePlaceAndExpectationOfAMistake) {
  const auto message = [](std::string_view text) { return parse_scenario(text, "s.json").error().message; };
  EXPECT_EQ(message(R"({"name":"t","rules":[{"when":{"step":"x"},"reply":{}}]})"),
            "s.json: Expected integer, got \"x\"\n  at [\"rules\"][0][\"when\"][\"step\"]");
  EXPECT_EQ(message(R"({"name":"t","rules":[{"when":{},"reply":{"fault":"boo"}}]})").find("s.json: Expected a fault"),
            0u);
  EXPECT_EQ(message(R"({"name":"t"})"), "s.json: Missing key\n  at [\"rules\"]");
  EXPECT_EQ(message("{").find("s.json: malformed JSON"), 0u);
}

TEST(Scenario, OfTheDemoRepairsTheSampleStepByStep) {
  const auto scenario = parse_scenario(kDemoScenario, "demo.json");
  ASSERT_TRUE(scenario) << scenario.error().message;
  auto conversation = user("The test fails. Find the bug, fix it, run the test and commit.");
  conversation.system = "Working directory: /w\n";
  const std::pair<std::string, std::string> steps[] = {
      {"", "bash"}, {"return host.lower().lstrip", "edit"}, {"Edit applied", "bash"}, {"OK", "bash"}};
  for (const auto& [result, tool] : steps) {
    conversation.newest_results = result;
    const auto script = script_of_scenario(*scenario, conversation);
    ASSERT_TRUE(script);
    ASSERT_FALSE(script->calls.empty()) << conversation.step;
    EXPECT_EQ(script->calls.back().name, tool);
    for (const auto& call : script->calls) EXPECT_TRUE(wire::parse(call.arguments)) << call.arguments;
    ++conversation.step;
  }
  conversation.newest_results = "1 file changed";
  EXPECT_EQ(script_of_scenario(*scenario, conversation)->finish, "stop");
}

TEST(Frames, EndWithUsageAndDone) {
  Script script{.text = {"hi"}, .calls = {{"read", "{"}}, .finish = "tool_calls"};
  const auto frames = frames_of(script, *chat_speech().writer(script, "m"));
  EXPECT_EQ(frames.before.size(), 2u);
  EXPECT_EQ(frames.after.size(), 5u);
  EXPECT_EQ(frames.after.back(), "data: [DONE]\n\n");
  EXPECT_NE(frames.after[3].find(R"("usage":{"prompt_tokens":100,"completion_tokens":8,"total_tokens":108})"),
            std::string::npos);
}

TEST(Frames, StopAfterThreeDeltasWhenTheyBreak) {
  Script script{.fault = Fault::eof_mid, .text = words("a b c d e f")};
  EXPECT_EQ(frames_of(script, *chat_speech().writer(script, "m")).before.size(), 4u);
  EXPECT_TRUE(frames_of(script, *chat_speech().writer(script, "m")).after.empty());
}

TEST(Frames, MakeAWholeDocumentToo) {
  Script script{.reasoning = {"r"}, .text = {"a ", "b"}, .calls = {{"read", "{}"}}, .finish = "tool_calls"};
  const auto document = wire::parse(chat_speech().document(script, "m"));
  ASSERT_TRUE(document);
  EXPECT_NE(wire::to_text(*document).find(R"("content":"a b","reasoning_content":"r")"), std::string::npos);
}

}  // namespace
}  // namespace quarterdeck::llm::scripted
