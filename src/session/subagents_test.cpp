// What a child may do, what it knows of its task, and who the agents are. Whole tasks: tests/e2e/agents.test.mjs.
#include "session/subagents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "permission/rules.hpp"
#include "session/agents.hpp"
#include "session/plan.hpp"
#include "session/task_record.hpp"

namespace quarterdeck::session {
namespace {

using namespace domain;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<Agent> agents_with(const config::Config& config = {}) {
  return make_agents(config, {.data = "/data", .worktree = "/work"});
}

Action of(const Agent& agent, const Ruleset& session, std::string_view permission, std::string_view pattern) {
  return permission::evaluate(permission, pattern, {agent.permission, session}).action;
}

TEST(ChildRules, AChildMayDoAtMostWhatItsParentMay) {
  const auto agents = agents_with();
  const Agent& plan = *find_agent(agents, "plan");
  const Agent& general = *find_agent(agents, "general");
  const Ruleset rules = child_rules({}, plan, general, {});
  EXPECT_EQ(of(general, rules, "edit", "a.txt"), Action::deny);
  EXPECT_EQ(of(general, rules, "read", "a.txt"), Action::allow);
  EXPECT_EQ(of(general, rules, "task", "explore"), Action::deny);

  Agent asking{.name = "asking", .permission = {{"*", "*", Action::allow}, {"bash", "*", Action::ask}}};
  EXPECT_EQ(of(general, child_rules({}, asking, general, {}), "bash", "ls"), Action::ask);
  Agent strict{.name = "strict", .permission = {{"*", "*", Action::deny}}};
  EXPECT_THAT(child_rules({}, asking, strict, {}), Not(Contains(Rule{"bash", "*", Action::ask})));
}

TEST(ChildRules, TakeTheDenialsOfTheSessionAndNothingThatLoosens) {
  const auto agents = agents_with();
  const Agent& build = *find_agent(agents, "build");
  const Agent& explore = *find_agent(agents, "explore");
  const Ruleset session{
      {"bash", "*", Action::deny}, {"edit", "*", Action::allow}, {"external_directory", "/x/*", Action::allow}};
  const Ruleset rules = child_rules(session, build, explore, {"webfetch"});
  EXPECT_EQ(of(explore, rules, "bash", "ls"), Action::deny);
  EXPECT_EQ(of(explore, rules, "edit", "a"), Action::deny);
  EXPECT_EQ(of(explore, rules, "external_directory", "/x/y"), Action::allow);
  EXPECT_EQ(of(explore, rules, "webfetch", "u"), Action::deny);
  EXPECT_EQ(of(explore, rules, "read", ".env"), Action::ask);
  EXPECT_EQ(of(explore, rules, "todowrite", "*"), Action::deny);
}

TEST(ChildRules, AnAgentThatSaysSoMayHaveTasksOfItsOwn) {
  const auto agents = agents_with();
  Agent boss = *find_agent(agents, "general");
  boss.permission.push_back({"task", "*", Action::allow});
  EXPECT_EQ(of(boss, child_rules({}, *find_agent(agents, "build"), boss, {}), "task", "explore"), Action::allow);
}

TEST(TaskRecord, LivesInTheMetadataBesideWhatOthersPutThere) {
  const JsonText theirs{R"({"mine":1,"quarterdeck":{"other":true}})"};
  TaskRecord record{.prompt = MessageId{"msg_1"}, .deadline = 5, .steps = 2, .tokens = 9};
  record.background = BackgroundTask{.parent = {"ses_1"}, .prompt = {"msg_1"}, .description = "d", .delivery = {}};
  JsonText text = with_task_record(theirs, record);
  EXPECT_EQ(task_record(text), record);
  EXPECT_THAT(text.text, HasSubstr(R"("mine":1)"));
  EXPECT_THAT(text.text, HasSubstr(R"("other":true)"));
  record.background.reset();
  text = with_task_record(text, record);
  EXPECT_EQ(task_record(text), record);
  EXPECT_EQ(task_record(std::nullopt), TaskRecord{});
  EXPECT_EQ(task_record(JsonText{R"({"quarterdeck":{"task":5}})"}), TaskRecord{});
  EXPECT_EQ(task_record(JsonText{"nonsense"}), TaskRecord{});
}

TEST(Agents, TheDefaultOneIsFirstAndMustBeOneThatCanBe) {
  config::Config config;
  EXPECT_EQ(agents_with(config).front().name, "build");
  config.agents["mine"] = {.mode = "primary"};
  config.default_agent = "mine";
  EXPECT_EQ(agents_with(config).front().name, "mine");
  EXPECT_EQ(default_agent_problem(config, agents_with(config)), "");
  for (const char* wrong : {"explore", "title", "nobody"}) {
    config.default_agent = wrong;
    EXPECT_EQ(agents_with(config).front().name, "build");
    EXPECT_THAT(default_agent_problem(config, agents_with(config)), HasSubstr(wrong));
  }
  config.default_agent.reset();
  config.agents["build"] = {.disable = true};
  EXPECT_EQ(agents_with(config).front().name, "mine");
}

TEST(Agents, PlanWritesOnlyPlans) {
  const auto agents = agents_with();
  const Agent& plan = *find_agent(agents, "plan");
  EXPECT_EQ(of(plan, {}, "edit", "src/a.cpp"), Action::deny);
  EXPECT_EQ(of(plan, {}, "edit", ".opencode/plans/1-x.md"), Action::allow);
  EXPECT_EQ(of(plan, {}, "edit", "../data/plans/1-x.md"), Action::allow);
  EXPECT_EQ(of(plan, {}, "task", "general"), Action::deny);
  EXPECT_EQ(of(plan, {}, "plan_exit", "*"), Action::allow);
  EXPECT_EQ(of(*find_agent(agents, "build"), {}, "plan_exit", "*"), Action::deny);
}

TEST(Plan, IsRemindedOfWhenItBeginsAndWhenItEnds) {
  const std::filesystem::path file = "/work/.opencode/plans/1-x.md";
  const auto remind = [&](std::string_view agent, std::string_view before, bool may_exit, bool exists) {
    return plan_reminder(
               {.agent = agent, .agent_before = before, .may_exit = may_exit, .file = file, .file_exists = exists})
        .value_or("");
  };
  EXPECT_THAT(remind("plan", "", true, false), HasSubstr("Create it at /work/.opencode/plans/1-x.md"));
  EXPECT_THAT(remind("plan", "build", true, true), HasSubstr("A plan file exists at"));
  EXPECT_EQ(remind("plan", "plan", true, true), "");
  EXPECT_THAT(remind("plan", "plan", false, false), HasSubstr("# Plan Mode"));
  EXPECT_EQ(remind("build", "build", true, true), "");
  EXPECT_THAT(remind("build", "plan", false, true), HasSubstr("You should execute on the plan"));
  EXPECT_THAT(remind("build", "plan", false, false), Not(HasSubstr("plan file")));
}

}  // namespace
}  // namespace quarterdeck::session
