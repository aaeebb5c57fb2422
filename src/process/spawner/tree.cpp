#include "process/spawner/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/unique_fd.hpp"

namespace quarterdeck::process::spawner {
namespace {

std::int64_t now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

bool read_whole(const std::string& path, std::string& text) {
  text.clear();
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return false;
  char bytes[4096];
  for (;;) {
    const auto count = ::read(file.get(), bytes, sizeof bytes);
    if (count < 0) return false;
    if (count == 0) return true;
    text.append(bytes, static_cast<std::size_t>(count));
  }
}

template <class Visit>
void each_numbered_entry(const std::string& directory, Visit visit) {
  DIR* entries = ::opendir(directory.c_str());
  if (entries == nullptr) return;
  while (const dirent* entry = ::readdir(entries)) {
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') visit(static_cast<pid_t>(std::atoi(entry->d_name)));
  }
  ::closedir(entries);
}

// False when this kernel has no /proc/*/task/*/children.
bool append_children(pid_t pid, std::vector<Descendant>& out) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task/";
  bool known = true;
  std::string text;
  each_numbered_entry(tasks, [&](pid_t task) {
    if (!read_whole(tasks + std::to_string(task) + "/children", text)) {
      // A process that has just ended is no reason to distrust the file.
      if (pid == ::getpid()) known = false;
      return;
    }
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
      pid_t child = 0;
      const auto parsed = std::from_chars(at, end, child);
      if (parsed.ec == std::errc()) out.push_back({child, pid});
      at = parsed.ptr + 1;
    }
  });
  return known;
}

pid_t parent_of(pid_t pid) {
  std::string text;
  if (!read_whole("/proc/" + std::to_string(pid) + "/stat", text)) return -1;
  // "pid (name) state ppid …": the name may hold anything, also parentheses.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 4 >= text.size()) return -1;
  return static_cast<pid_t>(std::atoi(text.c_str() + name_end + 4));
}

std::vector<Descendant> descendants_by_scan() {
  std::multimap<pid_t, pid_t> children;
  each_numbered_entry("/proc", [&](pid_t pid) { children.emplace(parent_of(pid), pid); });
  std::vector<Descendant> found;
  const auto add_children_of = [&](pid_t parent) {
    for (auto [at, end] = children.equal_range(parent); at != end; ++at) found.push_back({at->second, parent});
  };
  add_children_of(::getpid());
  for (std::size_t i = 0; i < found.size(); ++i) add_children_of(found[i].pid);
  return found;
}

}  // namespace

std::vector<Descendant> descendants() {
  std::vector<Descendant> found;
  if (!append_children(::getpid(), found)) return descendants_by_scan();
  std::set<pid_t> seen;
  for (const auto& child : found) seen.insert(child.pid);
  for (std::size_t i = 0; i < found.size(); ++i) {
    std::vector<Descendant> children;
    append_children(found[i].pid, children);
    for (const auto& child : children) {
      if (seen.insert(child.pid).second) found.push_back(child);
    }
  }
  return found;
}

bool Children::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid == 0) return true;
    if (pid < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (pid == first_) {
      first_ended_ = true;
      first_status_ = status;
    }
  }
}

void Children::wait_for_child(std::int64_t wait_ms) const {
  pollfd polled{.fd = signal_fd_, .events = POLLIN, .revents = 0};
  if (::poll(&polled, 1, static_cast<int>(wait_ms)) > 0) {
    signalfd_siginfo info;
    (void)!::read(signal_fd_, &info, sizeof info);
  }
}

void Children::ask_to_end(std::int64_t grace_ms) {
  for (const auto& [pid, parent] : descendants()) {
    ::kill(pid, SIGTERM);
    ::kill(pid, SIGCONT);
  }
  const std::int64_t end = now_ms() + grace_ms;
  while (reap()) {
    const std::int64_t left = end - now_ms();
    if (left <= 0) return;
    wait_for_child(left);
  }
}

void Children::end_now(std::int64_t limit_ms) {
  const std::int64_t end = now_ms() + limit_ms;
  while (reap() && now_ms() < end) {
    std::set<pid_t> stopped;
    // A stopped parent neither forks nor reaps, so the walk ends and no number in it is given to a stranger meanwhile.
    // The bound is for a bomb that forks faster than we walk: killing half of it comes first then.
    for (int round = 0; round < 20; ++round) {
      bool anyone_new = false;
      for (const auto& [pid, parent] : descendants()) {
        if (stopped.insert(pid).second) {
          ::kill(pid, SIGSTOP);
          anyone_new = true;
        }
      }
      if (!anyone_new) break;
    }
    for (const pid_t pid : stopped) ::kill(pid, SIGKILL);
    if (!reap()) return;
    wait_for_child(2);
  }
}

}  // namespace quarterdeck::process::spawner
