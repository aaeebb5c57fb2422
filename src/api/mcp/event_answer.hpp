// An answer as server-sent events: progress while the call runs, then the answer itself.
#pragma once

#include <memory>
#include <string>

#include "base/async.hpp"
#include "net/http.hpp"

namespace quarterdeck::api::mcp {

class EventAnswer final : public net::Stream {
 public:
  struct State {
    std::string answer;  // empty: not yet
    Loop::Callback wake;
  };

  // `token`: JSON text, given back with each progress.
  EventAnswer(Loop& loop, std::string token);

  std::shared_ptr<State> state() const { return state_; }
  Batch take(std::size_t bytes_max) override;
  void when_ready(Loop::Callback wake) override;

 private:
  void beat_later();

  Loop& loop_;
  std::string token_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::string progress_;
  int beats_ = 0;
  std::unique_ptr<Loop::Handle> beat_;
};

net::Response event_response(std::unique_ptr<EventAnswer> events);
// Gives the stream its answer. A client that went away meanwhile leaves it unread.
Task<void> deliver(OneShot<std::string> done, std::shared_ptr<EventAnswer::State> state);

}  // namespace quarterdeck::api::mcp
