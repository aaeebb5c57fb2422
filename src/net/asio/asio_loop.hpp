// EventLoop over one io_context. Private to net/: who needs sockets asks for the context.
#pragma once

#include <boost/asio/io_context.hpp>

#include "net/event_loop.hpp"

namespace quarterdeck::net {

class AsioLoop final : public EventLoop {
 public:
  void post(Callback callback) override;
  std::unique_ptr<Handle> after_ms(std::int64_t delay_ms, Callback callback) override;
  std::unique_ptr<Handle> watch_readable(int fd, Callback on_ready) override;
  void run() override;
  void stop() override;
  std::unique_ptr<Handle> on_terminate(std::move_only_function<void(int)> on_signal) override;

  boost::asio::io_context& context() { return context_; }

 private:
  // The hint says that one thread runs the loop: a post from that thread takes no lock. Other threads may still post.
  boost::asio::io_context context_{1};
};

// The loop that `make_event_loop` made; a different implementation is a wiring bug.
AsioLoop& asio_loop(EventLoop& loop);

}  // namespace quarterdeck::net
