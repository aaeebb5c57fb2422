// The contract of every store. A backend is a factory; a second one is one more line at the end.
#include <gtest/gtest.h>

#include "base/testing/test_loop.hpp"
#include "store/open.hpp"
#include "store/testing/samples.hpp"
#include "wire/event.hpp"
#include "wire/message.hpp"
#include "wire/session.hpp"

namespace quarterdeck::store {
namespace {

using namespace quarterdeck::store::testing;
using namespace quarterdeck::domain;

struct Backend {
  std::string name;
  std::function<Result<std::unique_ptr<Store>>(Loop&, Clock&, const std::filesystem::path&)> open;
};

class StoreContract : public ::testing::TestWithParam<Backend> {
 protected:
  StoreContract() { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = GetParam().open(loop_, clock_, dir_.path() / "data");
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  EventStore& events() { return store_->events(); }
  Query& query() { return store_->query(); }
  EventStore::Appended append(Batch batch) { return loop_.run_until(events().append(std::move(batch))); }
  EventStore::Appended append(const std::string& session_id, std::vector<Event> list) {
    return append(batch(session_id, std::move(list)));
  }
  // A session with one user message and its text.
  void make_conversation() {
    ASSERT_TRUE(append("ses_1", {SessionCreated{session("ses_1")}, MessageUpdated{user("ses_1", "msg_1")},
                                 PartUpdated{text_part("ses_1", "msg_1", "prt_1", "hello"), 5}}));
  }
  std::vector<std::string> types_after(Seq after) {
    std::vector<std::string> types;
    for (const auto& event : *query().events_after(after, 1000)) types.emplace_back(event.type);
    return types;
  }
  std::string messages(MessageSlice slice = {}) { return query().messages_json({"ses_1"}, slice)->json; }

  TempDir dir_;
  quarterdeck::testing::TestLoop loop_;
  FakeClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreContract, NumbersEventsFromOneAndWithinTheirSessionFromZero) {
  const auto first = append("ses_1", {SessionCreated{session("ses_1")}, MessageUpdated{user("ses_1", "msg_1")}});
  ASSERT_TRUE(first) << first.error().message;
  const auto second = append("ses_2", {SessionCreated{session("ses_2")}});
  ASSERT_TRUE(second);
  EXPECT_EQ(first->at(0).seq, 1);
  EXPECT_EQ(first->at(1).seq, 2);
  EXPECT_EQ(first->at(1).session_seq, 1);
  EXPECT_EQ(second->at(0).seq, 3);
  EXPECT_EQ(second->at(0).session_seq, 0);
  EXPECT_EQ(first->at(0).type, "session.created");
  EXPECT_EQ(first->at(0).directory, "/work");
  EXPECT_EQ(*first->at(0).properties, wire::encode_event({"ses_1"}, SessionCreated{session("ses_1")}).properties);
  EXPECT_TRUE(first->at(0).id.value.starts_with("evt_"));
}

TEST_P(StoreContract, TellsWhatASessionStillHasToDo) {
  make_conversation();
  ASSERT_TRUE(append("ses_1", {TurnStarted{{"msg_1"}, 2}, PromptAdmitted{{"msg_7"}}, PromptAdmitted{{"msg_8"}}}));
  EXPECT_EQ(*query().work({"ses_1"}), (SessionWork{{{"msg_1"}}, 2, {{{"msg_7"}}, {{"msg_8"}}}}));
  EXPECT_EQ(*query().sessions_with_work(), std::vector<SessionId>{{"ses_1"}});
  ASSERT_TRUE(
      append("ses_1", {TurnEnded{{"msg_1"}, "completed"}, TurnStarted{{"msg_7"}}, TurnEnded{{"msg_7"}, "completed"},
                       TurnStarted{{"msg_8"}}, TurnEnded{{"msg_8"}, "aborted"}}));
  EXPECT_EQ(*query().work({"ses_1"}), SessionWork{});
  EXPECT_TRUE(query().sessions_with_work()->empty());
}

TEST_P(StoreContract, FindsTheNewestAnswerToAPrompt) {
  make_conversation();
  EXPECT_EQ(*query().last_answer({"ses_1"}, {"msg_1"}), std::nullopt);
  auto first = assistant("ses_1", "msg_2");
  auto second = assistant("ses_1", "msg_3");
  first.parent_id = second.parent_id = {"msg_1"};
  ASSERT_TRUE(append("ses_1", {MessageUpdated{first}, MessageUpdated{second}}));
  EXPECT_EQ(*query().last_answer({"ses_1"}, {"msg_1"}), MessageId{"msg_3"});
}

TEST_P(StoreContract, ReadsBackEveryKindOfEventAsItWasAppended) {
  const PermissionRequest request{{"per_1"}, {"ses_1"}, "bash", {"ls"}, {}, {"ls *"}, ToolRef{{"msg_2"}, "call_1"}};
  const std::vector<Event> all{
      SessionCreated{session("ses_1")},
      MessageUpdated{user("ses_1", "msg_1")},
      PartUpdated{text_part("ses_1", "msg_1", "prt_1", "hi \"ü\""), 77},
      PromptAdmitted{{"msg_9"}},
      TurnStarted{{"msg_1"}},
      MessageUpdated{assistant("ses_1", "msg_2")},
      PartUpdated{text_part("ses_1", "msg_2", "prt_2", "", Span{1, {}}), 78},
      PartAppended{{"msg_2"}, {"prt_2"}, "streamed"},
      PartUpdated{tool_part("ses_1", "msg_2", "prt_3", ToolRunning{{}, {}, {}, 5}), 79},
      ToolStarted{{"msg_2"}, {"prt_3"}, 4711},
      PermissionAsked{request},
      TodoUpdated{{{"a", "pending", "high"}}},
      SessionFailed{{"APIError", "no", 500, true, {}}},
  };
  const auto stored = append("ses_1", all);
  ASSERT_TRUE(stored) << stored.error().message;
  const auto replayed = query().events_after(0, 100);
  ASSERT_TRUE(replayed) << replayed.error().message;
  ASSERT_EQ(replayed->size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(replayed->at(i).seq, stored->at(i).seq);
    EXPECT_EQ(replayed->at(i).session_seq, stored->at(i).session_seq);
    EXPECT_EQ(replayed->at(i).id, stored->at(i).id);
    EXPECT_EQ(replayed->at(i).time, stored->at(i).time);
    EXPECT_EQ(replayed->at(i).session, SessionId{"ses_1"});
    EXPECT_EQ(replayed->at(i).directory, "/work");
    EXPECT_EQ(replayed->at(i).project_id, "project");
    EXPECT_EQ(*replayed->at(i).properties, *stored->at(i).properties);
    EXPECT_EQ(wire::decode_event(replayed->at(i).type, 1, *replayed->at(i).properties), all[i]);
  }
}

TEST_P(StoreContract, ReadsBackRemovalsRepliesAndEndsOfTurns) {
  make_conversation();
  const PermissionRequest request{{"per_1"}, {"ses_1"}, "bash", {"ls"}, {}, {}, {}};
  ASSERT_TRUE(append("ses_1", {PermissionAsked{request}, TurnStarted{{"msg_1"}}}));
  const Seq before = *query().last_seq();
  const std::vector<Event> all{PermissionReplied{{"per_1"}, Reply::reject, "no"}, TurnEnded{{"msg_1"}, "completed"},
                               PartRemoved{{"msg_1"}, {"prt_1"}}, MessageRemoved{{"msg_1"}}};
  ASSERT_TRUE(append("ses_1", all));
  const auto replayed = query().events_after(before, 100);
  ASSERT_EQ(replayed->size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(wire::decode_event(replayed->at(i).type, 1, *replayed->at(i).properties), all[i]);
  }
  EXPECT_EQ(messages(), "[]");
}

TEST_P(StoreContract, KeepsOnlyTheNewestStateOfAnEntityInTheLog) {
  make_conversation();
  Session renamed = session("ses_1", 2000);
  renamed.title = "Renamed";
  ASSERT_TRUE(append("ses_1", {SessionUpdated{renamed}, SessionUpdated{renamed},
                               PartUpdated{text_part("ses_1", "msg_1", "prt_1", "changed"), 6}}));
  EXPECT_EQ(types_after(0), (std::vector<std::string>{"message.updated", "session.updated", "message.part.updated"}));
  EXPECT_EQ(query().session({"ses_1"})->title, "Renamed");
  EXPECT_EQ(query().counts()->events, 3);
}

TEST_P(StoreContract, DropsStreamedTextWhenThePartIsWhole) {
  make_conversation();
  ASSERT_TRUE(
      append("ses_1", {MessageUpdated{assistant("ses_1", "msg_2")},
                       PartUpdated{text_part("ses_1", "msg_2", "prt_2", "", Span{1, {}}), 1},
                       PartAppended{{"msg_2"}, {"prt_2"}, "Hello "}, PartAppended{{"msg_2"}, {"prt_2"}, "\"you\""}}));
  const Part streamed = text_part("ses_1", "msg_2", "prt_2", "Hello \"you\"", Span{1, {}});
  EXPECT_EQ(query().message({"ses_1"}, {"msg_2"})->parts.at(0), streamed);
  EXPECT_EQ(query().history({"ses_1"})->at(1).parts.at(0), streamed);
  EXPECT_NE(messages().find(R"(Hello \"you\")"), std::string::npos);
  EXPECT_EQ(query().open_work()->parts.at(0), streamed);

  const Part whole = text_part("ses_1", "msg_2", "prt_2", "Hello \"you\"!", Span{1, 2});
  ASSERT_TRUE(append("ses_1", {PartUpdated{whole, 2}}));
  EXPECT_EQ(query().message({"ses_1"}, {"msg_2"})->parts.at(0), whole);
  const auto types = types_after(0);
  EXPECT_EQ(std::ranges::count(types, "quarterdeck.part.appended"), 0);
  EXPECT_TRUE(query().open_work()->parts.empty());
}

TEST_P(StoreContract, AppendsABatchWhollyOrNotAtAll) {
  make_conversation();
  const auto failed = append("ses_1", {SessionUpdated{session("ses_1", 9000)}, MessageRemoved{{"msg_unknown"}}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::not_found);
  EXPECT_EQ(query().session({"ses_1"})->updated, 1000);
  EXPECT_EQ(*query().last_seq(), 3);
  EXPECT_EQ(append("ses_1", {SessionUpdated{session("ses_1", 9000)}})->at(0).seq, 4);
}

TEST_P(StoreContract, AFailingBatchDoesNotHarmItsNeighbours) {
  std::vector<std::string> order;
  for (int i = 0; i < 6; ++i) {
    const std::string id = "ses_" + std::to_string(i);
    std::vector<Event> list{SessionCreated{session(id)}};
    if (i == 2) list.push_back(MessageRemoved{{"msg_unknown"}});
    events().append(batch(id, list), [&order, i](EventStore::Appended appended) {
      order.push_back(std::to_string(i) + (appended ? "+" + std::to_string(appended->at(0).seq) : "-"));
    });
  }
  loop_.run_while([&] { return order.size() < 6; });
  EXPECT_EQ(order, (std::vector<std::string>{"0+1", "1+2", "2-", "3+3", "4+4", "5+5"}));
}

TEST_P(StoreContract, ShowsEveryCommittedEventInOrderBeforeItsAppendCompletes) {
  std::vector<Seq> seen;
  bool told_first = true;
  events().observe([&](std::span<const StoredEvent> list) {
    for (const auto& event : list) seen.push_back(event.seq);
  });
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string id = "ses_" + std::to_string(i);
    events().append(batch(id, {SessionCreated{session(id)}, SessionUpdated{session(id)}}),
                    [&](EventStore::Appended list) {
                      told_first &= std::ranges::find(seen, list->at(1).seq) != seen.end();
                      ++done;
                    });
  }
  loop_.run_while([&] { return done < 20; });
  EXPECT_TRUE(told_first);
  ASSERT_EQ(seen.size(), 40u);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<Seq>(i) + 1);
}

TEST_P(StoreContract, KeepsTheNewestRecordOfEachKey) {
  make_conversation();
  ASSERT_TRUE(append("ses_1", {RecordPut{.kind = "ref", .key = "a", .body = JsonText{R"({"n":1})"}},
                               RecordPut{.kind = "ref", .key = "b", .open = true, .body = JsonText{R"({"n":2})"}},
                               RecordPut{.kind = "note", .key = "a", .body = JsonText{"{}"}}}));
  ASSERT_TRUE(append("ses_1", {RecordPut{.kind = "ref", .key = "a", .body = JsonText{R"({"n":3})"}}}));
  const auto bodies = [&](const RecordFilter& filter) {
    std::string all;
    for (const RecordRow& row : *query().records(filter)) all += row.key + row.body.text;
    return all;
  };
  EXPECT_EQ(bodies({.kind = "ref"}), R"(b{"n":2}a{"n":3})");
  EXPECT_EQ(bodies({.kind = "ref", .session = SessionId{"ses_1"}}), R"(b{"n":2}a{"n":3})");
  EXPECT_EQ(bodies({.kind = "ref", .key = "a"}), R"(a{"n":3})");
  EXPECT_EQ(bodies({.kind = "ref", .open_only = true}), R"(b{"n":2})");
  const Seq first = query().records({.kind = "ref"})->front().seq;
  EXPECT_EQ(bodies({.kind = "ref", .after = first}), R"(a{"n":3})");
  ASSERT_TRUE(append("ses_1", {RecordPut{.kind = "ref", .key = "a"}}));
  EXPECT_EQ(bodies({.kind = "ref"}), R"(b{"n":2})");
  ASSERT_TRUE(append("ses_1", {SessionDeleted{session("ses_1")}}));
  EXPECT_EQ(bodies({.kind = "ref"}), "");
}

TEST_P(StoreContract, TellsHowTheNewestTurnOfASessionEnded) {
  make_conversation();
  EXPECT_EQ(*query().sessions_ended_with("error"), std::vector<SessionId>());
  ASSERT_TRUE(append("ses_1", {TurnStarted{{"msg_1"}}}));
  EXPECT_EQ((*query().last_turn({"ses_1"}))->reason, std::nullopt);
  ASSERT_TRUE(append("ses_1", {TurnEnded{{"msg_1"}, "error"}}));
  EXPECT_EQ((*query().last_turn({"ses_1"}))->reason, "error");
  EXPECT_EQ(*query().sessions_ended_with("error"), std::vector<SessionId>{{"ses_1"}});
  const auto events = query().session_events({"ses_1"}, 0, 1'000);
  ASSERT_TRUE(events);
  EXPECT_EQ(events->back().type, "quarterdeck.turn.ended");
  EXPECT_TRUE(query().session_events({"ses_1"}, events->back().seq, 10)->empty());
}

TEST_P(StoreContract, RefusesEventsOfSessionsItDoesNotHave) {
  EXPECT_EQ(append("ses_1", {MessageUpdated{user("ses_1", "msg_1")}}).error().code, ErrorCode::not_found);
  make_conversation();
  EXPECT_EQ(append("ses_1", {SessionCreated{session("ses_1")}}).error().code, ErrorCode::conflict);
  EXPECT_EQ(append("ses_1", {PartUpdated{text_part("ses_1", "msg_none", "prt_1", ""), 1}}).error().code,
            ErrorCode::not_found);
}

TEST_P(StoreContract, LeavesNothingOfADeletedSessionButItsTombstone) {
  make_conversation();
  const PermissionRequest request{{"per_1"}, {"ses_1"}, "bash", {"ls"}, {}, {}, {}};
  ASSERT_TRUE(append("ses_1", {PermissionAsked{request}, TodoUpdated{{{"a", "pending", "high"}}},
                               PromptAdmitted{{"msg_2"}}, TurnStarted{{"msg_1"}}}));
  ASSERT_TRUE(append("ses_1", {SessionDeleted{session("ses_1")}}));
  const Counts counts = *query().counts();
  EXPECT_EQ(counts.sessions + counts.messages + counts.parts + counts.open_requests + counts.open_turns, 0);
  EXPECT_EQ(query().session_json({"ses_1"}).error().code, ErrorCode::not_found);
  // The next session must not be taken for the deleted one.
  ASSERT_TRUE(append("ses_2", {SessionCreated{session("ses_2")}}));
  const auto left = *query().events_after(0, 100);
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].type, "session.deleted");
  EXPECT_EQ(left[0].session, SessionId{"ses_1"});
  EXPECT_EQ(left[0].directory, "/work");
  EXPECT_EQ(left[0].project_id, "project");
  EXPECT_EQ(left[1].session, SessionId{"ses_2"});
}

TEST_P(StoreContract, AnswersARequestOnce) {
  make_conversation();
  const PermissionRequest request{{"per_1"}, {"ses_1"}, "bash", {"ls"}, {}, {"ls *"}, {}};
  ASSERT_TRUE(append("ses_1", {PermissionAsked{request}}));
  EXPECT_EQ(*query().open_requests({"ses_1"}), std::vector{request});
  EXPECT_TRUE(query().request({"per_1"})->open);
  EXPECT_NE(query().requests_json("/work")->find("per_1"), std::string::npos);
  EXPECT_EQ(*query().requests_json("/elsewhere"), "[]");
  ASSERT_TRUE(append("ses_1", {PermissionReplied{{"per_1"}, Reply::once, {}}}));
  EXPECT_EQ(append("ses_1", {PermissionReplied{{"per_1"}, Reply::reject, {}}}).error().code, ErrorCode::conflict);
  EXPECT_EQ(append("ses_1", {PermissionReplied{{"per_2"}, Reply::once, {}}}).error().code, ErrorCode::not_found);
  EXPECT_FALSE(query().request({"per_1"})->open);
  EXPECT_EQ(*query().requests_json({}), "[]");
}

TEST_P(StoreContract, TellsWhatACrashLeftOpen) {
  make_conversation();
  ASSERT_TRUE(append("ses_1", {PromptAdmitted{{"msg_1"}}, PromptAdmitted{{"msg_5"}}}));
  EXPECT_EQ(query().open_work()->inbox.size(), 2u);
  AssistantMessage answer = assistant("ses_1", "msg_2");
  ASSERT_TRUE(append("ses_1", {TurnStarted{{"msg_1"}}, MessageUpdated{answer},
                               PartUpdated{tool_part("ses_1", "msg_2", "prt_2", ToolRunning{}), 1},
                               ToolStarted{{"msg_2"}, {"prt_2"}, 99}}));
  reopen();
  const OpenWork open = *query().open_work();
  ASSERT_EQ(open.turns.size(), 1u);
  EXPECT_EQ(open.turns[0].message, MessageId{"msg_1"});
  ASSERT_EQ(open.inbox.size(), 1u);
  EXPECT_EQ(open.inbox[0].message, MessageId{"msg_5"});
  EXPECT_EQ(open.messages, std::vector{answer});
  ASSERT_EQ(open.parts.size(), 1u);
  EXPECT_EQ(open.parts[0].id, PartId{"prt_2"});

  answer.completed = 5;
  ASSERT_TRUE(
      append("ses_1", {PartUpdated{tool_part("ses_1", "msg_2", "prt_2", ToolError{{}, "interrupted", {}, 1, 2}), 2},
                       MessageUpdated{answer}, TurnEnded{{"msg_1"}, "interrupted"}}));
  const OpenWork none = *query().open_work();
  EXPECT_TRUE(none.turns.empty() && none.messages.empty() && none.parts.empty());
  const auto types = types_after(0);
  EXPECT_EQ(std::ranges::count(types, "quarterdeck.tool.started"), 0);
  EXPECT_EQ(std::ranges::count(types, "quarterdeck.turn.started"), 0);
}

TEST_P(StoreContract, ListsSessionsByFilterNewestFirst) {
  Session child = session("ses_child", 3000);
  child.parent_id = SessionId{"ses_a"};
  Session elsewhere = session("ses_b", 2000);
  elsewhere.directory = "/elsewhere";
  elsewhere.path = "sub";
  elsewhere.title = "100% Fun";
  ASSERT_TRUE(append("ses_a", {SessionCreated{session("ses_a", 1000)}}));
  ASSERT_TRUE(append("ses_b", {SessionCreated{elsewhere}}));
  ASSERT_TRUE(append("ses_child", {SessionCreated{child}}));
  const auto ids = [&](SessionFilter filter) {
    std::string all;
    for (const auto& each : *query().sessions(filter)) all += each.id.value.substr(4) + " ";
    return all;
  };
  EXPECT_EQ(ids({}), "child b a ");
  EXPECT_EQ(ids({.directory = "/work"}), "child a ");
  EXPECT_EQ(ids({.project_id = "project"}), "child b a ");
  EXPECT_EQ(ids({.project_id = "other"}), "");
  EXPECT_EQ(ids({.project_id = "project", .path = "sub"}), "b ");
  EXPECT_EQ(ids({.path = "sub"}), "b ");
  EXPECT_EQ(ids({.roots = true}), "b a ");
  EXPECT_EQ(ids({.roots = false}), "child ");
  EXPECT_EQ(ids({.updated_since = 2000}), "child b ");
  EXPECT_EQ(ids({.search = "fUN"}), "b ");
  EXPECT_EQ(ids({.search = "0%"}), "b ");
  EXPECT_EQ(ids({.search = "_"}), "child a ");
  EXPECT_EQ(ids({.limit = 1}), "child ");
  EXPECT_EQ(ids({.limit = 0}), "");
  EXPECT_EQ(ids({.updated_before = 2000}), "a ");
  EXPECT_EQ(*query().sessions_json({.limit = 1}), "[" + wire::encode_session(child) + "]");
  EXPECT_EQ(*query().children({"ses_a"}), std::vector{SessionId{"ses_child"}});
  EXPECT_EQ(*query().children_json({"ses_a"}), "[" + wire::encode_session(child) + "]");
  EXPECT_EQ(query().children_json({"ses_none"}).error().code, ErrorCode::not_found);
}

TEST_P(StoreContract, WalksThroughSessionsByCursorInBothDirections) {
  // b and c share a time: their ids decide.
  for (const auto& [id, time] : {std::pair{"ses_a", 1000}, {"ses_c", 2000}, {"ses_b", 2000}, {"ses_d", 3000}}) {
    Session made = session(id, time);
    if (id == std::string_view("ses_d")) made.archived = 3000;
    ASSERT_TRUE(append(id, {SessionCreated{made}}));
  }
  const auto ids = [&](SessionOrder order, std::optional<SessionCursor> after, SessionFilter filter = {}) {
    filter.order = order;
    filter.after = std::move(after);
    std::string all;
    for (const auto& each : *query().sessions(filter)) all += each.id.value.substr(4) + " ";
    return all;
  };
  EXPECT_EQ(ids(SessionOrder::newest, {}), "d c b a ");
  EXPECT_EQ(ids(SessionOrder::newest, SessionCursor{2000, {"ses_c"}}), "b a ");
  EXPECT_EQ(ids(SessionOrder::newest, SessionCursor{2000, {"ses_gone"}}), "c b a ");
  EXPECT_EQ(ids(SessionOrder::oldest, {}), "a b c d ");
  EXPECT_EQ(ids(SessionOrder::oldest, SessionCursor{2000, {"ses_b"}}), "c d ");
  EXPECT_EQ(ids(SessionOrder::oldest, SessionCursor{2000, {"ses_b"}}, {.project_id = "project"}), "c d ");
  EXPECT_EQ(ids(SessionOrder::oldest, SessionCursor{3000, {"ses_d"}}), "");
  EXPECT_EQ(ids(SessionOrder::newest, {}, {.directory = "/work", .archived = false, .limit = 2}), "c b ");
  EXPECT_EQ(ids(SessionOrder::newest, {}, {.archived = true}), "d ");
}

TEST_P(StoreContract, PagesMessagesBackwardsAndShowsThemForwards) {
  ASSERT_TRUE(append("ses_1", {SessionCreated{session("ses_1")}}));
  // Two share a time; one comes late with an old time; parts come out of order.
  for (const auto& [id, time] : std::vector<std::pair<std::string, TimeMs>>{
           {"msg_a", 1}, {"msg_b", 2}, {"msg_c", 2}, {"msg_d", 3}, {"msg_0", 0}}) {
    ASSERT_TRUE(append("ses_1", {MessageUpdated{user("ses_1", id, time)},
                                 PartUpdated{text_part("ses_1", id, "prt_" + id + "2", "two"), 1},
                                 PartUpdated{text_part("ses_1", id, "prt_" + id + "1", "one"), 1}}));
  }
  const auto ids = [](const std::string& json) {
    std::string all;
    for (const auto& each : *wire::decode_messages_with_parts(json)) {
      EXPECT_EQ(each.parts.size(), 2u);
      EXPECT_LT(each.parts[0].id, each.parts[1].id);
      all += domain::id_of(each.info).value.substr(4);
    }
    return all;
  };
  EXPECT_EQ(ids(messages()), "0abcd");
  const auto newest = query().messages_json({"ses_1"}, {.limit = 2});
  EXPECT_EQ(ids(newest->json), "cd");
  ASSERT_EQ(newest->next, (MessageCursor{{"msg_c"}, 2}));
  const auto older = query().messages_json({"ses_1"}, {.limit = 2, .before = newest->next});
  EXPECT_EQ(ids(older->json), "ab");
  const auto oldest = query().messages_json({"ses_1"}, {.limit = 2, .before = older->next});
  EXPECT_EQ(ids(oldest->json), "0");
  EXPECT_FALSE(oldest->next);
  EXPECT_EQ(query().messages_json({"ses_none"}, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(query().message_json({"ses_1"}, {"msg_none"}).error().code, ErrorCode::not_found);
}

TEST_P(StoreContract, KeepsEverythingOverAReopen) {
  make_conversation();
  ASSERT_TRUE(append("ses_1", {TodoUpdated{{{"a", "pending", "high"}}}}));
  const std::string before = messages();
  reopen();
  EXPECT_EQ(messages(), before);
  EXPECT_EQ(*query().todos_json({"ses_1"}), R"([{"content":"a","status":"pending","priority":"high"}])");
  EXPECT_EQ(*query().last_seq(), 4);
  EXPECT_EQ(append("ses_1", {SessionUpdated{session("ses_1")}})->at(0).seq, 5);
}

TEST_P(StoreContract, ReplaysInPages) {
  for (int i = 0; i < 10; ++i) {
    const std::string id = "ses_" + std::to_string(i);
    ASSERT_TRUE(append(id, {SessionCreated{session(id)}}));
  }
  const auto page = query().events_after(3, 4);
  ASSERT_EQ(page->size(), 4u);
  EXPECT_EQ(page->front().seq, 4);
  EXPECT_EQ(page->back().seq, 7);
  EXPECT_TRUE(query().events_after(10, 4)->empty());
}

TEST_P(StoreContract, RemembersProjects) {
  Project project{.id = "p1", .worktree = "/work", .vcs = "git", .created = 1, .updated = 2};
  ASSERT_TRUE(loop_.run_until(events().put_project(project)));
  project.name = "Named";
  ASSERT_TRUE(loop_.run_until(events().put_project(project)));
  EXPECT_EQ(*query().projects(), std::vector{project});
  EXPECT_EQ(query().project("p1"), project);
  EXPECT_EQ(query().project("p2").error().code, ErrorCode::not_found);
}

TEST_P(StoreContract, WritesWhatIsQueuedBeforeItCloses) {
  bool called = false;
  events().append(batch("ses_1", {SessionCreated{session("ses_1")}}), [&](EventStore::Appended) { called = true; });
  reopen();
  EXPECT_TRUE(query().session({"ses_1"}));
  loop_.run_once(0);
  EXPECT_TRUE(called);
}

TEST_P(StoreContract, KeepsAQuestionOpenUntilItIsAnsweredOnce) {
  const QuestionRequest request{.id = {"que_1"},
                                .session_id = {"ses_1"},
                                .questions = {{.question = "Q?", .header = "H", .options = {}}},
                                .tool = ToolRef{{"msg_1"}, "call_1"}};
  ASSERT_TRUE(append("ses_1", {SessionCreated{session("ses_1")}, QuestionAsked{request}}));
  EXPECT_EQ(append("ses_1", {QuestionAsked{request}}).error().code, ErrorCode::conflict);
  reopen();
  EXPECT_EQ(*query().open_questions({"ses_1"}), std::vector{request});
  EXPECT_TRUE(query().question({"que_1"})->open);
  EXPECT_NE(query().questions_json({})->find("que_1"), std::string::npos);
  EXPECT_EQ(*query().questions_json("/elsewhere"), "[]");
  EXPECT_EQ(query().events_after(1, 10)->at(0).type, "question.asked");
  ASSERT_TRUE(append("ses_1", {QuestionReplied{{"que_1"}, {{"A"}}}}));
  EXPECT_FALSE(query().question({"que_1"})->open);
  EXPECT_EQ(query().question_of({"ses_1"}, {{"msg_1"}, "call_1"})->value().answers, Answers{{"A"}});
  EXPECT_FALSE(*query().question_of({"ses_1"}, {{"msg_2"}, "call_1"}));
  EXPECT_EQ(append("ses_1", {QuestionRejected{{"que_1"}}}).error().code, ErrorCode::conflict);
  EXPECT_EQ(append("ses_1", {QuestionRejected{{"que_2"}}}).error().code, ErrorCode::not_found);
  EXPECT_EQ(query().question({"que_2"}).error().code, ErrorCode::not_found);
  ASSERT_TRUE(append("ses_1", {SessionDeleted{session("ses_1")}}));
  EXPECT_EQ(query().question({"que_1"}).error().code, ErrorCode::not_found);
}

TEST_P(StoreContract, RemembersSavedRulesOfAProjectBeyondTheirSession) {
  ASSERT_TRUE(append("ses_1", {SessionCreated{session("ses_1")}}));
  ASSERT_TRUE(append("ses_1", {RulesSaved{{{"rule_1", "bash", "git *"}, {"rule_2", "edit", "*"}}}}));
  // The same rule again is the same rule.
  ASSERT_TRUE(append("ses_1", {RulesSaved{{{"rule_3", "bash", "git *"}}}}));
  ASSERT_TRUE(append("ses_1", {SessionDeleted{session("ses_1")}}));
  reopen();
  const auto rules = query().saved_rules({});
  ASSERT_EQ(rules->size(), 2u);
  EXPECT_EQ(rules->at(0).rule, (SavedRule{"rule_1", "bash", "git *"}));
  EXPECT_EQ(query().saved_rules(rules->at(0).project_id)->size(), 2u);
  EXPECT_TRUE(query().saved_rules("other")->empty());
  ASSERT_TRUE(loop_.run_until(events().remove_saved_rule("rule_1")));
  ASSERT_TRUE(loop_.run_until(events().remove_saved_rule("rule_1")));
  EXPECT_EQ(query().saved_rules({})->size(), 1u);
}

TEST_P(StoreContract, FindsTasksInTheBackgroundUntilTheyAreDelivered) {
  Session task = session("ses_1");
  task.metadata = JsonText{R"({"quarterdeck":{"background":{"parent":"ses_0"}}})"};
  ASSERT_TRUE(append("ses_1", {SessionCreated{task}}));
  Session other = session("ses_2");
  other.metadata = JsonText{R"({"background":true})"};
  ASSERT_TRUE(append("ses_2", {SessionCreated{other}}));
  EXPECT_EQ(*query().background_tasks(), std::vector{SessionId{"ses_1"}});
  task.metadata = JsonText{R"({"quarterdeck":{}})"};
  ASSERT_TRUE(append("ses_1", {SessionUpdated{task}}));
  EXPECT_TRUE(query().background_tasks()->empty());
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         ::testing::Values(Backend{"sqlite",
                                                   [](Loop& loop, Clock& clock, const std::filesystem::path& path) {
                                                     return open_sqlite(loop, clock, system_random(),
                                                                        {.directory = path});
                                                   }}),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace quarterdeck::store
