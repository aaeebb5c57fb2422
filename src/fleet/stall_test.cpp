#include "fleet/stall.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

TEST(StallLaw, AnOpenTurnThatNobodyWorksOnHasADeadWorker) {
  Signs signs = at_work();
  signs.runs = false;
  EXPECT_EQ(judge(signs, 1'000), "");
  EXPECT_EQ(judge(signs, 20'000), "dead_worker");
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
