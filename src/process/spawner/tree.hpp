// The process tree below this process, which is a child subreaper: whoever is orphaned comes back as our child, so
// "no children" means "no descendants", setsid and double forks notwithstanding.
// Seam: with a delegated cgroup v2, end_now() becomes one write to cgroup.kill; callers stay as they are.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace quarterdeck::process::spawner {

struct Descendant {
  pid_t pid;
  pid_t parent;
};

// All descendants that are alive or zombies, parents before children.
std::vector<Descendant> descendants();

// Reaps children and remembers how one of them ended.
class Children {
 public:
  explicit Children(int signal_fd) : signal_fd_(signal_fd) {}

  void watch(pid_t first) { first_ = first; }
  // Takes every child that has ended. False when none is left.
  bool reap();
  bool first_ended() const { return first_ended_; }
  int first_status() const { return first_status_; }

  // SIGTERM to all, so that git and friends remove their lock files; waits at most `grace_ms` for the end.
  void ask_to_end(std::int64_t grace_ms);
  // SIGSTOP over the whole tree until nobody new turns up, then SIGKILL; until none is left or `limit_ms` have passed
  // (processes of another user, or stuck in the kernel, cannot be waited for).
  void end_now(std::int64_t limit_ms);

 private:
  void wait_for_child(std::int64_t wait_ms) const;

  int signal_fd_;
  pid_t first_ = -1;
  bool first_ended_ = false;
  int first_status_ = 0;
};

}  // namespace quarterdeck::process::spawner
