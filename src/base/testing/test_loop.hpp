// A real loop for tests, over poll(): posts from any thread, timers, readable descriptors, and run_until(task).
// Law: it gives up (throws) after `limit_ms`, so a test that would hang fails instead.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

#include "base/loop.hpp"
#include "base/task.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck::testing {

class TestLoop final : public Loop {
 public:
  TestLoop() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void post(Callback callback) override {
    const std::scoped_lock lock(mutex_);
    posted_.push_back(std::move(callback));
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
  }

  std::unique_ptr<Handle> after_ms(std::int64_t delay_ms, Callback callback) override {
    auto entry = std::make_shared<Entry>(Entry{.callback = std::move(callback)});
    timers_.emplace(now_ms() + delay_ms, entry);
    return std::make_unique<Registration>(std::move(entry));
  }

  std::unique_ptr<Handle> watch_readable(int fd, Callback on_ready) override {
    auto entry = std::make_shared<Entry>(Entry{.callback = std::move(on_ready), .fd = fd});
    watches_.push_back(entry);
    return std::make_unique<Registration>(std::move(entry));
  }

  // Runs what is due, waiting at most `wait_ms` for something.
  void run_once(std::int64_t wait_ms) {
    if (!timers_.empty()) wait_ms = std::clamp<std::int64_t>(timers_.begin()->first - now_ms(), 0, wait_ms);
    std::erase_if(watches_, [](const auto& entry) { return !entry->armed; });
    std::vector<pollfd> polled{{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    const auto watches = watches_;
    for (const auto& entry : watches) polled.push_back({.fd = entry->fd, .events = POLLIN, .revents = 0});
    ::poll(polled.data(), polled.size(), static_cast<int>(wait_ms));

    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
    std::vector<Callback> posted;
    {
      const std::scoped_lock lock(mutex_);
      posted.swap(posted_);
    }
    for (auto& callback : posted) callback();
    while (!timers_.empty() && timers_.begin()->first <= now_ms()) {
      const auto entry = timers_.begin()->second;
      timers_.erase(timers_.begin());
      if (entry->armed) entry->callback();
    }
    for (std::size_t i = 0; i < watches.size(); ++i) {
      if (polled[i + 1].revents != 0 && watches[i]->armed) watches[i]->callback();
    }
  }

  void run_while(const std::function<bool()>& busy, std::int64_t limit_ms = 30'000) {
    const std::int64_t end = now_ms() + limit_ms;
    while (busy()) {
      if (now_ms() > end) throw std::runtime_error("TestLoop: the wait took too long");
      run_once(100);
    }
  }

  void run_for_ms(std::int64_t duration_ms) {
    const std::int64_t end = now_ms() + duration_ms;
    for (std::int64_t left = duration_ms; left > 0; left = end - now_ms()) run_once(left);
  }

  template <class T>
  T run_until(Task<T> task, std::int64_t limit_ms = 30'000) {
    std::optional<T> value;
    std::exception_ptr error;
    bool done = false;
    keep(std::move(task), value, error, done);
    run_while([&done] { return !done; }, limit_ms);
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }

  void run_until(Task<void> task, std::int64_t limit_ms = 30'000) {
    std::exception_ptr error;
    bool done = false;
    keep_void(std::move(task), error, done);
    run_while([&done] { return !done; }, limit_ms);
    if (error) std::rethrow_exception(error);
  }

 private:
  struct Entry {
    Callback callback;
    int fd = -1;
    bool armed = true;
  };
  struct Registration final : Handle {
    explicit Registration(std::shared_ptr<Entry> registered) : entry(std::move(registered)) {}
    ~Registration() override { entry->armed = false; }
    std::shared_ptr<Entry> entry;
  };

  static std::int64_t now_ms() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }

  template <class T>
  static detail::Detached keep(Task<T> task, std::optional<T>& value, std::exception_ptr& error, bool& done) {
    try {
      value.emplace(co_await std::move(task));
    } catch (...) {
      error = std::current_exception();
    }
    done = true;
  }
  static detail::Detached keep_void(Task<void> task, std::exception_ptr& error, bool& done) {
    try {
      co_await std::move(task);
    } catch (...) {
      error = std::current_exception();
    }
    done = true;
  }

  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<Callback> posted_;
  std::multimap<std::int64_t, std::shared_ptr<Entry>> timers_;
  std::vector<std::shared_ptr<Entry>> watches_;
};

}  // namespace quarterdeck::testing
