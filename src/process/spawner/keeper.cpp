#include "process/spawner/keeper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "process/spawner/tree.hpp"

namespace quarterdeck::process::spawner {
namespace {

// Time for a tree to clean up after SIGTERM. Aborts answer within 100 ms, so this is most of what they may take.
constexpr std::int64_t kGraceMs = 40;
// After this long, what does not die is left: it belongs to another user or hangs in the kernel.
constexpr std::int64_t kGiveUpMs = 5'000;

// What the child tells before exec; nothing when exec succeeded.
struct StartFailure {
  Report::Stage stage;
  std::int32_t error;
};

bool load(const UniqueFd& file, CommandLine& command) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return false;
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = ::pread(file.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return unpack(bytes, command);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::string path_of(const std::vector<std::string>& environment) {
  for (const auto& entry : environment) {
    if (entry.starts_with("PATH=")) return entry.substr(5);
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

// As execvp(3), but with the PATH of the new environment. Returns errno.
int execute(CommandLine& command) {
  if (command.argv.empty() || command.argv[0].empty()) return ENOENT;
  auto argv = pointers(command.argv);
  auto environment = pointers(command.environment);
  const auto try_file = [&](const char* file) {
    ::execve(file, argv.data(), environment.data());
    if (errno != ENOEXEC) return;
    // A script without a #! line.
    std::vector<char*> script{const_cast<char*>("/bin/sh"), const_cast<char*>(file)};
    script.insert(script.end(), argv.begin() + 1, argv.end());
    ::execve("/bin/sh", script.data(), environment.data());
  };
  if (command.argv[0].contains('/')) {
    try_file(command.argv[0].c_str());
    return errno;
  }
  const std::string path = path_of(command.environment);
  bool denied = false;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    const std::string folder = end > at ? path.substr(at, end - at) : ".";
    try_file((folder + "/" + command.argv[0]).c_str());
    if (errno == EACCES) {
      denied = true;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return errno;
    }
    at = end + 1;
  }
  return denied ? EACCES : ENOENT;
}

[[noreturn]] void become_command(const Job& job, CommandLine& command, int null_fd, int failure_fd) {
  const auto give_up = [&](Report::Stage stage) {
    const StartFailure failure{.stage = stage, .error = errno};
    (void)!::write(failure_fd, &failure, sizeof failure);
    ::_exit(127);
  };
  // Its own session: no controlling terminal but the one that it is given, and `kill 0` reaches neither keeper nor server.
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // the keeper does not end before the tree, unless it is killed
  // When memory runs out the tools go first, not the server.
  if (const UniqueFd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)); score.valid()) {
    (void)!::write(score.get(), "500", 3);
  }
  if (!command.directory.empty() && ::chdir(command.directory.c_str()) != 0) give_up(Report::Stage::directory);
  const int error_output = job.request.split_stderr ? job.error_output.get() : job.output.get();
  const bool is_terminal = job.request.is_terminal;
  if (is_terminal && ::ioctl(job.output.get(), TIOCSCTTY, 0) != 0) give_up(Report::Stage::fork);
  const int input = is_terminal ? job.output.get() : job.request.has_input ? job.input.get() : null_fd;
  if (::dup2(input, 0) < 0 || ::dup2(job.output.get(), 1) < 0 || ::dup2(error_output, 2) < 0) {
    give_up(Report::Stage::fork);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  errno = execute(command);
  give_up(Report::Stage::program);
  ::_exit(127);
}

class Keeper {
 public:
  Keeper(Job job, int signal_fd) : job_(std::move(job)), signal_fd_(signal_fd), children_(signal_fd) {}

  void run(int null_fd) {
    if (!start(null_fd)) return;
    bool guarding = true;
    while (guarding) guarding = wait();
    report_exit();
  }

 private:
  void send(const Report& report) const { ::send(job_.control.get(), &report, sizeof report, MSG_NOSIGNAL); }

  bool start(int null_fd) {
    const auto fail = [this](StartFailure failure) {
      send({.kind = Report::Kind::failed, .stage = failure.stage, .error = failure.error});
      return false;
    };
    CommandLine command;
    if (!load(job_.command, command)) return fail({Report::Stage::fork, EINVAL});
    int failure_pipe[2];
    if (::pipe2(failure_pipe, O_CLOEXEC) != 0) return fail({Report::Stage::fork, errno});
    const UniqueFd read_end(failure_pipe[0]);
    UniqueFd write_end(failure_pipe[1]);

    const pid_t pid = ::fork();
    if (pid < 0) return fail({Report::Stage::fork, errno});
    if (pid == 0) become_command(job_, command, null_fd, write_end.get());
    write_end.reset();
    children_.watch(pid);
    StartFailure failure{};
    ssize_t count = 0;
    while ((count = ::read(read_end.get(), &failure, sizeof failure)) < 0 && errno == EINTR) {}
    if (count == sizeof failure) return fail(failure);
    send({.kind = Report::Kind::started, .pid = pid});
    // Only the command's processes hold the write ends from here on, so that the reader sees their end.
    job_.output.reset();
    job_.error_output.reset();
    job_.input.reset();
    job_.command.reset();
    return true;
  }

  void report_exit() {
    if (std::exchange(reported_, true)) return;
    send({.kind = Report::Kind::exited, .status = children_.first_status()});
  }

  // False when the tree is gone and this process with it.
  bool wait() {
    pollfd polled[] = {
        {.fd = job_.control.get(), .events = POLLIN, .revents = 0},
        {.fd = signal_fd_, .events = POLLIN, .revents = 0},
        {.fd = discarding_ ? job_.output_read_end.get() : -1, .events = POLLIN, .revents = 0},
        {.fd = discarding_ ? job_.error_read_end.get() : -1, .events = POLLIN, .revents = 0},
    };
    ::poll(polled, 4, -1);
    if (polled[1].revents != 0 && !on_signal()) return false;
    if (polled[0].revents != 0 && !on_order()) return false;
    if (polled[2].revents != 0) discard(job_.output_read_end);
    if (polled[3].revents != 0) discard(job_.error_read_end);
    return true;
  }

  bool on_signal() {
    signalfd_siginfo info{};
    if (::read(signal_fd_, &info, sizeof info) != sizeof info) return true;
    if (info.ssi_signo == SIGTERM) return end_tree();
    const bool any_left = children_.reap();
    if (!children_.first_ended()) return true;
    if (!any_left) return false;
    if (job_.request.keep_background) {
      report_exit();
      return true;
    }
    children_.end_now(kGiveUpMs);
    return false;
  }

  bool on_order() {
    Order order{};
    const auto count = ::recv(job_.control.get(), &order, sizeof order, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (count == sizeof order && order == Order::discard_output) {
      discarding_ = true;
      return true;
    }
    return end_tree();
  }

  bool end_tree() {
    children_.ask_to_end(kGraceMs);
    children_.end_now(kGiveUpMs);
    return false;
  }

  static void discard(UniqueFd& read_end) {
    char bytes[16 * 1024];
    const auto count = ::read(read_end.get(), bytes, sizeof bytes);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) read_end.reset();
  }

  Job job_;
  int signal_fd_;
  Children children_;
  bool reported_ = false;
  bool discarding_ = false;
};

}  // namespace

void keep(Job job, pid_t zygote, int signal_fd, int null_fd) {
  ::setsid();
  ::prctl(PR_SET_NAME, "qd-keeper");
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != zygote) return;  // it died before we asked to be told
  Keeper keeper(std::move(job), signal_fd);
  keeper.run(null_fd);
}

}  // namespace quarterdeck::process::spawner
