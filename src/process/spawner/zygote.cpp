// The zygote: forked by Spawner::start() while the server is small; forks one keeper a job.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>

#include "process/process.hpp"
#include "process/spawner/keeper.hpp"
#include "process/spawner/protocol.hpp"
#include "process/spawner/tree.hpp"

extern char** environ;

namespace quarterdeck::process {
namespace spawner {
namespace {

// How long the keepers have for their trees when the server has gone. The server's own exit waits this long at most.
constexpr std::int64_t kFarewellMs = 3'000;

std::int64_t now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// False at the end of the server. A malformed message (there is none) yields a job without descriptors.
bool receive(int socket, Job& job) {
  iovec part{.iov_base = &job.request, .iov_len = sizeof job.request};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int) * kDescriptorsMax)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  const auto count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  if (count == 0) return false;
  std::vector<UniqueFd> received;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < fds; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      received.emplace_back(fd);
    }
  }
  std::size_t next = 0;
  const auto take = [&](UniqueFd& into, bool comes) {
    if (comes && next < received.size()) into = std::move(received[next++]);
  };
  const bool split = job.request.split_stderr;
  take(job.command, true);
  take(job.control, true);
  take(job.output, true);
  take(job.error_output, split);
  take(job.input, job.request.has_input);
  take(job.output_read_end, job.request.keep_background);
  take(job.error_read_end, job.request.keep_background && split);
  return true;
}

class Zygote {
 public:
  explicit Zygote(int socket) : socket_(socket) {}

  void run() {
    settle();
    while (wait()) {}
    farewell();
  }

 private:
  void settle() {
    ::setsid();  // Ctrl-C in the terminal is for the server alone
    ::prctl(PR_SET_NAME, "qd-spawner");
    // A keeper that is killed leaves its tree to us.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)!::chdir("/");
    // The server's secrets are not ours: nobody shall read them from /proc/<keeper>/environ.
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
      std::memset(*entry, 0, std::strlen(*entry));
    ::clearenv();

    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);

    // Descriptors: 0-2 /dev/null, 3 the server, nothing else.
    ::dup2(socket_, 3);
    socket_ = 3;
    ::fcntl(socket_, F_SETFD, FD_CLOEXEC);
    ::close_range(4, ~0U, 0);
    null_ = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; ++fd) ::dup2(null_, fd);
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGCHLD);
    sigaddset(&ours, SIGTERM);
    signals_ = ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
  }

  // False when the server has gone.
  bool wait() {
    pollfd polled[] = {{.fd = socket_, .events = POLLIN, .revents = 0},
                       {.fd = signals_, .events = POLLIN, .revents = 0}};
    ::poll(polled, 2, -1);
    if (polled[1].revents != 0) {
      signalfd_siginfo info{};
      (void)!::read(signals_, &info, sizeof info);
      if (info.ssi_signo == SIGTERM) return false;
      reap();
    }
    if (polled[0].revents == 0) return true;
    Job job;
    if (!receive(socket_, job)) return false;
    if (job.output.valid()) fork_keeper(std::move(job));
    return true;
  }

  void fork_keeper(Job job) {
    const pid_t self = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(socket_);
      keep(std::move(job), self, signals_, null_);
      ::_exit(0);
    }
    if (pid > 0) {
      keepers_.insert(pid);
      return;
    }
    const Report report{.kind = Report::Kind::failed, .stage = Report::Stage::fork, .error = errno};
    ::send(job.control.get(), &report, sizeof report, MSG_NOSIGNAL);
  }

  // False when no child is left.
  bool reap() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return pid == 0;
      if (keepers_.erase(pid) != 0 && WIFSIGNALED(status)) end_orphans();
    }
  }

  // What a killed keeper left: every child of ours that is no keeper. Their children come to us in the next rounds.
  void end_orphans() {
    for (int round = 0; round < 50; ++round) {
      bool any = false;
      std::set<pid_t> guarded = keepers_;
      for (const auto& [pid, parent] : descendants()) {
        if (guarded.contains(pid)) continue;
        if (guarded.contains(parent)) {
          guarded.insert(pid);
          continue;
        }
        ::kill(pid, SIGKILL);
        any = true;
      }
      if (!any) return;
      int status = 0;
      for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) keepers_.erase(pid);
      ::usleep(1'000);
    }
  }

  // The keepers have seen the server's end too. Our own death would tell them again.
  void farewell() {
    for (const pid_t keeper : keepers_) ::kill(keeper, SIGTERM);
    const std::int64_t end = now_ms() + kFarewellMs;
    while (reap() && now_ms() < end) {
      pollfd polled{.fd = signals_, .events = POLLIN, .revents = 0};
      ::poll(&polled, 1, 20);
      signalfd_siginfo info{};
      (void)!::read(signals_, &info, sizeof info);
    }
  }

  int socket_;
  int null_ = -1;
  int signals_ = -1;
  std::set<pid_t> keepers_;
};

}  // namespace
}  // namespace spawner

namespace {
constexpr int kInheritedSocket = 3;
}  // namespace

Result<Spawner> Spawner::start() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return fail(ErrorCode::unavailable, "cannot make a socket pair: {}", std::strerror(errno));
  }
  UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(ErrorCode::unavailable, "cannot fork: {}", std::strerror(errno));
  if (pid == 0) {
    spawner::Zygote zygote(theirs.release());
    zygote.run();
    ::_exit(0);
  }
  return Spawner(ours.release(), pid);
}

Result<Spawner> Spawner::start_again() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return fail(ErrorCode::unavailable, "cannot make a socket pair: {}", std::strerror(errno));
  }
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), kInheritedSocket);
  std::string name = "quarterdeck";
  std::string argument(kSpawnerArgument);
  char* const argv[] = {name.data(), argument.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail(ErrorCode::unavailable, "cannot start the process that starts commands: {}", std::strerror(error));
  }
  return Spawner(ours.release(), pid);
}

int run_as_spawner() {
  spawner::Zygote zygote(kInheritedSocket);
  zygote.run();
  return 0;
}

Spawner::Spawner(Spawner&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), pid_(std::exchange(other.pid_, -1)) {}

Spawner& Spawner::operator=(Spawner&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(pid_, other.pid_);
  return *this;
}

// Nobody else waits for it, so that its number is its own.
void Spawner::kill() const { ::kill(pid_, SIGKILL); }

Spawner::~Spawner() {
  if (socket_ < 0) return;
  ::close(socket_);
  // It ends by itself, at the latest after kFarewellMs; unless somebody has stopped it.
  if (const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))); ended.valid()) {
    pollfd polled{.fd = ended.get(), .events = POLLIN, .revents = 0};
    if (::poll(&polled, 1, spawner::kFarewellMs + 1'000) <= 0) ::kill(pid_, SIGKILL);
  }
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

}  // namespace quarterdeck::process
