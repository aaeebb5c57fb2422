// Commands and their whole process trees. Every job runs under its own small keeper process (a child subreaper outside
// the server): abort, timeout, the end of its owner, SIGTERM and even kill -9 of the server leave none of its
// processes alive. See process/README.md for the drawing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/task.hpp"

namespace quarterdeck::process {

struct Spawn {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH of `environment`
  std::filesystem::path directory;
  std::map<std::string, std::string> environment;  // all of it: nothing is inherited
  std::string owner;  // whose job it is (a session id): kill_owner() ends what its commands left in the background
  std::string input;  // written to standard input, then closed; empty = /dev/null
  int input_fd = -1;  // instead of `input`: standard input, such as a pipe's end; stays the caller's
  // A terminal's end (terminal.hpp) that becomes all three standard streams and the controlling terminal. Its other end
  // is the caller's, who reads the output there: JobEvents tells of none. Stays the caller's.
  int terminal_fd = -1;
  std::int64_t timeout_ms = 0;  // 0 = none
  bool merge_stderr = true;  // standard error into the same stream, in order
  bool keep_background = false;  // true: what the command left running lives until kill_owner(); false: dies with it
};

struct Exit {
  std::optional<int> code;  // set when it exited by itself
  std::optional<int> signal;  // set when a signal ended it
  bool timed_out = false;  // we killed it: its time was over
  bool cancelled = false;  // we killed it: stop was requested
  bool operator==(const Exit&) const = default;
};

// Called on the loop.
struct JobEvents {
  std::function<void(std::int64_t pid)> started;
  std::function<void(std::string_view bytes)> output;  // stdout (and stderr when merged)
  std::function<void(std::string_view bytes)> error_output;  // stderr when not merged
};

struct Collected {
  Exit exit;
  std::string output;
  std::string error_output;
  bool truncated = false;  // more than `bytes_max` came; the rest was thrown away
};

class Processes {
 public:
  virtual ~Processes() = default;
  // Runs the command until its first process ends (its background children do not delay that), the time is over or
  // `stop` is requested; then the tree is dead, unless `keep_background`. Errors: `not_found` (no such program or
  // directory), `unavailable` (cannot fork).
  virtual Task<Result<Exit>> run(Spawn spawn, JobEvents events, std::stop_token stop) = 0;
  // Kills everything that `owner`'s commands left behind.
  virtual void kill_owner(const std::string& owner) = 0;
  virtual std::size_t running() const = 0;
};

// For short commands whose output fits in memory (git).
Task<Result<Collected>> collect(Processes& processes, Spawn spawn, std::size_t bytes_max, std::stop_token stop = {});

// An environment for commands of sessions: an allow-list of the server's own (PATH, HOME, LANG, TERM…), never its secrets.
std::map<std::string, std::string> tool_environment();

// The process that forks the keepers. Must be started first thing in main(), while the program is small and has one thread.
class Spawner {
 public:
  static Result<Spawner> start();
  // The same for a server that is big and has threads: its program is run again and calls run_as_spawner().
  static Result<Spawner> start_again();
  Spawner(Spawner&&) noexcept;
  Spawner& operator=(Spawner&&) noexcept;
  ~Spawner();
  int socket() const { return socket_; }
  // For one that is stuck. What it had started ends with it.
  void kill() const;

 private:
  explicit Spawner(int socket, int pid) : socket_(socket), pid_(pid) {}
  int socket_ = -1;
  int pid_ = -1;
};

// The argument with which start_again() runs this program, and what main() then does until the server is gone.
inline constexpr std::string_view kSpawnerArgument = "--spawner";
int run_as_spawner();

// A command starts within milliseconds. After this long the spawner itself is stuck.
inline constexpr std::int64_t kStartPatienceMs = 15'000;

// `restart` replaces a spawner that died or is stuck (the commands that ran die with it); without it later commands fail.
std::unique_ptr<Processes> make_processes(Loop& loop, Spawner spawner, std::function<Result<Spawner>()> restart = {},
                                          std::int64_t start_patience_ms = kStartPatienceMs);

}  // namespace quarterdeck::process
