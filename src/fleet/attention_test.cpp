#include "fleet/attention.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::fleet {
namespace {

using namespace domain;
using Group = Attention::Group;
using State = Attention::State;

Facts working() {
  Facts facts;
  facts.turn = Facts::Turn{.prompt = {"msg_1"}, .time = 100, .answered = true};
  return facts;
}
Facts ended(std::string reason) {
  Facts facts = working();
  facts.turn->reason = std::move(reason);
  return facts;
}
Attention judge(const Facts& facts, TimeMs now = 1'000) { return attention(facts, std::nullopt, {}, now); }
OpenRequest request() { return {OpenRequest::Kind::permission, "per_1", {"ses_1"}, "bash: ls"}; }

TEST(AttentionLaw, ASessionNobodySpokeToIsIdle) { EXPECT_EQ(judge({}).state, State::idle); }

TEST(AttentionLaw, WorkIsWorkUntilSomethingIsAsked) {
  EXPECT_EQ(judge(working()).state, State::working);
  Facts facts = working();
  facts.requests.push_back(request());
  const Attention asks = judge(facts);
  EXPECT_EQ(asks.group, Group::needs_you);
  EXPECT_EQ(asks.state, State::approve);
  EXPECT_EQ(asks.evidence.front().id, "per_1");
}

TEST(AttentionLaw, ARequestComesBeforeAStall) {
  Facts facts = working();
  facts.stall = Stall{"tool_hung", "a tool says nothing", "prt_1"};
  EXPECT_EQ(judge(facts).state, State::stalled);
  facts.requests.push_back(request());
  EXPECT_EQ(judge(facts).state, State::approve);
}

TEST(AttentionLaw, AFailureStaysUntilItWasSeen) {
  Facts facts = ended("error");
  EXPECT_EQ(judge(facts).state, State::failed);
  facts.standing.accepted = 99;  // something earlier was
  EXPECT_EQ(judge(facts).state, State::failed);
  facts.standing.accepted = 100;
  EXPECT_EQ(judge(facts).state, State::idle);
}

TEST(AttentionLaw, ARefusedKeyAsksForALogin) {
  Facts facts = ended("error");
  facts.turn->error = MessageError{.name = "ProviderAuthError", .message = "no"};
  EXPECT_EQ(judge(facts).state, State::login);
  facts.turn->error = MessageError{.name = "APIError", .message = "no", .status_code = 401};
  EXPECT_EQ(judge(facts).state, State::login);
  facts.turn->error->status_code = 500;
  EXPECT_EQ(judge(facts).state, State::failed);
}

TEST(AttentionLaw, WorkWithAResultIsReadyForReview) {
  EXPECT_EQ(judge(ended("completed")).state, State::idle);
  Facts facts = ended("completed");
  facts.files_changed = 2;
  EXPECT_EQ(judge(facts).group, Group::ready_for_review);
  facts.standing.accepted = 100;
  EXPECT_EQ(judge(facts).state, State::idle);
  facts.standing.closed = 500;
  EXPECT_EQ(judge(facts).state, State::done);
}

TEST(AttentionLaw, WhatWasStoppedNeedsNobody) {
  EXPECT_EQ(judge(ended("aborted")).group, Group::quiet);
  EXPECT_EQ(judge(ended("rejected")).group, Group::quiet);
}

TEST(AttentionLaw, ASupervisorIsAskedFirstAndAPersonWhenTheyStaySilent) {
  Facts facts = working();
  facts.standing.owner = "sup-1";
  facts.standing.priority = Priority::P0;
  facts.requests.push_back(request());
  const Attention first = judge(facts);
  EXPECT_EQ(first.group, Group::with_supervisor);
  ASSERT_TRUE(first.next && first.next->at);
  EXPECT_EQ(*first.next->at, 61'000);
  const Attention later = attention(facts, first, {}, 61'000);
  EXPECT_EQ(later.group, Group::needs_you);
  EXPECT_EQ(later.since, first.since);
}

TEST(AttentionLaw, SinceStaysWhileItIsTheSameAndBeginsAnewForAnotherRequest) {
  Facts facts = working();
  facts.requests.push_back(request());
  const Attention first = judge(facts, 1'000);
  EXPECT_EQ(attention(facts, first, {}, 9'000).since, 1'000);
  facts.requests.front().id = "per_2";
  EXPECT_EQ(attention(facts, first, {}, 9'000).since, 9'000);
}

}  // namespace
}  // namespace quarterdeck::fleet
