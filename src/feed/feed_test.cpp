#include "feed/feed.hpp"

#include <gtest/gtest.h>

#include "base/testing/test_loop.hpp"
#include "net/sse.hpp"
#include "store/open.hpp"
#include "store/testing/samples.hpp"
#include "wire/json.hpp"

namespace quarterdeck::feed {
namespace {

using namespace quarterdeck::domain;
using quarterdeck::testing::TestLoop;
using store::Seq;
using store::StoredEvent;

StoredEvent stored(Seq seq, const std::string& directory = "/a", std::string_view type = "session.updated") {
  return {seq,       seq - 1,   {"evt_" + std::to_string(seq)},
          1,         type,      std::make_shared<const std::string>("{\"n\":" + std::to_string(seq) + "}"),
          {"ses_1"}, directory, "prj"};
}

// A client that reads when it is told to, and understands frames.
struct Client {
  explicit Client(std::unique_ptr<net::Stream> from) : stream(std::move(from)) {}

  std::string take(std::size_t bytes_max = 1 << 30) {
    auto batch = stream->take(bytes_max);
    ended |= batch.end;
    std::string bytes;
    for (const auto& piece : batch.pieces) bytes += *piece;
    decoder.feed(bytes);
    while (auto event = decoder.next()) {
      // The greeting of who comes back has none.
      if (event->id.empty()) {
        events.push_back(*event);
        continue;
      }
      positions.push_back(std::stoll(event->id));
      if (live_part(positions.back()) == 0) ids.push_back(seq_of(positions.back()));
      events.push_back(*event);
    }
    return bytes;
  }
  // Reads as a connection does: until nothing is there, then waits for the wake.
  void follow() {
    while (!take().empty() && !ended) {}
    if (!ended)
      stream->when_ready([this] {
        ++wakes;
        follow();
      });
  }
  std::vector<std::string> types() const {
    std::vector<std::string> all;
    for (const auto& event : events) {
      const wire::Json json = *wire::parse(event.data);
      const wire::Json* payload = wire::value_at(json, "payload");
      all.push_back(wire::string_at(payload ? *payload : json, "type"));
    }
    return all;
  }

  std::unique_ptr<net::Stream> stream;
  net::SseDecoder decoder;
  std::vector<net::SseEvent> events;
  std::vector<Position> positions;  // of every frame
  std::vector<Seq> ids;             // of the durable ones
  bool ended = false;
  int wakes = 0;
};

struct FeedTest : ::testing::Test {
  Result<std::vector<StoredEvent>> events_after(Seq after, std::int64_t limit) {
    const std::scoped_lock lock(mutex);
    std::vector<StoredEvent> page;
    for (const auto& event : log) {
      if (event.seq > after && std::ssize(page) < limit) page.push_back(event);
    }
    return page;
  }
  Feed make(FeedOptions options = {}, Seq last_seq = 0) {
    return Feed(
        loop, *pool, clock, system_random(),
        [this](Seq after, std::int64_t limit) { return events_after(after, limit); }, last_seq, options);
  }
  void commit(Feed& feed, StoredEvent event) {
    {
      const std::scoped_lock lock(mutex);
      log.push_back(event);
    }
    feed.publish(event);
  }
  // Each round lets one more page of a replay come through the pool, however busy the machine is.
  void settle() {
    for (int round = 0; round < 16; ++round) {
      bool through = false;
      pool->submit([this, &through] { loop.post([&through] { through = true; }); });
      loop.run_while([&] { return !through; });
    }
    loop.run_for_ms(20);
  }

  TestLoop loop;
  FakeClock clock;
  std::mutex mutex;
  std::vector<StoredEvent> log;
  std::unique_ptr<BlockingPool> pool = make_blocking_pool(1);  // ends before what its jobs read
};

const DeltaEnvelope kDelta{{"ses_1"}, "/a", "prj", TextDelta{{"msg_1"}, {"prt_1"}, "text", "hi"}};

TEST_F(FeedTest, GreetsAndThenShowsEventsInTheInstanceForm) {
  Feed feed = make();
  Client client(feed.subscribe({"/a"}));
  client.follow();
  feed.publish(stored(1));
  feed.publish(kDelta);
  settle();
  EXPECT_EQ(client.types(), (std::vector<std::string>{"server.connected", "session.updated", "message.part.delta"}));
  EXPECT_EQ(client.events[1].data, R"({"id":"evt_1","type":"session.updated","properties":{"n":1}})");
  EXPECT_EQ(client.ids, std::vector<Seq>{1});
  const wire::Json delta = *wire::parse(client.events[2].data);
  EXPECT_TRUE(wire::string_at(delta, "id").starts_with("evt_"));
  EXPECT_EQ(wire::to_text(delta.at("properties")),
            R"({"sessionID":"ses_1","messageID":"msg_1","partID":"prt_1","field":"text","delta":"hi"})");
}

TEST_F(FeedTest, WrapsEventsInTheGlobalFormAndRepeatsDurableOnesAsSync) {
  Feed feed = make();
  Client client(feed.subscribe({}));
  client.follow();
  feed.publish(stored(7));
  feed.publish(stored(8, "/b", "permission.replied"));
  feed.publish(kDelta);
  settle();
  ASSERT_EQ(client.types(), (std::vector<std::string>{"server.connected", "session.updated", "sync",
                                                      "permission.replied", "message.part.delta"}));
  EXPECT_TRUE(client.events[0].data.starts_with(R"({"payload":{"id":"evt_)")) << client.events[0].data;
  EXPECT_EQ(
      client.events[1].data,
      R"({"directory":"/a","project":"prj","payload":{"id":"evt_7","type":"session.updated","properties":{"n":7}}})");
  EXPECT_EQ(
      client.events[2].data,
      R"({"directory":"/a","project":"prj","payload":{"type":"sync","syncEvent":{"id":"evt_7","type":"session.updated.1",)"
      R"("seq":6,"aggregateID":"ses_1","data":{"n":7}},"id":"evt_7"}})");
}

TEST_F(FeedTest, ShowsAnInstanceOnlyItsOwnDirectory) {
  Feed feed = make();
  Client a(feed.subscribe({"/a"}));
  Client b(feed.subscribe({"/b"}));
  Client all(feed.subscribe({}));
  for (Client* client : {&a, &b, &all}) client->follow();
  feed.publish(stored(1, "/a"));
  feed.publish(stored(2, "/b"));
  feed.publish(kDelta);
  feed.publish(Notice{"/b", "prj", "lsp.updated"});
  settle();
  EXPECT_EQ(a.types(), (std::vector<std::string>{"server.connected", "session.updated", "message.part.delta"}));
  EXPECT_EQ(b.types(), (std::vector<std::string>{"server.connected", "session.updated", "lsp.updated"}));
  EXPECT_EQ(all.ids, (std::vector<Seq>{1, 2}));
}

TEST_F(FeedTest, HidesOurOwnEvents) {
  Feed feed = make();
  Client client(feed.subscribe({}));
  client.follow();
  feed.publish(stored(1, "/a", "quarterdeck.turn.started"));
  settle();
  EXPECT_EQ(client.types(), std::vector<std::string>{"server.connected"});
}

TEST_F(FeedTest, WakesASubscriberOncePerLoopTurn) {
  Feed feed = make();
  Client client(feed.subscribe({"/a"}));
  client.follow();
  loop.post([&] {
    for (Seq seq = 1; seq <= 100; ++seq) feed.publish(stored(seq));
  });
  settle();
  EXPECT_EQ(client.ids.size(), 100u);
  EXPECT_EQ(client.wakes, 1);
}

TEST_F(FeedTest, KeepsNothingWhenEverybodyHasRead) {
  Feed feed = make({.recent_bytes_max = 0});
  feed.publish(stored(1));
  EXPECT_EQ(feed.waiting_bytes(), 0u);
  Client fast(feed.subscribe({}));
  Client slow(feed.subscribe({}));
  fast.follow();
  for (Seq seq = 2; seq <= 100; ++seq) feed.publish(stored(seq));
  settle();
  EXPECT_GT(feed.waiting_bytes(), 0u);
  slow.take();
  EXPECT_EQ(slow.ids, fast.ids);
  EXPECT_EQ(feed.waiting_bytes(), 0u);
}

TEST_F(FeedTest, TellsTheOneWhoFellOutAndHoldsItsBudget) {
  Feed feed = make({.bytes_max = 64 * 1024});
  Client slow(feed.subscribe({"/a"}));
  Client fast(feed.subscribe({"/a"}));
  slow.take();
  fast.follow();
  Seq seq = 0;
  feed.publish(stored(++seq));
  settle();
  slow.take();
  for (int turn = 0; turn < 200; ++turn) {
    for (int i = 0; i < 50; ++i) feed.publish(stored(++seq));
    loop.run_once(0);
    loop.run_once(0);
    EXPECT_LE(feed.waiting_bytes(), 64u * 1024);
  }
  settle();
  EXPECT_EQ(std::ssize(fast.ids), seq);
  slow.take();
  EXPECT_TRUE(slow.ended);
  EXPECT_EQ(slow.types().back(), "server.overrun");
  EXPECT_NE(slow.events.back().data.find(fmt::format(R"("properties":{{"lastEventID":{}}})", position_of(1))),
            std::string::npos)
      << slow.events.back().data;
  EXPECT_EQ(feed.subscribers(), 1u);
  EXPECT_TRUE(slow.stream->take(1).end);
}

TEST_F(FeedTest, ReplaysWhatWasMissedAndGoesOnLive) {
  for (Seq seq = 1; seq <= 25; ++seq) log.push_back(stored(seq, seq % 2 ? "/a" : "/b"));
  Feed feed = make({.replay_page_events = 4}, 25);
  Client global(feed.subscribe({}, position_of(10) + 1));
  Client a(feed.subscribe({"/a"}, position_of(3)));
  global.follow();
  a.follow();
  commit(feed, stored(26));
  settle();
  std::vector<Seq> expected;
  for (Seq seq = 11; seq <= 26; ++seq) expected.push_back(seq);
  EXPECT_EQ(global.ids, expected);
  EXPECT_EQ(a.ids, (std::vector<Seq>{5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 26}));
  EXPECT_EQ(global.types().front(), "server.connected");
}

TEST_F(FeedTest, EndsAStreamWhoseReplayFails) {
  Feed feed(
      loop, *pool, clock, system_random(),
      [](Seq, std::int64_t) -> Result<std::vector<StoredEvent>> { return fail(ErrorCode::unavailable, "gone"); }, 9);
  Client client(feed.subscribe({}, position_of(4)));
  client.follow();
  loop.run_while([&] { return !client.ended; });
  EXPECT_EQ(client.types().back(), "server.overrun");
}

TEST_F(FeedTest, BeatsWhileSomebodyListens) {
  Feed feed = make({.heartbeat_ms = 5});
  Client global(feed.subscribe({}));
  Client a(feed.subscribe({"/a"}));
  global.follow();
  a.follow();
  loop.run_while([&] { return a.events.size() < 3 || global.events.size() < 3; });
  EXPECT_EQ(a.types()[1], "server.heartbeat");
  EXPECT_TRUE(global.events[2].data.starts_with(R"({"payload":{)"));
  EXPECT_TRUE(a.ids.empty());
}

TEST_F(FeedTest, EndsEveryStreamWhenItCloses) {
  std::unique_ptr<Feed> feed(new Feed(make()));
  Client reading(feed->subscribe({}));
  Client other(feed->subscribe({"/a"}));
  reading.follow();
  feed->publish(stored(1));
  feed.reset();
  settle();
  EXPECT_TRUE(reading.ended);
  EXPECT_EQ(reading.ids, std::vector<Seq>{1});
  other.follow();
  settle();
  EXPECT_TRUE(other.ended);
  EXPECT_EQ(other.ids, std::vector<Seq>{1});
}

TEST_F(FeedTest, LosesNoSubscriberThatDiesInAWake) {
  Feed feed = make();
  Client first(feed.subscribe({}));
  Client second(feed.subscribe({}));
  first.take();
  second.take();
  first.stream->when_ready([&] { second.stream.reset(); });
  second.stream->when_ready([&] { FAIL() << "dead subscribers are not woken"; });
  feed.publish(stored(1));
  settle();
  EXPECT_EQ(feed.subscribers(), 1u);
}

DeltaEnvelope delta(std::string text, std::string part = "prt_1") {
  return {{"ses_1"}, "/a", "prj", TextDelta{{"msg_1"}, {std::move(part)}, "text", std::move(text)}};
}

StoredEvent part_updated(Seq seq, const std::string& text, const std::string& part = "prt_1") {
  StoredEvent event = stored(seq, "/a", "message.part.updated");
  event.properties = std::make_shared<const std::string>(
      fmt::format(R"({{"sessionID":"ses_1","part":{{"id":"{}","type":"text","text":"{}"}},"time":1}})", part, text));
  return event;
}

TEST_F(FeedTest, GivesEveryFrameAnIdThatAscends) {
  Feed feed = make({.heartbeat_ms = 5});
  Client global(feed.subscribe({}));
  Client a(feed.subscribe({"/a"}));
  global.follow();
  a.follow();
  feed.publish(stored(1));
  feed.publish(kDelta);
  feed.publish(Notice{"/a", "prj", "lsp.updated"});
  feed.publish(stored(2));
  loop.run_while([&] { return a.types().back() != "server.heartbeat" || global.types().back() != "server.heartbeat"; });
  for (const Client* client : {&global, &a}) {
    ASSERT_EQ(client->positions.size(), client->events.size());
    for (std::size_t i = 1; i < client->positions.size(); ++i) {
      EXPECT_GT(client->positions[i], client->positions[i - 1]) << client->types()[i];
    }
  }
}

TEST_F(FeedTest, GivesWhoComesBackSoonExactlyWhatFollows) {
  Feed feed = make();
  Client undisturbed(feed.subscribe({}));
  undisturbed.follow();
  std::vector<net::SseEvent> seen;
  std::optional<Position> last;
  Seq seq = 0;
  for (int round = 0; round < 60; ++round) {
    {
      Client client(feed.subscribe({}, last));
      client.follow();
      if (round % 3 == 0) feed.publish(part_updated(++seq, ""));
      feed.publish(delta(fmt::format("{} ", round)));
      if (round % 2 == 0) settle();
      client.take();
      // All but the greeting.
      for (std::size_t i = 1; i < client.events.size(); ++i) seen.push_back(client.events[i]);
      if (!client.positions.empty()) last = client.positions.back();
    }
    // While it is away.
    feed.publish(delta("away "));
    if (round % 5 == 0) feed.publish(stored(++seq));
    settle();
  }
  Client client(feed.subscribe({}, last));
  client.follow();
  settle();
  for (std::size_t i = 1; i < client.events.size(); ++i) seen.push_back(client.events[i]);
  ASSERT_EQ(seen.size(), undisturbed.events.size() - 1);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], undisturbed.events[i + 1]) << i;
}

TEST_F(FeedTest, ReadsFromTheStoreWhatTheChannelNoLongerHas) {
  Feed feed = make({.recent_bytes_max = 1000});
  Client first(feed.subscribe({"/a"}));
  first.follow();
  commit(feed, stored(1));
  settle();
  const Position last = first.positions.back();
  first.stream.reset();
  for (Seq seq = 2; seq <= 100; ++seq) {
    commit(feed, stored(seq));
    feed.publish(kDelta);
    settle();
  }
  EXPECT_LE(feed.waiting_bytes(), 1000u);
  Client again(feed.subscribe({"/a"}, last));
  again.follow();
  loop.run_while([&] { return again.ids.empty() || again.ids.back() < 100; });
  EXPECT_EQ(again.ids.front(), 2);
  EXPECT_EQ(again.ids.size(), 99u);
}

TEST_F(FeedTest, ForgetsAChannelThatNobodyComesBackTo) {
  Feed feed = make({.linger_ms = 5});
  {
    Client client(feed.subscribe({"/a"}));
    client.follow();
    feed.publish(stored(1));
    settle();
  }
  loop.run_while([&] { return feed.waiting_bytes() > 0; });
}

TEST_F(FeedTest, ShowsALateJoinerTheWholeOfAPartThatIsStreamed) {
  Feed feed = make();
  feed.publish(part_updated(1, ""));
  for (const char* text : {"He", "ll", "o \\"}) feed.publish(delta(text));
  Client late(feed.subscribe({"/a"}));
  Client global(feed.subscribe({}));
  Client elsewhere(feed.subscribe({"/b"}));
  for (Client* client : {&late, &global, &elsewhere}) client->follow();
  feed.publish(delta("world"));
  settle();
  ASSERT_EQ(late.types(), (std::vector<std::string>{"server.connected", "message.part.updated", "message.part.delta"}));
  EXPECT_NE(late.events[1].data.find(R"("text":"Hello \\")"), std::string::npos) << late.events[1].data;
  EXPECT_EQ(global.types(), late.types());
  EXPECT_EQ(elsewhere.types(), std::vector<std::string>{"server.connected"});
  // Nothing is shown twice once the part has its end.
  feed.publish(part_updated(2, "Hello world"));
  Client later(feed.subscribe({"/a"}));
  later.follow();
  settle();
  EXPECT_EQ(later.types(), std::vector<std::string>{"server.connected"});
}

TEST_F(FeedTest, GoesOnWithTheIdsOfTheRunBeforeARestart) {
  Feed feed = make({}, 7);
  const Position before = position_of(7) + 40;
  Client client(feed.subscribe({"/a"}, before));
  client.follow();
  feed.publish(kDelta);
  settle();
  EXPECT_EQ(client.types(), (std::vector<std::string>{"server.connected", "message.part.delta"}));
  EXPECT_GT(client.positions.back(), before);
}

TEST_F(FeedTest, GivesTheNewestEventsRepetitionsIdToNothingElseAfterARestart) {
  Feed feed = make({}, 7);
  const Position repetition = position_of(7) + 1;  // what the run before gave out last
  Client client(feed.subscribe({}, repetition));
  client.follow();
  feed.publish(kDelta);
  settle();
  ASSERT_FALSE(client.positions.empty());
  EXPECT_GT(client.positions.front(), repetition);
}

TEST_F(FeedTest, SaysLastWordsThatLeadBackToTheRightPlace) {
  Feed feed = make();
  Client slow(feed.subscribe({"/a"}));
  slow.take();
  feed.publish(stored(1));
  settle();
  slow.take();
  feed.publish(stored(2));
  settle();
  const auto words = slow.stream->last_words();
  ASSERT_TRUE(words.end);
  EXPECT_NE(words.pieces.at(0)->find("server.overrun"), std::string::npos);
  Client again(feed.subscribe({"/a"}, slow.positions.back()));
  again.follow();
  settle();
  EXPECT_EQ(again.ids, std::vector<Seq>{2});
}

// With the real store under concurrent appends: whoever comes back sees each durable state once, in order.
TEST_F(FeedTest, ResumesWithoutGapsWhileEventsKeepComing) {
  const store::testing::TempDir dir;
  auto opened = store::open_sqlite(loop, system_clock(), system_random(), {.directory = dir.path()});
  ASSERT_TRUE(opened);
  store::EventStore& events = (*opened)->events();
  store::Query& query = (*opened)->query();
  Feed feed(loop, *pool, clock, system_random(),
            [&](Seq after, std::int64_t limit) { return query.events_after(after, limit); }, 0,
            {.replay_page_events = 7});
  events.observe([&](std::span<const StoredEvent> list) {
    for (const auto& event : list) feed.publish(event);
  });
  ASSERT_TRUE(loop.run_until(
      events.append(store::testing::batch("ses_1", {SessionCreated{store::testing::session("ses_1")}}))));
  int done = 0;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 300; ++i) {
    const std::string id = fmt::format("msg_{:03}", i);
    events.append(store::testing::batch("ses_1", {MessageUpdated{store::testing::user("ses_1", id)}}),
                  [&](store::EventStore::Appended result) {
                    ASSERT_TRUE(result);
                    ++done;
                    if (done % 20 == 0) {
                      clients.push_back(std::make_unique<Client>(feed.subscribe({"/work"}, position_of(done / 2))));
                      clients.back()->follow();
                    }
                  });
    if (i % 3 == 0) loop.run_once(0);
  }
  loop.run_while([&] { return done < 300; });
  const auto complete = [](const std::unique_ptr<Client>& client) {
    return !client->ids.empty() && client->ids.back() == 301;
  };
  loop.run_while([&] { return !std::ranges::all_of(clients, complete); });
  ASSERT_EQ(clients.size(), 15u);
  for (std::size_t c = 0; c < clients.size(); ++c) {
    const Seq first = static_cast<Seq>(c + 1) * 10 + 1;
    ASSERT_EQ(clients[c]->ids.front(), first);
    ASSERT_EQ(std::ssize(clients[c]->ids), 301 - first + 1);
    for (std::size_t i = 0; i < clients[c]->ids.size(); ++i) ASSERT_EQ(clients[c]->ids[i], first + static_cast<Seq>(i));
  }
}

}  // namespace
}  // namespace quarterdeck::feed
