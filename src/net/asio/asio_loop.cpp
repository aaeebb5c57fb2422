#include "net/asio/asio_loop.hpp"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/activity.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "net/asio/loop_span.hpp"
#include "net/asio/loop_watch.hpp"

namespace quarterdeck::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Each kind of handle shares its state with the operation in flight (the one place where lifetime is shared): the
// handle's end empties the callback, so an operation that had already completed finds nothing to call.

class TimerHandle final : public Loop::Handle {
 public:
  TimerHandle(asio::io_context& context, std::int64_t delay_ms, Loop::Callback callback)
      : state_(std::make_shared<State>(context, std::move(callback))) {
    state_->timer.expires_after(std::chrono::milliseconds(std::max<std::int64_t>(delay_ms, 0)));
    state_->timer.async_wait([state = state_](error_code) {
      const LoopSpan span("timer");
      if (auto due = std::exchange(state->callback, nullptr)) due();
    });
  }
  ~TimerHandle() override {
    state_->callback = nullptr;
    state_->timer.cancel();
  }

 private:
  struct State {
    State(asio::io_context& context, Loop::Callback on_due) : timer(context), callback(std::move(on_due)) {}
    asio::steady_timer timer;
    Loop::Callback callback;
  };
  std::shared_ptr<State> state_;
};

class ReadableHandle final : public Loop::Handle {
 public:
  ReadableHandle(asio::io_context& context, int fd, Loop::Callback on_ready)
      : state_(std::make_shared<State>(context, std::move(on_ready))) {
    // A duplicate is ours to register and close, whatever the caller does to his. When descriptors have run out, his
    // own is watched: callers keep it open for as long as they watch it.
    int watched = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (watched < 0) {
      metrics::limit_hit("descriptors");
      watched = fd;
      state_->borrowed = true;
    }
    error_code error;
    state_->descriptor.assign(watched, error);
    if (error) {
      log::error("cannot watch a descriptor: {}", error.message());
    } else {
      wait(state_);
    }
  }
  ~ReadableHandle() override {
    state_->alive = false;
    error_code ignored;
    if (state_->borrowed && state_->descriptor.is_open()) {
      state_->descriptor.release();
    } else {
      state_->descriptor.close(ignored);
    }
  }

 private:
  struct State {
    State(asio::io_context& context, Loop::Callback ready) : descriptor(context), on_ready(std::move(ready)) {}
    asio::posix::stream_descriptor descriptor;
    Loop::Callback on_ready;
    bool alive = true;
    bool borrowed = false;  // not ours to close
  };

  // Asio's bookkeeping of a descriptor that was closed is taken over by the next one, together with an event that epoll
  // had already reported: a wait can end for what happened to another descriptor.
  static bool really_readable(int fd) {
    pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&polled, 1, 0) > 0;
  }

  static void wait(std::shared_ptr<State> state) {
    auto& descriptor = state->descriptor;
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [state = std::move(state)](error_code error) mutable {
                            if (!state->alive) return;
                            const LoopSpan span("descriptor");
                            if (error) return log::error("cannot watch a descriptor: {}", error.message());
                            if (really_readable(state->descriptor.native_handle())) state->on_ready();
                            if (state->alive) wait(std::move(state));
                          });
  }

  std::shared_ptr<State> state_;
};

class SignalHandle final : public Loop::Handle {
 public:
  SignalHandle(asio::io_context& context, std::move_only_function<void(int)> on_signal)
      : state_(std::make_shared<State>(context, std::move(on_signal))) {
    wait(state_);
  }
  ~SignalHandle() override {
    state_->alive = false;
    error_code ignored;
    state_->signals.cancel(ignored);
  }

 private:
  struct State {
    State(asio::io_context& context, std::move_only_function<void(int)> arrived)
        : signals(context, SIGINT, SIGTERM), on_signal(std::move(arrived)) {}
    asio::signal_set signals;
    std::move_only_function<void(int)> on_signal;
    bool alive = true;
  };

  static void wait(std::shared_ptr<State> state) {
    auto& signals = state->signals;
    signals.async_wait([state = std::move(state)](error_code error, int signal) mutable {
      if (!state->alive || error) return;
      const LoopSpan span("signal");
      state->on_signal(signal);
      if (state->alive) wait(std::move(state));
    });
  }

  std::shared_ptr<State> state_;
};

}  // namespace

void AsioLoop::post(Callback callback) {
  asio::post(context_, [posted_ns = Activity::now_ns(), callback = std::move(callback)]() mutable {
    const LoopSpan span("task", posted_ns);
    callback();
  });
}

std::unique_ptr<Loop::Handle> AsioLoop::after_ms(std::int64_t delay_ms, Callback callback) {
  return std::make_unique<TimerHandle>(context_, delay_ms, std::move(callback));
}

std::unique_ptr<Loop::Handle> AsioLoop::watch_readable(int fd, Callback on_ready) {
  return std::make_unique<ReadableHandle>(context_, fd, std::move(on_ready));
}

void AsioLoop::run() {
  auto work = asio::make_work_guard(context_);
  const LoopWatch watch;
  context_.run();
  // Restarted on the way out, so that a stop() before the next run() counts.
  context_.restart();
}

void AsioLoop::stop() { context_.stop(); }

std::unique_ptr<Loop::Handle> AsioLoop::on_terminate(std::move_only_function<void(int)> on_signal) {
  return std::make_unique<SignalHandle>(context_, std::move(on_signal));
}

AsioLoop& asio_loop(EventLoop& loop) {
  auto* ours = dynamic_cast<AsioLoop*>(&loop);
  ASSERT(ours, "net/ needs the loop of make_event_loop()");
  return *ours;
}

std::unique_ptr<EventLoop> make_event_loop() { return std::make_unique<AsioLoop>(); }

}  // namespace quarterdeck::net
