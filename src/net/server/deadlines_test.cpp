#include "net/server/deadlines.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "net/event_loop.hpp"

namespace quarterdeck::net {
namespace {

TEST(Deadlines, PassInTheirOrderWhateverTheyWereBefore) {
  const auto loop = make_event_loop();
  Deadlines deadlines(*loop);
  std::vector<int> passed;
  Deadlines::Entry later(deadlines, [&] {
    passed.push_back(1);
    loop->stop();
  });
  Deadlines::Entry sooner(deadlines, [&] { passed.push_back(2); });
  Deadlines::Entry cleared(deadlines, [&] { passed.push_back(3); });
  const std::int64_t now = Deadlines::now_ms();
  later.set(now + 5);
  sooner.set(now + 100'000);
  cleared.set(now + 1);
  later.set(now + 30);
  sooner.set(now + 10);
  cleared.clear();
  loop->run();
  EXPECT_EQ(passed, (std::vector{2, 1}));
  EXPECT_GE(Deadlines::now_ms(), now + 30);
}

TEST(Deadlines, AnEntryMayDieWhenAnotherOnePasses) {
  const auto loop = make_event_loop();
  Deadlines deadlines(*loop);
  auto victim = std::make_unique<Deadlines::Entry>(deadlines, [] { FAIL(); });
  Deadlines::Entry first(deadlines, [&] { victim.reset(); });
  Deadlines::Entry last(deadlines, [&] { loop->stop(); });
  const std::int64_t now = Deadlines::now_ms();
  first.set(now + 1);
  victim->set(now + 1);
  last.set(now + 2);
  loop->run();
  EXPECT_EQ(victim, nullptr);
}

}  // namespace
}  // namespace quarterdeck::net
