#include "tools/bash/bash.hpp"

#include <unistd.h>

#include <cerrno>

#include "base/async.hpp"
#include "tools/arguments.hpp"
#include "tools/bash/access.hpp"
#include "tools/bash/output.hpp"
#include "tools/embedded/kBashDescription.hpp"
#include "wire/codec.hpp"
#include "workspace/worktree_record.hpp"

namespace quarterdeck::tools {
namespace bash {
namespace {

constexpr std::int64_t kTimeoutMs = 120'000;
constexpr std::int64_t kTimeoutMsMax = 7LL * 24 * 3600 * 1000;
constexpr std::int64_t kProgressMs = 50;

constexpr std::string_view kParameters =
    R"json({"type":"object","properties":{)json"
    R"json("command":{"type":"string","description":"The shell command to run"},)json"
    R"json("timeout":{"exclusiveMinimum":0,"type":"integer","description":"Time limit in milliseconds (120000 unless given)"},)json"
    R"json("workdir":{"type":"string","description":"The directory to run in, instead of the session's. Use it rather than cd"}},)json"
    R"json("required":["command"]})json";

struct Arguments {
  std::string command;
  std::optional<std::int64_t> timeout;
  std::optional<std::string> workdir;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("command", arguments.command);
  io.integer("timeout", arguments.timeout, {.value = 0, .exclusive = true});
  io.field("workdir", arguments.workdir);
}

struct Metadata {
  std::string output;
};
template <class Io>
void describe(Io& io, Metadata& metadata) {
  io.field("output", metadata.output);
}

struct FinalMetadata {
  std::string output;
  domain::JsonText exit;  // a number or null
  bool truncated = false;
  std::optional<std::string> output_path;
};
template <class Io>
void describe(Io& io, FinalMetadata& metadata) {
  io.field("output", metadata.output);
  io.field("exit", metadata.exit);
  io.field("truncated", metadata.truncated);
  io.field("outputPath", metadata.output_path);
}

// The person's shell when it reads POSIX commands; fish, nu and friends do not.
std::string shell_of(const std::map<std::string, std::string>& environment) {
  const auto runs = [](const std::string& path) { return ::access(path.c_str(), X_OK) == 0; };
  if (const auto found = environment.find("SHELL"); found != environment.end()) {
    const std::filesystem::path shell(found->second);
    for (const auto* name : {"bash", "zsh", "sh", "dash", "ksh"}) {
      if (shell.is_absolute() && shell.filename() == name && runs(shell)) return shell;
    }
  }
  return runs("/bin/bash") ? "/bin/bash" : "/bin/sh";
}

// Tells clients how the output grows, at most every kProgressMs.
class Progress {
 public:
  Progress(ToolContext& context, const Output& output) : context_(context), output_(output) {}
  void changed() {
    if (timer_) return;
    timer_ = context_.loop.after_ms(wait_ms_, [this] {
      tell();
      // The timer that is running here must not die here.
      context_.loop.post([spent = std::move(timer_)] {});
    });
    wait_ms_ = kProgressMs;
  }
  void tell() {
    const Metadata metadata{.output = output_.shown()};
    context_.host.progress(std::nullopt, wire::encode_json_text(metadata));
  }

 private:
  ToolContext& context_;
  const Output& output_;
  std::unique_ptr<Loop::Handle> timer_;
  std::int64_t wait_ms_ = 0;  // the first output is shown at once
};

std::unexpected<ToolFailure> cannot_start(std::string message) {
  const Metadata nothing;
  return std::unexpected(ToolFailure{.message = std::move(message), .metadata = wire::encode_json_text(nothing)});
}

// Empty when a command can start there.
std::string problem_with(const std::filesystem::path& directory, const std::string& shell) {
  std::error_code error;
  const auto status = std::filesystem::status(directory, error);
  if (!std::filesystem::exists(status)) return fmt::format("NotFound: FileSystem.access ({})", directory.string());
  if (!std::filesystem::is_directory(status)) return fmt::format("ENOTDIR: not a directory, posix_spawn '{}'", shell);
  return {};
}

std::string note_about(const process::Exit& exit, std::int64_t timeout_ms) {
  std::string note;
  if (exit.timed_out) {
    note = fmt::format(
        "shell tool terminated command after exceeding timeout {} ms. If this command is expected to take longer and "
        "is not "
        "waiting for interactive input, retry with a larger timeout value in milliseconds.",
        timeout_ms);
  } else if (exit.cancelled) {
    note = "User aborted the command";
  }
  return note.empty() ? note : fmt::format("\n\n<shell_metadata>\n{}\n</shell_metadata>", note);
}

domain::JsonText exit_of(const process::Exit& exit) {
  if (exit.timed_out || exit.cancelled) return {"null"};
  if (exit.code) return {std::to_string(*exit.code)};
  if (exit.signal) return {std::to_string(128 + *exit.signal)};  // as shells say it
  return {"null"};
}

class Bash final : public Tool {
 public:
  std::string_view name() const override { return "bash"; }
  std::string_view description() const override { return kBashDescription; }
  std::string_view parameters() const override { return kParameters; }
  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override;
};

Task<ToolResult> Bash::run(domain::JsonText input, ToolContext& context) {
  auto decoded = decode_arguments<Arguments>(name(), input);
  if (!decoded) co_return std::unexpected(std::move(decoded).error());
  const Arguments arguments = std::move(*decoded);
  const std::string workdir_given = arguments.workdir.value_or("");
  const std::filesystem::path workdir = (context.directory / workdir_given).lexically_normal();
  const std::int64_t timeout_ms = std::min(arguments.timeout.value_or(kTimeoutMs), kTimeoutMsMax);

  auto allowed = co_await ask_for(arguments.command, workdir, context);
  if (!allowed) co_return std::unexpected(std::move(allowed).error());

  Output output(context);
  Progress progress(context, output);
  progress.tell();
  process::Spawn spawn;
  spawn.environment = process::tool_environment();
  spawn.environment["AGENT"] = "1";
  spawn.environment["OPENCODE"] = "1";  // scripts ask for it to know that no person is there
  const std::string shell = shell_of(spawn.environment);
  spawn.argv = {shell, "-c", arguments.command};
  spawn.directory = workdir;
  spawn.owner = context.session_id.value;
  spawn.timeout_ms = timeout_ms;
  spawn.keep_background = true;
  const auto look = [workdir, shell, worktree = context.worktree, &environment = spawn.environment] {
    for (auto& [key, value] : workspace::worktree_environment_at(worktree)) environment[key] = std::move(value);
    return problem_with(workdir, shell);
  };
  const std::string problem = co_await blocking(context.loop, context.pool, look);
  if (!problem.empty()) co_return cannot_start(problem);
  if (arguments.command.empty()) co_return cannot_start("The argument 'file' cannot be empty. Received ''");

  process::JobEvents events;
  events.started = [&context](std::int64_t pid) { context.host.process_started(pid); };
  events.output = [&output, &progress](std::string_view bytes) {
    output.append(bytes);
    progress.changed();
  };
  auto exit = co_await context.processes.run(std::move(spawn), std::move(events), context.stop);
  Output::Final final = co_await output.finish();
  if (!exit) co_return cannot_start(exit.error().message);

  ToolOutput result;
  result.title = arguments.command;
  result.output = (final.text.empty() ? "(no output)" : final.text) + note_about(*exit, timeout_ms);
  FinalMetadata metadata;
  metadata.output = output.empty() ? result.output : output.shown();
  metadata.exit = exit_of(*exit);
  metadata.truncated = final.file.has_value();
  if (final.file) metadata.output_path = final.file->string();
  result.metadata = wire::encode_json_text(metadata);
  co_return result;
}

}  // namespace
}  // namespace bash

std::unique_ptr<Tool> make_bash() { return std::make_unique<bash::Bash>(); }

}  // namespace quarterdeck::tools
