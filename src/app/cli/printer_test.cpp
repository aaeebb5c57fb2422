#include "app/cli/printer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli/json_lines.hpp"
#include "app/cli/tool_summary.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {
namespace {

using testing::HasSubstr;
using testing::Not;

// Events as a server sends them, of session ses_1 answering prompt msg_1 with message msg_2.
std::string answer(std::string_view more = "") {
  return fmt::format(
      R"({{"id":"evt_1","type":"message.updated","properties":{{"sessionID":"ses_1","info":{{"id":"msg_2","sessionID":"ses_1",
    "parentID":"msg_1","role":"assistant","mode":"build","agent":"build","path":{{"cwd":"/p","root":"/p"}},"cost":0,
    "tokens":{{"input":0,"output":0,"reasoning":0,"cache":{{"read":0,"write":0}}}},"modelID":"m","providerID":"f",
    "time":{{"created":1{}}}}}}}}})",
      more);
}
std::string part(std::string_view members, std::string_view id = "prt_1", std::string_view message = "msg_2") {
  return fmt::format(
      R"({{"id":"evt_2","type":"message.part.updated","properties":{{"sessionID":"ses_1","time":1,"part":{{"id":"{}",
    "messageID":"{}","sessionID":"ses_1",{}}}}}}})",
      id, message, members);
}
std::string delta(std::string_view text, std::string_view id = "prt_1") {
  return fmt::format(
      R"({{"id":"evt_3","type":"message.part.delta","properties":{{"sessionID":"ses_1","messageID":"msg_2","partID":"{}",
    "field":"text","delta":{}}}}})",
      id, wire::quoted(text));
}
std::string status(std::string_view members) {
  return fmt::format(R"({{"id":"evt_4","type":"session.status","properties":{{"sessionID":"ses_1","status":{{{}}}}}}})",
                     members);
}
std::string text(std::string_view full, bool ended) {
  return part(
      fmt::format(R"("type":"text","text":{},"time":{{"start":1{}}})", wire::quoted(full), ended ? R"(,"end":2)" : ""));
}
std::string bash(std::string_view state, std::string_view id = "prt_5") {
  return part(fmt::format(R"("type":"tool","tool":"bash","callID":"c","state":{{{}}})", state), id);
}
constexpr std::string_view kRunning = R"("status":"running","input":{"command":"git status"},"time":{"start":1})";
constexpr std::string_view kDone =
    R"("status":"completed","input":{"command":"git status"},"output":"1\n2\n3\n4\n5\n","title":"t","metadata":{"exit":0},"time":{"start":1,"end":2})";
constexpr std::string_view kFailed =
    R"j("status":"completed","input":{"command":"false"},"output":"(no output)","title":"t","metadata":{"exit":1},"time":{"start":1,"end":2})j";
const std::string kStepFinish = part(
    R"("type":"step-finish","reason":"stop","cost":0.5,"tokens":{"input":1000,"output":20,"reasoning":0,"cache":{"read":0,"write":0}})",
    "prt_9");
const std::string kError =
    R"({"id":"evt_5","type":"session.error","properties":{"sessionID":"ses_1","error":{"name":"APIError","data":{"message":"no","isRetryable":false}}}})";

struct Screen {
  std::string answer;
  std::string both;
};

struct Show {
  Printer printer;
  Screen screen;
  explicit Show(PrinterOptions options = {.style = {.unicode = true}, .directory = "/p"})
      : printer({"ses_1"}, {"msg_1"}, std::move(options)) {}
  void add(const Printed& printed) {
    screen.answer += printed.answer;
    screen.both += printed.progress + printed.answer + printed.after;
  }
  Show& on(const std::string& json, TimeMs now = 1000) {
    const auto event = read_live_event(json);
    EXPECT_TRUE(event.has_value()) << json;
    if (event) add(printer.on(*event, now));
    return *this;
  }
};

TEST(Printer, StreamsTextOnceAndEndsItsLine) {
  Show show;
  show.on(answer())
      .on(text("", false))
      .on(delta("Hel"))
      .on(delta("lo"))
      .on(text("Hello", true))
      .on(text("Hello", true));
  EXPECT_EQ(show.screen.both, "Hello\n");
  EXPECT_EQ(show.screen.answer, "Hello\n");
}

TEST(Printer, WritesTheRestWhenDeltasWereLost) {
  Show show;
  show.on(answer()).on(text("", false)).on(delta("Hel")).on(text("Hello there", true));
  EXPECT_EQ(show.screen.answer, "Hello there\n");
}

TEST(Printer, AfterAReconnectNothingIsRepeated) {
  Show show;
  show.on(answer()).on(text("", false)).on(delta("Hel"));
  show.printer.resynchronise();
  show.on(delta("lo")).on(text("Hello", false));  // the delta is part of the text that the server now tells
  EXPECT_EQ(show.screen.answer, "Hello");
  show.on(text("Hello you", true));
  EXPECT_EQ(show.screen.answer, "Hello you\n");
}

TEST(Printer, OthersAreNotShown) {
  Show show;
  show.on(answer()).on(part(R"("type":"text","text":"the prompt")", "prt_1", "msg_1"));
  show.on(part(R"("type":"text","text":"injected","synthetic":true)", "prt_2"));
  EXPECT_EQ(show.screen.both, "");
}

TEST(Printer, AToolCallIsALineAndItsOutcome) {
  Show show;
  show.on(answer())
      .on(bash(R"("status":"pending","input":{},"raw":"")"))
      .on(bash(kRunning))
      .on(bash(kRunning))
      .on(bash(kDone))
      .on(bash(kDone));
  EXPECT_EQ(show.screen.both, "● bash  git status\n  ✓ 1\n    2\n    3\n    … 2 more lines\n");
  EXPECT_EQ(show.screen.answer, "");
}

TEST(Printer, ParallelCallsAreNamedAgain) {
  Show show;
  show.on(answer()).on(bash(kRunning, "prt_5")).on(bash(kRunning, "prt_6")).on(bash(kFailed, "prt_5"));
  EXPECT_EQ(show.screen.both, "● bash  git status\n● bash  git status\n  ✗ bash  false · exit 1\n");
}

TEST(Printer, TextAndToolsAreKeptApart) {
  Show show;
  show.on(answer()).on(text("", false)).on(delta("I look")).on(bash(kRunning)).on(bash(kFailed));
  EXPECT_EQ(show.screen.both, "I look\n\n● bash  git status\n  ✗ exit 1\n");
}

TEST(Printer, WithoutUtf8ItsMarksAreAscii) {
  Show show({.style = {}, .directory = "/p"});
  show.on(answer()).on(bash(kRunning)).on(bash(kFailed));
  EXPECT_EQ(show.screen.both, "* bash  git status\n  x exit 1\n");
}

TEST(Printer, QuietPrintsTheAnswerAlone) {
  Show show({.style = {.unicode = true}, .quiet = true, .directory = "/p"});
  show.on(answer()).on(bash(kRunning)).on(bash(kDone)).on(text("", false)).on(delta("Yes")).on(text("Yes", true));
  show.on(status(R"("type":"retry","attempt":1,"message":"m","next":3000)"));
  EXPECT_EQ(show.screen.both, "Yes\n");
}

TEST(Printer, ARetrySaysWhyAndHowLongOnce) {
  Show show;
  const std::string retry = status(R"("type":"retry","attempt":2,"message":"fake failure 503","next":5000)");
  show.on(answer()).on(retry).on(retry);
  EXPECT_EQ(show.screen.both, "↻ retry 2 in 4.0s: fake failure 503\n");
}

TEST(Printer, ALiveTerminalCountsDownAndTheCountIsErased) {
  Show show({.style = {.unicode = true, .live = true}, .directory = "/p"});
  show.on(answer()).on(status(R"("type":"retry","attempt":1,"message":"m","next":5000)"));
  show.screen = {};
  show.add(show.printer.tick(2000));
  EXPECT_EQ(show.screen.both, "\r\x1b[K… next attempt in 3s");
  show.screen = {};
  show.on(status(R"("type":"busy")")).on(text("", false)).on(delta("Hi"));
  EXPECT_THAT(show.screen.both, testing::StartsWith("\r\x1b[K"));
  EXPECT_EQ(show.screen.answer, "Hi");
}

TEST(Printer, EscapeSequencesOfModelsAndToolsAreNotPrinted) {
  Show show;
  show.on(answer())
      .on(text("", false))
      .on(delta("\x1b]52;c;AAAA\a"
                "ok"));
  show.on(bash(R"("status":"running","input":{"command":"printf '\u001b[2J'"},"time":{"start":1})"));
  EXPECT_THAT(show.screen.both, Not(HasSubstr("\x1b")));
}

TEST(Printer, TheLastLineSaysTimeTokensCostAndSession) {
  Show show;
  Turn turn({"ses_1"}, {"msg_1"});
  for (const auto& json : {answer(), kStepFinish, kStepFinish}) turn.on(*read_live_event(json));
  show.add(show.printer.finish(turn, 12'345));
  EXPECT_EQ(show.screen.both, "✓ 12.3s · 1 step · 1,000 in, 20 out · $0.50 · ses_1\n");
}

TEST(Turn, IsOverWhenIdleAndItsLastMessageIsComplete) {
  Turn turn({"ses_1"}, {"msg_1"});
  const std::string idle = status(R"("type":"idle")");
  turn.on(*read_live_event(idle));
  EXPECT_FALSE(turn.over());  // that was the turn before ours
  turn.on(*read_live_event(status(R"("type":"busy")")));
  turn.on(*read_live_event(answer()));
  EXPECT_TRUE(turn.taken_up());
  turn.on(*read_live_event(idle));
  EXPECT_FALSE(turn.over());
  EXPECT_TRUE(turn.ending());
  turn.on(*read_live_event(answer(R"(,"completed":2)")));
  EXPECT_TRUE(turn.over());
}

TEST(Turn, AnErrorBeforeAnyAnswerEndsItToo) {
  Turn turn({"ses_1"}, {"msg_1"});
  turn.on(*read_live_event(kError));
  EXPECT_TRUE(turn.ending());
  turn.on(*read_live_event(status(R"("type":"idle")")));
  EXPECT_TRUE(turn.over());
  EXPECT_EQ(turn.error()->name, "APIError");
}

TEST(JsonLines, EachFinishedPartIsOneLine) {
  JsonLines lines({"ses_1"}, {"msg_1"});
  std::string out;
  for (const auto& json : {answer(), text("", false), delta("Hi"), text("Hi", true), text("Hi", true), bash(kRunning),
                           bash(kDone), bash(kDone), kStepFinish, kError}) {
    out += lines.on(*read_live_event(json), 7);
  }
  std::vector<std::string> types;
  for (const auto line : lines_of(out)) {
    const auto object = wire::parse(line);
    ASSERT_TRUE(object.has_value()) << line;
    EXPECT_EQ(wire::string_at(*object, "sessionID"), "ses_1");
    EXPECT_EQ(wire::int_at(*object, "timestamp"), 7);
    types.push_back(wire::string_at(*object, "type"));
  }
  EXPECT_EQ(types, (std::vector<std::string>{"text", "tool_use", "step_finish", "error"}));
}

TEST(LiveEvent, WhatIsNotAboutASessionOrNotReadableIsNothing) {
  for (const char* json :
       {R"({"type":"server.heartbeat","properties":{}})", R"({"type":"new.thing","properties":{"sessionID":"ses_1"}})",
        R"({"type":"message.updated","properties":{"sessionID":"ses_1","info":5}})", "[]", "{", ""}) {
    EXPECT_FALSE(read_live_event(json).has_value()) << json;
  }
}

TEST(ToolSummary, SubjectsAreWhatPeopleLookFor) {
  EXPECT_EQ(tool_subject("edit", R"({"filePath":"/p/src/a.cpp"})", "/p"), "src/a.cpp");
  EXPECT_EQ(tool_subject("read", R"({"filePath":"/pq/a"})", "/p"), "/pq/a");
  EXPECT_EQ(tool_subject("grep", R"({"pattern":"x","path":"/p/src"})", "/p"), "x  in src");
  EXPECT_EQ(tool_subject("apply_patch",
                         R"({"patchText":"*** Begin Patch\n*** Update File: a.md\n*** Add File: b.md\n"})", "/p"),
            "a.md b.md");
  EXPECT_EQ(tool_subject("mcp_thing", R"({"a":1})", "/p"), R"({"a":1})");
  EXPECT_EQ(tool_subject("bash", "not json", "/p"), "");
}

TEST(ToolSummary, EditsSayHowManyLinesChanged) {
  domain::ToolPart edit{.call_id = "c", .tool = "edit"};
  edit.state = domain::ToolCompleted{.output = "Edit applied successfully.",
                                     .metadata = {R"({"filediff":{"additions":3,"deletions":1}})"}};
  EXPECT_EQ(tool_outcome(edit, {}, "/p").headline, "+3 -1");
}

}  // namespace
}  // namespace quarterdeck::app
