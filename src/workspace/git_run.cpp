#include "workspace/git_run.hpp"

#include <algorithm>

namespace quarterdeck::workspace {

Task<Result<std::string>> run_git(process::Processes& processes, GitRun run) {
  const std::string name = run.arguments.empty() ? "" : run.arguments.front();
  process::Spawn spawn;
  spawn.argv = {"git", "--no-optional-locks"};
  for (const char* setting : {"core.hooksPath=/dev/null", "core.fsmonitor=false", "core.quotepath=off", "gc.auto=0",
                              "maintenance.auto=false"}) {
    spawn.argv.insert(spawn.argv.end(), {"-c", setting});
  }
  spawn.argv.insert(spawn.argv.end(), std::make_move_iterator(run.arguments.begin()),
                    std::make_move_iterator(run.arguments.end()));
  spawn.directory = std::move(run.directory);
  spawn.environment = process::tool_environment();
  std::erase_if(spawn.environment, [](const auto& entry) { return entry.first.starts_with("GIT_"); });
  spawn.environment["GIT_TERMINAL_PROMPT"] = "0";
  spawn.environment["LC_ALL"] = "C";
  for (auto& [key, value] : run.environment) spawn.environment[key] = std::move(value);
  spawn.input = std::move(run.input);
  spawn.merge_stderr = false;
  spawn.timeout_ms = run.timeout_ms;
  CO_TRY(auto said, co_await process::collect(processes, std::move(spawn), run.output_bytes_max));
  if (said.exit.timed_out) co_return fail(ErrorCode::unavailable, "git {} took too long", name);
  if (said.exit.code != 0) {
    const auto words = lines_of(said.error_output);
    co_return fail(ErrorCode::invalid, "git {}: {}", name, words.empty() ? "failed" : words.front());
  }
  if (said.truncated) co_return fail(ErrorCode::unavailable, "git {} said too much", name);
  co_return std::move(said.output);
}

std::vector<std::string> lines_of(std::string_view output) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = std::min(output.find('\n', at), output.size());
    if (end > at) lines.emplace_back(output.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace quarterdeck::workspace
