#include "fleet/stall.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <tuple>

#include "fleet/process_tree.hpp"

namespace quarterdeck::fleet {
namespace {

using namespace domain;

std::string judge(const Signs& signs, TimeMs now) {
  const auto verdict = stalled(signs, {}, now);
  return verdict ? verdict->kind : "";
}
Signs at_work(TimeMs last_event = 0) {
  return {.session = {"ses_1"}, .status = {.type = Status::Type::busy}, .last_event = last_event};
}
Signs with_tool(TimeMs last_sign) {
  Signs signs = at_work();
  signs.tools.push_back({.id = "prt_1", .name = "bash", .last_sign = last_sign});
  return signs;
}

TEST(StallLaw, AModelThatSaysNothingIsLabelledWithinAMinute) {
  EXPECT_EQ(judge(at_work(), 40'000), "");
  EXPECT_EQ(judge(at_work(), 60'000), "model_silent");
}

TEST(StallLaw, ACommandWithoutAnySignHangs) {
  EXPECT_EQ(judge(with_tool(0), 60'000), "tool_hung");
  EXPECT_EQ(judge(with_tool(0), 40'000), "");
}

TEST(StallLaw, AQuietBuildOfFortyMinutesThatUsesCpuIsNoStall) {
  for (TimeMs now = 0; now <= 40 * 60'000; now += 5'000) EXPECT_EQ(judge(with_tool(now - 4'000), now), "");
}

TEST(StallLaw, WhoSleepsByTheirOwnWillOrWaitsForAChildIsNotStalled) {
  Signs sleeps = with_tool(0);
  sleeps.tools.front().sleeps = true;
  EXPECT_EQ(judge(sleeps, 600'000), "");
  Signs parent = with_tool(0);
  parent.tools.front().child_works = true;
  EXPECT_EQ(judge(parent, 600'000), "");
}

TEST(StallLaw, WhatWaitsForAnAnswerIsNotStalled) {
  Signs signs = with_tool(0);
  signs.waits_for_answer = true;
  EXPECT_EQ(judge(signs, 600'000), "");
}

TEST(StallLaw, OneToolAtWorkIsEnough) {
  Signs signs = with_tool(0);
  signs.tools.push_back({.id = "prt_2", .name = "bash", .last_sign = 599'000});
  EXPECT_EQ(judge(signs, 600'000), "");
}

TEST(StallLaw, TellsARateLimitFromAProviderThatFails) {
  Signs signs = at_work();
  signs.status = {.type = Status::Type::retry, .attempt = 1, .message = "429 Too Many Requests", .next = 120'000};
  EXPECT_EQ(judge(signs, 1'000), "rate_limit");
  signs.status.next = 3'000;
  EXPECT_EQ(judge(signs, 1'000), "");
  signs.status = {.type = Status::Type::retry, .attempt = 6, .message = "502 Bad Gateway", .next = 2'000};
  EXPECT_EQ(judge(signs, 1'000), "provider_failing");
}

TEST(StallLaw, AModelThatIsAskedAgainAndStaysSilentKeepsItsName) {
  Signs signs = at_work(60'000);
  signs.status = {.type = Status::Type::retry, .attempt = 1, .message = "no first byte came", .next = 62'000};
  EXPECT_EQ(judge(signs, 60'100), "");
  signs.still_silent = true;
  EXPECT_EQ(judge(signs, 60'100), "model_silent");
  signs.status = {.type = Status::Type::busy};
  EXPECT_EQ(judge(signs, 62'100), "model_silent");
  signs.tools.push_back({.id = "prt_1", .name = "bash", .last_sign = 62'000});
  EXPECT_EQ(judge(signs, 62'100), "");
}

TEST(StallLaw, AnOpenTurnThatNobodyWorksOnHasADeadWorker) {
  Signs signs = at_work();
  signs.runs = false;
  EXPECT_EQ(judge(signs, 1'000), "");
  EXPECT_EQ(judge(signs, 20'000), "dead_worker");
}

// What somebody sees who looks every three seconds; `at` makes the signs of a moment.
struct Watched {
  std::string label;  // the first
  TimeMs when = 0;
};
template <class At>
Watched watch_for(std::int64_t ms, At at) {
  for (TimeMs now = 0; now <= ms; now += 3'000) {
    if (const std::string label = judge(at(now), now); !label.empty()) return {label, now};
  }
  return {};
}
Signs retrying(TimeMs now, int attempt, std::string why, std::int64_t wait_ms) {
  Signs signs = at_work(now);
  signs.status = {.type = Status::Type::retry, .attempt = attempt, .message = std::move(why), .next = now + wait_ms};
  return signs;
}

TEST(StallLaw, TwelveFaultsAreLabelledRightWithinAMinute) {
  const auto tools = [](std::initializer_list<Signs::Tool> running) {
    Signs signs = at_work(0);
    signs.tools = running;
    return signs;
  };
  const std::vector<std::tuple<std::string, std::string, std::function<Signs(TimeMs)>>> faults{
      {"a model that never begins", "model_silent", [](TimeMs) { return at_work(0); }},
      {"a model that stops in the middle", "model_silent",
       [](TimeMs now) { return at_work(std::min<TimeMs>(now, 9'000)); }},
      {"a model that is silent after a tool has ended", "model_silent", [](TimeMs) { return at_work(0); }},
      {"a command that waits for input", "tool_hung", [&](TimeMs) { return tools({{.id = "p", .name = "bash"}}); }},
      {"a command that stops after a while", "tool_hung",
       [&](TimeMs now) { return tools({{.id = "p", .name = "bash", .last_sign = std::min<TimeMs>(now, 3'000)}}); }},
      {"a tool of an MCP server without an answer", "tool_hung",
       [&](TimeMs) { return tools({{.id = "p", .name = "mcp_x"}}); }},
      {"two commands that both hang", "tool_hung",
       [&](TimeMs) { return tools({{.id = "p", .name = "bash"}, {.id = "q", .name = "webfetch"}}); }},
      {"a task whose child does nothing", "tool_hung", [&](TimeMs) { return tools({{.id = "p", .name = "task"}}); }},
      {"a long rate limit", "rate_limit", [](TimeMs now) { return retrying(now, 1, "429 Too Many Requests", 90'000); }},
      {"a rate limit again and again", "rate_limit",
       [](TimeMs now) { return retrying(now, 1 + static_cast<int>(now / 9'000), "rate limit exceeded", 2'000); }},
      {"a provider that fails again and again", "provider_failing",
       [](TimeMs now) { return retrying(now, 1 + static_cast<int>(now / 9'000), "502 Bad Gateway", 2'000); }},
      {"a turn that nobody works on", "dead_worker", [](TimeMs) {
         Signs signs = at_work(0);
         signs.runs = false;
         return signs;
       }}};
  ASSERT_EQ(faults.size(), 12u);
  for (const auto& [name, label, at] : faults) {
    const Watched seen = watch_for(120'000, at);
    EXPECT_EQ(seen.label, label) << name;
    EXPECT_LE(seen.when, 60'000) << name;
  }
}

TEST(StallLaw, FortyMinutesOfHonestWorkOrWaitingRaiseNoAlarm) {
  const auto tool = [](TimeMs last_sign, bool sleeps, bool child_works) {
    Signs signs = at_work(0);
    signs.tools.push_back(
        {.id = "p", .name = "bash", .last_sign = last_sign, .sleeps = sleeps, .child_works = child_works});
    return signs;
  };
  const auto asks = [](TimeMs) {
    Signs signs = at_work(0);
    signs.waits_for_answer = true;
    return signs;
  };
  const std::vector<std::pair<std::string, std::function<Signs(TimeMs)>>> honest{
      {"a quiet build that uses CPU now and then", [&](TimeMs now) { return tool(now - now % 40'000, false, false); }},
      {"a sleep", [&](TimeMs) { return tool(0, true, false); }},
      {"a task whose child works", [&](TimeMs) { return tool(0, false, true); }},
      {"an open question or permission, a budget, a queue", asks},
      {"a model that thinks aloud slowly", [](TimeMs now) { return at_work(now - now % 30'000); }},
      {"a short retry", [](TimeMs now) { return retrying(now, 1, "429", 5'000); }}};
  for (const auto& [name, at] : honest) EXPECT_EQ(watch_for(40 * 60'000, at).label, "") << name;
}

TEST(ProcessTree, SeesWhatAProcessAndThoseBelowItDo) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setpgid(0, 0);
    ::execl("/bin/sh", "sh", "-c", "sleep 30; true", nullptr);
    ::_exit(1);
  }
  TreeSample sample;
  for (int i = 0; i < 2'000 && !sample.sleeps; ++i) {
    sample = sample_trees({child})[child];
    ::usleep(5'000);
  }
  EXPECT_TRUE(sample.sleeps);
  EXPECT_EQ(sample.processes, 2);
  EXPECT_EQ(sample_trees({child})[child], sample) << "nothing happens in it";
  const TreeSample self = sample_trees({::getpid()})[::getpid()];
  EXPECT_GT(self.io_bytes, 0u);
  EXPECT_FALSE(self.sleeps && self.processes == 1);
  ::kill(-child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(sample_trees({child})[child].processes, 0);
}

}  // namespace
}  // namespace quarterdeck::fleet
