#include "app/cli/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::size_t kOutputBytesMax = 64 * 1024;

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::optional<ProgramResult> run_program(const std::vector<std::string>& argv, std::int64_t timeout_ms) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  std::vector<char*> arguments;
  for (const auto& one : argv) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  write_end.reset();
  if (failed != 0) return std::nullopt;

  ProgramResult result;
  const std::int64_t give_up_ns = system_clock().monotonic_ns() + timeout_ms * 1'000'000;
  for (;;) {
    const std::int64_t left_ms = (give_up_ns - system_clock().monotonic_ns()) / 1'000'000;
    pollfd ready{.fd = read_end.get(), .events = POLLIN, .revents = 0};
    if (left_ms <= 0 || ::poll(&ready, 1, static_cast<int>(left_ms)) == 0) {
      ::kill(pid, SIGKILL);
      wait_for(pid);
      return std::nullopt;
    }
    char bytes[4096];
    const ssize_t got = ::read(read_end.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    if (result.output.size() < kOutputBytesMax) result.output.append(bytes, static_cast<std::size_t>(got));
  }
  result.code = wait_for(pid);
  while (!result.output.empty() && result.output.back() == '\n') result.output.pop_back();
  return result;
}

}  // namespace quarterdeck::app
