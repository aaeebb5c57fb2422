// A program that is spoken to over its standard streams (a language server, a local MCP server): bytes in, bytes out.
// What frames a message is up to the caller; standard error is kept for the reason of its end.
//
// Law: messages are written whole, in the order of asking. close() leaves no process of it behind. On the loop.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/unique_fd.hpp"
#include "process/process.hpp"

namespace quarterdeck::rpc {

// Waiting for a program that does not read.
inline constexpr std::size_t kWaitingBytesMax = 16 * 1024 * 1024;

struct ChildOptions {
  std::string name;  // in errors: "the MCP server"
  std::vector<std::string> command;
  std::filesystem::path directory;
  std::map<std::string, std::string> environment;  // all of it
  std::string owner;                               // of the process tree
};

struct ChildEvents {
  std::function<void(std::string_view bytes)> output;
  std::function<void(Error why)> ended;  // by itself; once, never after close()
};

class Child {
 public:
  Child(Loop& loop, process::Processes& processes, ChildOptions options);
  ~Child();

  // Errors: `not_found` (no such program), `unavailable`, `denied`.
  Task<Result<void>> start(ChildEvents events);
  // Ends when the program's end of the pipe has all of it. Stopped before its turn came, nothing of it is written.
  // Errors: `unavailable` (it has ended, or does not read), `cancelled`.
  Task<Result<void>> write(std::string bytes, std::stop_token stop);
  // The same without waiting. False when it has ended, or too much waits.
  bool post(std::string bytes);
  // Closes its input, gives it `grace_ms` to end, then kills its tree.
  Task<void> close(std::int64_t grace_ms = 2'000);

 private:
  struct Message {
    std::string bytes;
    std::optional<OneShot<Result<void>>::Setter> sent;
    std::stop_token stop;
  };

  Task<void> run(UniqueFd input, OneShot<Unit>::Setter started);
  bool enqueue(Message message);
  Task<void> pump();
  std::string how_it_ended(const process::Exit& exit) const;
  Error refusal() const;

  Loop& loop_;
  process::Processes& processes_;
  ChildOptions options_;
  ChildEvents events_;
  UniqueFd input_;
  bool running_ = false;
  bool pumping_ = false;
  Error ended_;
  std::string errors_;  // the end of what it wrote to standard error
  std::deque<Message> messages_;
  std::size_t waiting_bytes_ = 0;
  std::stop_source stop_;
  TaskGroup tasks_;
};

}  // namespace quarterdeck::rpc
