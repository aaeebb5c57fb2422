// The terminals that people opened through this server. A terminal is a command on a pseudo-terminal under the keepers of
// process/, so it dies with the server, its shell's whole tree included; what it shows is kept for who looks later.
//
//   create ─▶ running ── exits ──▶ exited (kept for its exit code) ── remove ──▶ gone
//                └──────── remove: its tree is killed ─────────────────▶ gone
//
// Laws: at most `running_max` run and `exited_max` are kept, the oldest go; a viewer is a cursor into the scrollback, so
//       a slow one costs nothing and skips what is gone; a ticket opens one terminal once.
// All members run on the loop. Source of the protocol: OpenCode's /pty, as its clients use it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/terminal.hpp"
#include "net/conversation.hpp"
#include "process/process.hpp"

namespace quarterdeck::terminal {

class Session;

// Where a terminal belongs: the directory that it was asked for in.
struct Place {
  std::filesystem::path directory;
  std::string project_id;
};

struct TerminalOptions {
  std::size_t running_max = 64;
  std::size_t exited_max = 32;
  std::int64_t ticket_ms = 60'000;
  std::size_t tickets_max = 1'000;
};

class Terminals {
 public:
  // Told of "pty.created", "pty.updated", "pty.exited", "pty.deleted"; `properties` is a JSON object.
  using Tell = std::function<void(const Place& place, std::string type, std::string properties)>;

  Terminals(Loop& loop, process::Processes& processes, Clock& clock, IdSource& ids, Random& random, Tell tell,
            TerminalOptions options = {});
  ~Terminals();

  // Errors: not_found (directory, program), invalid, unavailable (too many).
  Task<Result<domain::Pty>> create(Place place, domain::CreatePty command);
  // Running ones and those that have exited, oldest first.
  std::vector<domain::Pty> list(const std::filesystem::path& directory) const;
  // Null when there is none; so do the others answer not_found. `place` is where it was opened.
  const domain::Pty* find(const PtyId& id) const;
  const Place* place_of(const PtyId& id) const;
  Result<domain::Pty> update(const PtyId& id, domain::UpdatePty command);
  Result<void> remove(const PtyId& id);

  // For one connection by somebody who cannot send the password along.
  std::string ticket(const PtyId& id);
  std::int64_t ticket_lifetime_s() const { return options_.ticket_ms / 1'000; }
  bool redeem(const std::string& ticket, const PtyId& id);
  // What it shows from `cursor` on (beyond the end: what comes from now on), then live; input goes to the command.
  Result<std::unique_ptr<net::Conversation>> connect(const PtyId& id, std::int64_t cursor);

  std::size_t running() const;
  // Kills all and waits for their ends.
  Task<void> shutdown();

 private:
  Task<void> run(std::shared_ptr<Session> session, process::Spawn spawn, OneShot<Result<Unit>>::Setter started);
  void forget_oldest();

  struct Ticket {
    PtyId id;
    TimeMs expires = 0;
  };

  Loop& loop_;
  process::Processes& processes_;
  Clock& clock_;
  IdSource& ids_;
  Random& random_;
  Tell tell_;
  TerminalOptions options_;
  std::map<PtyId, std::shared_ptr<Session>> sessions_;  // shared with what runs it and with its viewers
  std::map<std::string, Ticket> tickets_;
  TaskGroup running_;
};

// Shells of this machine that a terminal can be opened with, the user's own first.
struct Shell {
  std::string path;
  std::string name;
  bool acceptable = true;  // speaks the language of the commands that agents write
};
std::vector<Shell> installed_shells();
std::string preferred_shell();

}  // namespace quarterdeck::terminal
