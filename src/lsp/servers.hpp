// The language servers of one directory: started when a file of theirs is read or changed, told of it, asked. Off until
// the configuration has a member "lsp"; then those that we know (lsp/known.hpp) and are installed, and those that it names.
//
//   absent ─ file ─▶ starting ─▶ connected ─ 10 min without use ─▶ asleep ─ file ─▶ starting
//                        │            │
//                        └── fails ───┴─▶ resting (1, 2, 4… s) ─ four times, or no answer to `initialize` ─▶ broken
//
// Laws: nobody waits for a start longer than 10 s after it began, nor for diagnostics longer than 5 s. A server that
//       fails hurts no edit. What servers say is data of strangers. Everything runs on the loop.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "base/task.hpp"
#include "config/config.hpp"
#include "lsp/diagnostic.hpp"
#include "lsp/known.hpp"
#include "process/process.hpp"

namespace quarterdeck::lsp {

struct ServerStatus {
  std::string id;
  std::string root;  // relative to the directory; empty: the directory itself
  bool connected = false;  // else given up
  bool operator==(const ServerStatus&) const = default;
};

class Servers {
 public:
  virtual ~Servers() = default;
  // The configuration wants some.
  virtual bool enabled() const = 0;
  // Those that run or were given up.
  virtual std::vector<ServerStatus> status() const = 0;

  // A file was read: its servers may start and get to know it. Does not wait.
  virtual void touch(std::filesystem::path file) = 0;
  // Files were changed (or removed): tells their servers and waits for what these find, or until `stop`.
  virtual Task<void> changed(std::vector<std::filesystem::path> files, std::stop_token stop) = 0;
  // What all of them have found so far.
  virtual std::vector<FileDiagnostics> diagnostics() const = 0;

  // Whether a server is, or could be, there for the file.
  virtual Task<bool> available(std::filesystem::path file) = 0;
  // Asks the file's servers (without a file: all that run); the answers of those that have one, null left out.
  virtual Task<std::vector<domain::JsonText>> ask(std::optional<std::filesystem::path> file, std::string method,
                                                  domain::JsonText params) = 0;
};

// Makes the servers of each directory and ends them: when the last one that holds them lets go, and all on close().
class Hub {
 public:
  struct Options {
    Loop& loop;
    BlockingPool& pool;
    process::Processes& processes;
    std::size_t running_max = 12;  // of all directories: then the one that was unused for longest makes room
    std::int64_t start_ms_max = 45'000;
    std::int64_t start_wait_ms = 10'000;
    std::int64_t diagnostics_wait_ms = 5'000;
    std::int64_t idle_ms = 10 * 60 * 1'000;
    std::int64_t rest_ms = 1'000;  // after the first failure; doubles
    bool experimental_ty = false;  // OPENCODE_EXPERIMENTAL_LSP_TY: ty in the place of pyright
  };
  virtual ~Hub() = default;
  // `changed`: status() is another now.
  virtual std::shared_ptr<Servers> open(Place place, std::optional<config::Named<config::LanguageServer>> configured,
                                        std::function<void()> changed) = 0;
  virtual Task<void> close() = 0;
};
std::unique_ptr<Hub> make_hub(Hub::Options options);

// Symbols of answers to workspace/symbol, as OpenCode filters them: 10 of each answer, of eight kinds.
domain::JsonText workspace_symbols(const std::vector<domain::JsonText>& answers);

}  // namespace quarterdeck::lsp
