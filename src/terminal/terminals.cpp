#include "terminal/terminals.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "terminal/session.hpp"
#include "wire/json.hpp"
#include "wire/terminal.hpp"

namespace quarterdeck::terminal {
namespace {

constexpr std::size_t kTitleBytesMax = 1'024;
constexpr std::size_t kTitleIdCharacters = 4;
// These want to be told that they are login shells, so that they read the user's profile.
constexpr std::array<std::string_view, 6> kLoginShells{"bash", "dash", "fish", "ksh", "sh", "zsh"};

process::TerminalSize to_size(domain::PtySize size) {
  return {.rows = static_cast<std::uint16_t>(size.rows), .columns = static_cast<std::uint16_t>(size.cols)};
}

std::map<std::string, std::string> environment_of(std::map<std::string, std::string> given) {
  // A person works here: what keeps programs from asking agents questions does not belong here.
  auto environment = process::tool_environment();
  for (const char* name : {"PAGER", "GIT_PAGER", "GIT_TERMINAL_PROMPT"}) environment.erase(name);
  for (auto& [name, value] : given) environment[name] = std::move(value);
  environment["TERM"] = "xterm-256color";
  environment["OPENCODE_TERMINAL"] = "1";
  return environment;
}

int exit_code_of(const Result<process::Exit>& exit) {
  constexpr int kSignalled = 128;  // as shells say it
  if (!exit) return 1;
  if (exit->code) return *exit->code;
  return kSignalled + exit->signal.value_or(0);
}

std::string about(const domain::Pty& pty) { return fmt::format(R"({{"info":{}}})", wire::encode_pty(pty)); }

Error no_such(const PtyId& id) { return {ErrorCode::not_found, "PTY session not found: " + id.value, {}}; }

}  // namespace

Terminals::Terminals(Loop& loop, process::Processes& processes, Clock& clock, IdSource& ids, Random& random, Tell tell,
                     TerminalOptions options)
    : loop_(loop),
      processes_(processes),
      clock_(clock),
      ids_(ids),
      random_(random),
      tell_(std::move(tell)),
      options_(options),
      running_(loop) {}

Terminals::~Terminals() = default;

Task<Result<domain::Pty>> Terminals::create(Place place, domain::CreatePty command) {
  if (running() >= options_.running_max) {
    co_return fail(ErrorCode::unavailable, "{} terminals are open: close one first", options_.running_max);
  }
  domain::Pty pty{.id = ids_.pty(), .args = std::move(command.args)};
  pty.command = command.command ? std::move(*command.command) : preferred_shell();
  const auto name = std::filesystem::path(pty.command).filename().string();
  if (std::ranges::find(kLoginShells, name) != kLoginShells.end()) pty.args.emplace_back("-l");
  pty.cwd = command.cwd ? (place.directory / *command.cwd).lexically_normal().string() : place.directory.string();
  const std::string& id = pty.id.value;
  pty.title = command.title.value_or("Terminal " + id.substr(id.size() - kTitleIdCharacters));
  if (pty.title.size() > kTitleBytesMax) {
    co_return fail(ErrorCode::invalid, "Expected a string of at most {} bytes\n  at [\"title\"]", kTitleBytesMax);
  }

  const auto session = std::make_shared<Session>(std::move(pty), std::move(place));
  const auto show = [weak = std::weak_ptr(session)](std::string_view bytes) {
    if (const auto alive = weak.lock()) alive->show(bytes);
  };
  CO_TRY(session->terminal, process::Terminal::open(loop_, {}, show));
  process::Spawn spawn{.directory = session->pty.cwd, .environment = environment_of(std::move(command.env))};
  spawn.argv.push_back(session->pty.command);
  spawn.argv.insert(spawn.argv.end(), session->pty.args.begin(), session->pty.args.end());
  spawn.terminal_fd = session->terminal->command_end();

  OneShot<Result<Unit>> started(loop_);
  running_.spawn(run(session, std::move(spawn), started.setter()));
  const auto outcome = co_await started;
  if (!outcome) co_return std::unexpected(outcome.error());
  co_return session->pty;
}

Task<void> Terminals::run(std::shared_ptr<Session> session, process::Spawn spawn,
                          OneShot<Result<Unit>>::Setter started) {
  process::JobEvents events;
  events.started = [this, session, started](std::int64_t pid) {
    session->pty.pid = pid;
    session->terminal->started();
    sessions_[session->pty.id] = session;
    tell_(session->place, "pty.created", about(session->pty));
    started(Unit{});
  };
  const auto exit = co_await processes_.run(std::move(spawn), std::move(events), session->stop.get_token());
  // Unless it did start.
  Error error{ErrorCode::cancelled, "the terminal was closed before it was open", {}};
  if (!exit) error = exit.error();
  started(std::unexpected(std::move(error)));
  session->terminal->drain();
  session->pty.status = domain::PtyStatus::exited;
  session->pty.exit_code = exit_code_of(exit);
  session->end();
  if (session->removed || !sessions_.contains(session->pty.id)) co_return;
  tell_(session->place, "pty.exited",
        fmt::format(R"({{"id":{},"exitCode":{}}})", wire::quoted(session->pty.id.value), *session->pty.exit_code));
  forget_oldest();
}

void Terminals::forget_oldest() {
  std::size_t exited = 0;
  for (const auto& [id, session] : sessions_) exited += session->terminal ? 0 : 1;
  // Ids ascend with time.
  for (auto at = sessions_.begin(); at != sessions_.end() && exited > options_.exited_max;) {
    if (at->second->terminal) {
      ++at;
    } else {
      at = sessions_.erase(at);
      --exited;
    }
  }
}

std::vector<domain::Pty> Terminals::list(const std::filesystem::path& directory) const {
  std::vector<domain::Pty> found;
  for (const auto& [id, session] : sessions_) {
    if (session->place.directory == directory) found.push_back(session->pty);
  }
  return found;
}

const domain::Pty* Terminals::find(const PtyId& id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second->pty;
}

const Place* Terminals::place_of(const PtyId& id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second->place;
}

Result<domain::Pty> Terminals::update(const PtyId& id, domain::UpdatePty command) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return std::unexpected(no_such(id));
  Session& session = *found->second;
  if (command.title && command.title->size() > kTitleBytesMax) {
    return fail(ErrorCode::invalid, "Expected a string of at most {} bytes\n  at [\"title\"]", kTitleBytesMax);
  }
  if (command.title) session.pty.title = std::move(*command.title);
  if (command.size && session.terminal) session.terminal->resize(to_size(*command.size));
  tell_(session.place, "pty.updated", about(session.pty));
  return session.pty;
}

Result<void> Terminals::remove(const PtyId& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return std::unexpected(no_such(id));
  const auto session = found->second;
  session->removed = true;
  sessions_.erase(found);
  session->stop.request_stop();
  tell_(session->place, "pty.deleted", fmt::format(R"({{"id":{}}})", wire::quoted(id.value)));
  return {};
}

std::string Terminals::ticket(const PtyId& id) {
  const TimeMs now = clock_.now_ms();
  std::erase_if(tickets_, [now](const auto& entry) { return entry.second.expires <= now; });
  if (tickets_.size() >= options_.tickets_max) tickets_.erase(tickets_.begin());
  // A random UUID (RFC 9562, version 4).
  std::uint64_t high = random_.next();
  std::uint64_t low = random_.next();
  high = (high & ~0xF000ULL) | 0x4000ULL;
  low = (low & ~(0xC0ULL << 56)) | (0x80ULL << 56);
  std::string ticket = fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF,
                                   high & 0xFFFF, low >> 48, low & 0xFFFFFFFFFFFFULL);
  tickets_[ticket] = {.id = id, .expires = now + options_.ticket_ms};
  return ticket;
}

bool Terminals::redeem(const std::string& ticket, const PtyId& id) {
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return false;
  const Ticket known = found->second;
  tickets_.erase(found);
  return known.id == id && known.expires > clock_.now_ms();
}

Result<std::unique_ptr<net::Conversation>> Terminals::connect(const PtyId& id, std::int64_t cursor) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return std::unexpected(no_such(id));
  return found->second->view(cursor);
}

std::size_t Terminals::running() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(sessions_, [](const auto& entry) { return entry.second->terminal != nullptr; }));
}

Task<void> Terminals::shutdown() {
  for (const auto& [id, session] : sessions_) session->stop.request_stop();
  co_await running_.join();
}

}  // namespace quarterdeck::terminal
