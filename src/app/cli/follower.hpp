// Follows one prompt to its end: prints, asks, aborts, survives a lost stream. Everything on the loop.
//
//   stream connected -> prompt sent -> events … -> over
//        lost: reconnect, ask for status, messages and open requests, go on where the output stopped
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/cli/client.hpp"
#include "app/cli/event_stream.hpp"
#include "app/cli/json_lines.hpp"
#include "app/cli/printer.hpp"
#include "app/cli/turn.hpp"
#include "base/async.hpp"
#include "base/clock.hpp"
#include "net/event_loop.hpp"

namespace quarterdeck::app {

struct FollowerOptions {
  Format format = Format::text;
  PrinterOptions printer;
  bool ask = false;  // a person is there to answer permission requests
};

class Follower final : public EventListener {
 public:
  // All references outlive the follower, and the follower its task.
  Follower(net::EventLoop& loop, net::HttpClient& http, Client& client, Clock& clock, SessionId session,
           MessageId prompt, FollowerOptions options);

  // Sends the prompt and returns the exit code when its turn is over.
  Task<int> run(domain::Prompt prompt);
  // SIGINT or SIGTERM: the first one aborts the turn, the second leaves.
  void on_signal();

  void on_connected(Connection connection) override;
  void on_event(std::string_view json) override;
  void on_lost(const Error& why) override;

 private:
  Task<void> stream();
  Task<Result<void>> send(domain::Prompt prompt);
  Task<void> catch_up();
  Task<void> abort_turn();
  Task<void> answer(domain::ReplyPermission reply);
  Task<void> reject_question(std::string id);

  void take(const LiveEvent& event);
  void print(const LiveEvent& event);
  void write(const Printed& printed);
  void notice(Paint paint, std::string_view mark, std::string_view text);
  void asked(const domain::PermissionRequest& request);
  void replied(const PermissionId& id);
  void ask_next();
  void stop_asking();
  void on_input();
  void check_over();
  void schedule_end(std::int64_t delay_ms);
  void schedule_tick();
  void leave(int code);

  net::EventLoop& loop_;
  Client& client_;
  Clock& clock_;
  FollowerOptions options_;
  Turn turn_;
  Printer printer_;
  JsonLines json_;
  EventStream events_;
  TaskGroup tasks_;
  OneShot<Unit> connected_;
  OneShot<int> left_;

  std::int64_t started_ns_ = 0;
  bool prompt_sent_ = false;
  int signals_ = 0;
  bool leaving_ = false;
  std::optional<Error> stream_error_;
  std::set<PermissionId> seen_requests_;
  std::deque<domain::PermissionRequest> open_requests_;  // the first one is being asked
  bool asking_ = false;
  std::vector<LiveEvent> held_;  // not yet printed: the person is typing
  std::string typed_;
  std::unique_ptr<Loop::Handle> tick_;
  std::unique_ptr<Loop::Handle> end_;
  std::unique_ptr<Loop::Handle> input_;
};

}  // namespace quarterdeck::app
