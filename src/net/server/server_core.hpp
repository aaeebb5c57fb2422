// What all connections of one server share: options, handler, scratch memory, deadlines, the flush of streams.
// Shared ownership: the server and each connection hold it, because a request outlives a server that is destroyed.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "net/http_server.hpp"
#include "net/server/deadlines.hpp"
#include "net/server/gzip.hpp"

namespace quarterdeck::net {

class Connection;

struct ServerCore : std::enable_shared_from_this<ServerCore> {
  ServerCore(EventLoop& owner, ServerOptions wanted, Handler answers)
      : loop(owner), options(std::move(wanted)), handler(std::move(answers)), deadlines(owner) {}

  EventLoop& loop;
  ServerOptions options;
  Handler handler;
  Deadlines deadlines;
  Gzip gzip;
  // For one read, or one write that is not kept: used between two suspensions only.
  std::string read_buffer = std::string(kReadBytes, '\0');
  std::string write_buffer;

  std::unordered_set<Connection*> connections;
  // Those that could go for another: between requests, and with half a request; longest first.
  std::list<Connection*> idle;
  std::list<Connection*> reading;
  // Closes the connection that has been idle for longest, or else one that takes its time to say what it wants. False when
  // all are busy.
  bool make_room();
  std::size_t answering = 0;  // requests between their last byte in and the last byte out, streams not counted
  bool draining = false;  // no new requests

  // Wakes a stream's connection soon. Where wakes come fast they are gathered for a millisecond or more, so that a flood
  // costs each subscriber one write per flush and not one per event; the first ones after a pause are not delayed.
  void wake_soon(std::weak_ptr<Connection> connection);

  // So long an idle connection stays open when the server stops.
  static constexpr std::int64_t kDrainMs = 100;
  static constexpr std::size_t kReadBytes = 64 * 1024;

 private:
  void flush();

  std::vector<std::weak_ptr<Connection>> woken_;
  std::int64_t flush_debt_until_us_ = 0;
  std::unique_ptr<Loop::Handle> flush_timer_;
};

}  // namespace quarterdeck::net
