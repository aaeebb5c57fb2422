// What tasks wait on: one-shot values, timers, pool work, groups. All of it belongs to one loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/loop.hpp"
#include "base/task.hpp"

namespace quarterdeck {

// A value that arrives once. `set` may come before or after `co_await`; a second `set` is ignored.
// Law: the waiter is resumed by a post to the loop, never inside set(), so setters need not fear re-entry.
template <class T>
class OneShot {
  struct State {
    explicit State(Loop& owner) : loop(owner) {}
    Loop& loop;
    std::optional<T> value;
    bool done = false;
    std::coroutine_handle<> waiter;
  };

 public:
  explicit OneShot(Loop& loop) : state_(std::make_shared<State>(loop)) {}

  // Cheap to copy into callbacks; outlives the OneShot safely.
  class Setter {
   public:
    void operator()(T value) const {
      if (state_->value || state_->done) return;
      state_->value.emplace(std::move(value));
      if (state_->waiter) {
        state_->loop.post([state = state_] {
          if (auto waiter = std::exchange(state->waiter, nullptr)) waiter.resume();
        });
      }
    }

   private:
    friend OneShot;
    explicit Setter(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
  };

  Setter setter() const { return Setter{state_}; }
  bool ready() const { return state_->value.has_value(); }

  auto operator co_await() const noexcept {
    struct Awaiter {
      // Owned: the OneShot may be a temporary that dies while the coroutine is suspended.
      std::shared_ptr<State> state;
      bool await_ready() noexcept { return state->value.has_value(); }
      void await_suspend(std::coroutine_handle<> waiter) noexcept { state->waiter = waiter; }
      T await_resume() {
        state->done = true;
        T value = std::move(*state->value);
        state->value.reset();
        return value;
      }
    };
    return Awaiter{state_};
  }

 private:
  std::shared_ptr<State> state_;
};

struct Unit {
  bool operator==(const Unit&) const = default;
};

// Ends early when `stop` is requested. True when the whole time passed.
Task<bool> sleep_ms(Loop& loop, std::int64_t delay_ms, std::stop_token stop = {});

// Runs `work` on the pool and comes back to the loop with its value. `work` must not touch loop-owned state.
template <class Work>
auto blocking(Loop& loop, BlockingPool& pool, Work work) -> Task<std::invoke_result_t<Work>> {
  using Value = std::invoke_result_t<Work>;
  struct Outcome {
    std::optional<Value> value;
    std::exception_ptr error;
  };
  OneShot<Outcome> done(loop);
  pool.submit([work = std::move(work), &loop, setter = done.setter()]() mutable {
    auto outcome = std::make_unique<Outcome>();
    try {
      outcome->value.emplace(work());
    } catch (...) {
      outcome->error = std::current_exception();
    }
    loop.post([outcome = std::move(outcome), setter = std::move(setter)] { setter(std::move(*outcome)); });
  });
  Outcome outcome = co_await done;
  if (outcome.error) std::rethrow_exception(outcome.error);
  co_return std::move(*outcome.value);
}

// Owns background tasks. `stop()` asks them to end through `token()`; `join()` waits until all have.
// Law: the group outlives its tasks; destroying it with tasks still running is a bug (asserted).
class TaskGroup {
 public:
  explicit TaskGroup(Loop& loop) : loop_(loop) {}
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task` now, on the loop. What it throws is logged and swallowed: a background task has nobody to tell.
  void spawn(Task<void> task);
  std::stop_token token() const { return stop_.get_token(); }
  void stop() { stop_.request_stop(); }
  Task<void> join();
  std::size_t running() const { return running_; }

 private:
  detail::Detached run(Task<void> task);
  void finished();

  Loop& loop_;
  std::stop_source stop_;
  std::size_t running_ = 0;
  std::vector<OneShot<Unit>::Setter> joiners_;
};

// Starts every task at once and waits for all of them; results keep the order.
template <class T>
Task<std::vector<T>> when_all(Loop& loop, std::vector<Task<T>> tasks) {
  struct Shared {
    std::vector<std::optional<T>> values;
    std::size_t left;
    std::exception_ptr error;
  };
  auto shared = std::make_shared<Shared>();
  shared->values.resize(tasks.size());
  shared->left = tasks.size();
  OneShot<Unit> done(loop);
  auto setter = done.setter();
  auto run_one = [](Task<T> task, std::size_t index, std::shared_ptr<Shared> state,
                    typename OneShot<Unit>::Setter finish) -> detail::Detached {
    try {
      state->values[index].emplace(co_await std::move(task));
    } catch (...) {
      state->error = std::current_exception();
    }
    if (--state->left == 0) finish(Unit{});
  };
  if (tasks.empty()) co_return std::vector<T>{};
  for (std::size_t i = 0; i < tasks.size(); ++i) run_one(std::move(tasks[i]), i, shared, setter);
  co_await done;
  if (shared->error) std::rethrow_exception(shared->error);
  std::vector<T> values;
  values.reserve(shared->values.size());
  for (auto& value : shared->values) values.push_back(std::move(*value));
  co_return values;
}

}  // namespace quarterdeck
