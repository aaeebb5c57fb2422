#include "base/failpoint.hpp"

#ifdef QD_FAILPOINTS

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace quarterdeck::failpoint {
namespace {

enum class Action { none, kill, error, delay };

struct Armed {
  std::atomic<Action> action{Action::none};
  std::atomic<std::int64_t> left{0};  // reached so many times more, it fires; 0 = every time
  std::atomic<std::int64_t> delay_ms{0};
};
Armed armed[std::size(kPoints)];

// What a test must not miss goes out in one write, whatever the state of the process.
void say(std::string_view text) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

template <class Number>
bool whole_number(std::string_view text, Number& out) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return end.ec == std::errc() && end.ptr == text.data() + text.size();
}

Result<> arm_one(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::invalid, "failpoint \"{}\": {}; expected name:count:kill|error|delay[=ms]", text, why);
  };
  const auto first = text.find(':');
  const auto second = first == text.npos ? text.npos : text.find(':', first + 1);
  if (second == text.npos) return wrong("not three fields");
  const std::string_view name = text.substr(0, first);
  const std::string_view count = text.substr(first + 1, second - first - 1);
  std::string_view action = text.substr(second + 1);
  std::size_t index = 0;
  while (index < std::size(kPoints) && kPoints[index].name != name) ++index;
  if (index == std::size(kPoints)) return wrong("no such point");
  std::int64_t times = 0;
  if (count != "*" && (!whole_number(count, times) || times < 1)) return wrong("the count is a number from 1, or *");
  std::int64_t delay_ms = 100;
  if (const auto equals = action.find('='); equals != action.npos) {
    if (!whole_number(action.substr(equals + 1), delay_ms)) return wrong("the delay is in milliseconds");
    action = action.substr(0, equals);
  }
  Action what = Action::none;
  if (action == "kill") what = Action::kill;
  if (action == "error") what = Action::error;
  if (action == "delay") what = Action::delay;
  if (what == Action::none) return wrong("no such action");
  if (what == Action::error && !kPoints[index].can_fail) return wrong("this point cannot fail");
  armed[index].delay_ms = delay_ms;
  armed[index].left = times;
  armed[index].action = what;
  return {};
}

struct FromEnvironment {
  FromEnvironment() {
    const char* text = std::getenv("QUARTERDECK_FAILPOINT");
    if (text == nullptr) return;
    if (const auto done = arm(text); !done) {
      say("quarterdeck: QUARTERDECK_FAILPOINT: " + done.error().message + "\n");
      ::_exit(2);
    }
  }
};
const FromEnvironment from_environment;

}  // namespace

Result<> arm(std::string_view specification) {
  for (Armed& each : armed) each.action = Action::none;
  while (!specification.empty()) {
    const auto comma = specification.find(',');
    TRY_VOID(arm_one(specification.substr(0, comma)));
    specification = comma == specification.npos ? "" : specification.substr(comma + 1);
  }
  return {};
}

bool hit(std::size_t index) {
  Armed& point = armed[index];
  const Action action = point.action.load(std::memory_order_relaxed);
  if (action == Action::none) return false;
  if (point.left > 0) {
    if (--point.left > 0) return false;
    point.action = Action::none;  // that time only
  }
  if (action == Action::kill) {
    say(fmt::format("failpoint {}: kill\n", kPoints[index].name));
    ::kill(::getpid(), SIGKILL);
    for (;;) ::pause();
  }
  if (action == Action::delay) {
    std::this_thread::sleep_for(std::chrono::milliseconds(point.delay_ms));
    return false;
  }
  say(fmt::format("failpoint {}: error\n", kPoints[index].name));
  return true;
}

}  // namespace quarterdeck::failpoint

#else

namespace quarterdeck::failpoint {
Result<> arm(std::string_view) { return fail(ErrorCode::invalid, "this build has no failpoints"); }
bool hit(std::size_t) { return false; }
}  // namespace quarterdeck::failpoint

#endif
