// backup, restore, verify, vacuum: the data directory itself, without a server.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"
#include "app/cli/terminal.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "store/maintenance.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRedrawMs = 100;

std::int64_t monotonic_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

// One line on standard error that is drawn over itself; nothing when that is not a terminal.
class Progress {
 public:
  Progress(const DataTarget& target, std::string doing)
      : doing_(std::move(doing)), on_(!target.quiet && target.format == Format::text && style_of(STDERR_FILENO).live) {}
  ~Progress() {
    if (drawn_) write_all(STDERR_FILENO, "\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  store::OnProgress callback() {
    if (!on_) return {};
    return [this](std::uint64_t done, std::uint64_t total) { draw(done, total); };
  }

 private:
  void draw(std::uint64_t done, std::uint64_t total) {
    const std::int64_t now = monotonic_ms();
    if (now - drawn_at_ms_ < kRedrawMs) return;
    drawn_at_ms_ = now;
    drawn_ = true;
    const std::string how_far = total > 0 ? fmt::format(" {} %", done * 100 / total) : std::string(done % 4, '.');
    write_all(STDERR_FILENO, fmt::format("\r\033[K{}{}", doing_, how_far));
  }

  std::string doing_;
  bool on_;
  bool drawn_ = false;
  std::int64_t drawn_at_ms_ = 0;
};

fs::path data_of(const DataTarget& target) {
  return target.data ? fs::path(*target.data) : Places::from_environment().data;
}

int failed(const DataTarget& target, const Error& error) {
  if (target.format == Format::json) {
    fmt::print("{{\"ok\":false,\"error\":{{\"code\":\"{}\",\"message\":{}}}}}\n", name(error.code),
               wire::quoted(error.message));
  } else {
    complain(error.message);
  }
  return kExitFailed;
}

int said(const DataTarget& target, const std::string& text, const std::string& json) {
  const bool written = target.format == Format::json ? write_all(STDOUT_FILENO, json)
                       : target.quiet                ? true
                                                     : write_all(STDOUT_FILENO, text);
  return written ? kExitOk : kExitFailed;
}

std::string plural(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", grouped(count), what, count == 1 ? "" : "s");
}

}  // namespace

int backup(const BackupOptions& options) {
  log::set_level(log::Level::warn);
  Result<store::BackupReport> done = fail(ErrorCode::internal, "");
  {
    Progress progress(options.target, "backing up");
    done = store::backup(data_of(options.target), options.to, progress.callback());
  }
  if (!done) return failed(options.target, done.error());
  return said(
      options.target,
      fmt::format("{} ({}, {})\n", done->file.string(), plural(done->sessions, "session"), bytes_text(done->bytes)),
      fmt::format("{{\"ok\":true,\"file\":{},\"bytes\":{},\"sessions\":{},\"lastSeq\":{}}}\n",
                  wire::quoted(done->file.string()), done->bytes, done->sessions, done->last_seq));
}

int restore(const RestoreOptions& options) {
  log::set_level(log::Level::warn);
  Result<store::RestoreReport> done = fail(ErrorCode::internal, "");
  {
    Progress progress(options.target, "restoring");
    done = store::restore(data_of(options.target), options.from, progress.callback());
  }
  if (!done) return failed(options.target, done.error());
  std::string text = fmt::format("Restored {}.\n", plural(done->sessions, "session"));
  if (!done->replaced.empty()) text += fmt::format("What was there before is kept: {}\n", done->replaced.string());
  return said(options.target, text,
              fmt::format("{{\"ok\":true,\"sessions\":{},\"lastSeq\":{},\"replaced\":{}}}\n", done->sessions,
                          done->last_seq, done->replaced.empty() ? "null" : wire::quoted(done->replaced.string())));
}

int verify(const VerifyOptions& options) {
  log::set_level(log::Level::warn);
  const fs::path file = options.file ? fs::path(*options.file) : data_of(options.target) / "quarterdeck.db";
  Result<store::VerifyReport> done = fail(ErrorCode::internal, "");
  {
    Progress progress(options.target, "verifying");
    done = store::verify(file, options.quick ? store::Depth::quick : store::Depth::full, progress.callback());
  }
  if (!done) return failed(options.target, done.error());
  std::string text;
  std::string list;
  for (const std::string& problem : done->problems) {
    text += harmless(problem) + "\n";
    list += (list.empty() ? "" : ",") + wire::quoted(problem);
  }
  const std::string contents =
      fmt::format("{}, {}, {}, {}, schema {}, {}", plural(done->sessions, "session"), plural(done->messages, "message"),
                  plural(done->parts, "part"), plural(done->events, "event"), done->schema, bytes_text(done->bytes));
  if (done->sound()) {
    text += fmt::format("{}: sound ({}{})\n", file.string(), contents,
                        done->complete ? "" : "; not all was looked at, leave --quick out for that");
  } else {
    text += fmt::format("{}: {} found. quarterdeck restore FILE puts a backup in its place\n", file.string(),
                        plural(std::ssize(done->problems), "problem"));
  }
  const int printed =
      said({.data = {}, .format = options.target.format, .quiet = options.target.quiet && done->sound()}, text,
           fmt::format("{{\"ok\":{},\"file\":{},\"complete\":{},\"problems\":[{}],\"schema\":{},\"sessions\":{},"
                       "\"messages\":{},\"parts\":{},\"events\":{},\"lastSeq\":{},\"bytes\":{}}}\n",
                       done->sound(), wire::quoted(file.string()), done->complete, list, done->schema, done->sessions,
                       done->messages, done->parts, done->events, done->last_seq, done->bytes));
  return done->sound() ? printed : kExitFailed;
}

int vacuum(const VacuumOptions& options) {
  log::set_level(log::Level::warn);
  Result<store::VacuumReport> done = fail(ErrorCode::internal, "");
  {
    Progress progress(options.target, "rewriting");
    done = store::vacuum(data_of(options.target), progress.callback());
  }
  if (!done) return failed(options.target, done.error());
  return said(
      options.target, fmt::format("{} before, {} now\n", bytes_text(done->bytes_before), bytes_text(done->bytes_after)),
      fmt::format("{{\"ok\":true,\"bytesBefore\":{},\"bytesAfter\":{}}}\n", done->bytes_before, done->bytes_after));
}

}  // namespace quarterdeck::app
