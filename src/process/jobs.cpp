// The server's side of jobs: starts them through the zygote, reads their output and reports on the loop.
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "base/async.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "process/process.hpp"
#include "process/spawner/protocol.hpp"

namespace quarterdeck::process {
namespace {

using spawner::Order;
using spawner::Report;
using spawner::Request;

// One wake-up reads this much, so that a flood leaves the loop to others.
constexpr std::size_t kReadBytes = 64 * 1024;
// A tree that has not ended this long after the order to kill it hangs in the kernel; we stop waiting for it.
constexpr std::int64_t kKillPatienceMs = 1'500;

Error system_error(ErrorCode code, std::string_view what) {
  return {code, fmt::format("{}: {}", what, std::strerror(errno)), {}};
}

Result<UniqueFd> memory_file(std::string_view bytes) {
  UniqueFd file(::memfd_create("job", MFD_CLOEXEC));
  if (!file.valid()) return std::unexpected(system_error(ErrorCode::unavailable, "cannot make a memory file"));
  while (!bytes.empty()) {
    const auto count = ::write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::unexpected(system_error(ErrorCode::unavailable, "cannot write a memory file"));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return std::unexpected(system_error(ErrorCode::unavailable, "cannot make a pipe"));
  Pipe pipe{.read_end = UniqueFd(fds[0]), .write_end = UniqueFd(fds[1])};
  ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);  // the writers' end stays blocking: it is another description
  return pipe;
}

Error start_error(const Report& report, const Spawn& spawn) {
  errno = report.error;
  const bool missing = report.error == ENOENT || report.error == ENOTDIR;
  if (report.stage == Report::Stage::directory) {
    if (report.error == ENOENT) return {ErrorCode::not_found, "no such directory: " + spawn.directory.string(), {}};
    if (report.error == ENOTDIR) return {ErrorCode::not_found, "not a directory: " + spawn.directory.string(), {}};
    return system_error(ErrorCode::denied, "cannot enter " + spawn.directory.string());
  }
  if (report.stage == Report::Stage::fork) return system_error(ErrorCode::unavailable, "cannot start a process");
  if (missing) return {ErrorCode::not_found, "no such program: " + spawn.argv[0], {}};
  if (report.error == EACCES || report.error == EPERM)
    return system_error(ErrorCode::denied, "cannot run " + spawn.argv[0]);
  if (report.error == E2BIG) return {ErrorCode::too_large, "the arguments of " + spawn.argv[0] + " are too long", {}};
  if (report.error == ENOMEM || report.error == EAGAIN) {
    return system_error(ErrorCode::unavailable, "cannot run " + spawn.argv[0]);
  }
  return system_error(ErrorCode::invalid, "cannot run " + spawn.argv[0]);
}

Result<void> check(const Spawn& spawn) {
  const auto has_nul = [](std::string_view text) { return text.contains('\0'); };
  if (spawn.argv.empty() || spawn.argv[0].empty()) return fail(ErrorCode::invalid, "the command is empty");
  bool bad = has_nul(spawn.directory.native());
  for (const auto& argument : spawn.argv) bad |= has_nul(argument);
  for (const auto& [name, value] : spawn.environment) {
    bad |= has_nul(name) || has_nul(value) || name.empty() || name.contains('=');
  }
  if (bad) return fail(ErrorCode::invalid, "a command cannot hold NUL bytes, nor an environment name '='");
  return {};
}

// One running command. Lives in the coroutine of run(); what its callbacks hold are weak references.
class Job : public std::enable_shared_from_this<Job> {
 public:
  enum class Why { no, time, stop };

  Job(Loop& loop, Spawn spawn, JobEvents events)
      : spawn(std::move(spawn)), loop_(loop), events_(std::move(events)), done_(loop) {}

  // Makes the descriptors; those for the zygote stay in `parcel_` until sent.
  Result<void> prepare();
  // Hands the job to the zygote. `unavailable` with errno EAGAIN when its queue is full: try again.
  int send_to(int zygote);
  // Begins to listen; awaiting `done` gives the outcome.
  void listen(std::int64_t start_patience_ms);
  OneShot<Result<Exit>>& done() { return done_; }

  void kill(Why why) {
    if (finished_ || why_ != Why::no) return;
    why_ = why;
    order(Order::kill);
    patience_ = loop_.after_ms(kKillPatienceMs, callback(&Job::lose_patience));
  }
  bool leaves_background() const { return keeper_stays_; }
  bool was_never_started() const { return never_started_; }
  UniqueFd take_control() {
    control_watch_.reset();
    return std::move(control_);
  }

  Spawn spawn;
  bool owner_ended = false;  // kill_owner() came while it ran: it may leave nothing behind

 private:
  struct Stream {
    UniqueFd pipe;
    std::unique_ptr<Loop::Handle> watch;
    std::function<void(std::string_view)>* sink = nullptr;
  };

  Loop::Callback callback(void (Job::*member)()) {
    return [weak = weak_from_this(), member] {
      if (auto self = weak.lock()) ((*self).*member)();
    };
  }
  void order(Order order) const { ::send(control_.get(), &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT); }

  void on_report();
  void on_output() { read_some(output_, kReadBytes); }
  void on_error_output() { read_some(error_output_, kReadBytes); }
  void on_time_over() { kill(Why::time); }
  void lose_patience() {
    log::warn("a process of `{}` does not end", spawn.argv[0]);
    end(SIGKILL);
  }

  void lose_start() {
    log::error("the process that starts commands does not answer");
    never_started_ = true;
    finish(fail(ErrorCode::unavailable, "the process that starts commands does not answer"));
  }

  // Returns how much came; 0 when there is nothing (more).
  std::size_t read_some(Stream& stream, std::size_t bytes_max);
  // What lies in the pipe when the command has ended is its output; what its background children write later is not.
  void drain(Stream& stream);
  void end(int status);
  void finish(Result<Exit> result);
  // A watch may not die inside its own callback.
  void retire(std::unique_ptr<Loop::Handle>& handle) {
    if (handle) loop_.post([handle = std::move(handle)] {});
  }

  Loop& loop_;
  JobEvents events_;
  OneShot<Result<Exit>> done_;
  std::vector<UniqueFd> parcel_;
  Request request_;
  UniqueFd control_;
  std::unique_ptr<Loop::Handle> control_watch_;
  std::unique_ptr<Loop::Handle> timer_;
  std::unique_ptr<Loop::Handle> patience_;
  std::unique_ptr<Loop::Handle> starting_;
  Stream output_;
  Stream error_output_;
  std::vector<char> buffer_;
  Why why_ = Why::no;
  bool started_ = false;
  bool finished_ = false;
  bool keeper_stays_ = false;
  bool never_started_ = false;
};

Result<void> Job::prepare() {
  TRY_VOID(check(spawn));
  request_ = {.split_stderr = !spawn.merge_stderr,
              .has_input = !spawn.input.empty() || spawn.input_fd >= 0,
              .keep_background = spawn.keep_background,
              .is_terminal = spawn.terminal_fd >= 0};
  ASSERT(!request_.is_terminal || (!request_.split_stderr && !request_.has_input && !request_.keep_background),
         "a terminal is all of a command's streams, and what it leaves running goes with it");
  spawner::CommandLine command{.directory = spawn.directory.string(), .argv = spawn.argv, .environment = {}};
  for (const auto& [name, value] : spawn.environment) command.environment.push_back(name + "=" + value);

  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return std::unexpected(system_error(ErrorCode::unavailable, "cannot make a socket pair"));
  }
  control_ = UniqueFd(pair[0]);
  UniqueFd keeper_end(pair[1]);
  TRY(auto command_file, memory_file(pack(command)));
  Pipe output;
  if (request_.is_terminal) {
    output.write_end = UniqueFd(::fcntl(spawn.terminal_fd, F_DUPFD_CLOEXEC, 0));
    if (!output.write_end.valid()) return std::unexpected(system_error(ErrorCode::unavailable, "no descriptor left"));
  } else {
    TRY(output, make_pipe());
  }
  Pipe error_output;
  if (request_.split_stderr) {
    TRY(error_output, make_pipe());
  }
  output_ = {.pipe = std::move(output.read_end), .watch = nullptr, .sink = &events_.output};
  error_output_ = {.pipe = std::move(error_output.read_end), .watch = nullptr, .sink = &events_.error_output};

  // In the order of protocol.hpp.
  parcel_.push_back(std::move(command_file));
  parcel_.push_back(std::move(keeper_end));
  parcel_.push_back(std::move(output.write_end));
  if (request_.split_stderr) parcel_.push_back(std::move(error_output.write_end));
  if (spawn.input_fd >= 0) {
    parcel_.emplace_back(::fcntl(spawn.input_fd, F_DUPFD_CLOEXEC, 0));
    if (!parcel_.back().valid()) return std::unexpected(system_error(ErrorCode::unavailable, "no descriptor left"));
  } else if (request_.has_input) {
    TRY(auto input, memory_file(spawn.input));
    parcel_.push_back(std::move(input));
  }
  if (request_.keep_background) {
    for (const Stream* stream : {&output_, &error_output_}) {
      if (!stream->pipe.valid()) continue;
      parcel_.emplace_back(::fcntl(stream->pipe.get(), F_DUPFD_CLOEXEC, 0));
      if (!parcel_.back().valid()) return std::unexpected(system_error(ErrorCode::unavailable, "no descriptor left"));
    }
  }
  return {};
}

int Job::send_to(int zygote) {
  iovec part{.iov_base = &request_, .iov_len = sizeof request_};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int) * spawner::kDescriptorsMax)]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = CMSG_SPACE(sizeof(int) * parcel_.size());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * parcel_.size());
  for (std::size_t i = 0; i < parcel_.size(); ++i) {
    const int fd = parcel_[i].get();
    std::memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
  }
  if (::sendmsg(zygote, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return errno;
  parcel_.clear();
  return 0;
}

void Job::listen(std::int64_t start_patience_ms) {
  control_watch_ = loop_.watch_readable(control_.get(), callback(&Job::on_report));
  starting_ = loop_.after_ms(start_patience_ms, callback(&Job::lose_start));
  if (spawn.timeout_ms > 0) timer_ = loop_.after_ms(spawn.timeout_ms, callback(&Job::on_time_over));
}

void Job::on_report() {
  if (finished_) return;
  Report report;
  const auto count = ::recv(control_.get(), &report, sizeof report, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count != sizeof report) {
    // The keeper was killed, and the zygote ends what it left.
    if (started_) return end(SIGKILL);
    return finish(fail(ErrorCode::unavailable, "the process that starts commands has gone"));
  }
  retire(starting_);
  switch (report.kind) {
    case Report::Kind::failed: return finish(std::unexpected(start_error(report, spawn)));
    case Report::Kind::started:
      started_ = true;
      if (events_.started) events_.started(report.pid);
      // Only now: whoever listens hears of the process before he hears its output.
      if (output_.pipe.valid()) {
        output_.watch = loop_.watch_readable(output_.pipe.get(), callback(&Job::on_output));
      }
      if (error_output_.pipe.valid()) {
        error_output_.watch = loop_.watch_readable(error_output_.pipe.get(), callback(&Job::on_error_output));
      }
      return;
    case Report::Kind::exited: keeper_stays_ = spawn.keep_background && why_ == Why::no; return end(report.status);
  }
}

std::size_t Job::read_some(Stream& stream, std::size_t bytes_max) {
  if (finished_ || !stream.pipe.valid() || !stream.watch) return 0;
  buffer_.resize(kReadBytes);
  const auto count = ::read(stream.pipe.get(), buffer_.data(), std::min(bytes_max, buffer_.size()));
  if (count > 0) {
    if (*stream.sink) (*stream.sink)({buffer_.data(), static_cast<std::size_t>(count)});
    return static_cast<std::size_t>(count);
  }
  if (count == 0 || (errno != EAGAIN && errno != EINTR)) retire(stream.watch);
  return 0;
}

void Job::drain(Stream& stream) {
  int waiting = 0;
  if (!stream.pipe.valid() || ::ioctl(stream.pipe.get(), FIONREAD, &waiting) != 0) return;
  for (auto left = static_cast<std::size_t>(std::max(waiting, 0)); left > 0;) {
    const auto count = read_some(stream, left);
    if (count == 0) return;
    left -= count;
  }
}

void Job::end(int status) {
  drain(output_);
  drain(error_output_);
  if (keeper_stays_) order(Order::discard_output);
  Exit exit{.timed_out = why_ == Why::time, .cancelled = why_ == Why::stop};
  if (WIFEXITED(status)) exit.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
  finish(exit);
}

void Job::finish(Result<Exit> result) {
  if (std::exchange(finished_, true)) return;
  retire(control_watch_);
  retire(output_.watch);
  retire(error_output_.watch);
  retire(timer_);
  retire(patience_);
  retire(starting_);
  done_.setter()(std::move(result));
}

class LocalProcesses final : public Processes {
 public:
  LocalProcesses(Loop& loop, Spawner spawner, std::function<Result<Spawner>()> restart, std::int64_t start_patience_ms)
      : loop_(loop),
        spawner_(std::move(spawner)),
        restart_(std::move(restart)),
        start_patience_ms_(start_patience_ms) {}

  Task<Result<Exit>> run(Spawn spawn, JobEvents events, std::stop_token stop) override;
  void kill_owner(const std::string& owner) override;
  std::size_t running() const override { return running_.size(); }

 private:
  // The keeper of what a command left in the background. Closing `control` ends it all.
  struct Background {
    UniqueFd control;
    std::unique_ptr<Loop::Handle> watch;
  };
  using Backgrounds = std::multimap<std::string, std::shared_ptr<Background>>;
  // Keeps `all` right also when the coroutine is destroyed instead of resumed.
  struct Running {
    Running(std::set<Job*>& jobs, Job& one) : all(jobs), job(one) { all.insert(&job); }
    ~Running() { all.erase(&job); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    std::set<Job*>& all;
    Job& job;
  };

  void guard(const std::string& owner, UniqueFd control);
  void forget(const std::shared_ptr<Background>& background);

  Loop& loop_;
  Spawner spawner_;
  std::function<Result<Spawner>()> restart_;
  std::int64_t start_patience_ms_;
  unsigned generation_ = 0;  // of the spawner
  bool stuck_ = false;
  std::set<Job*> running_;
  Backgrounds backgrounds_;
};

Task<Result<Exit>> LocalProcesses::run(Spawn spawn, JobEvents events, std::stop_token stop) {
  const auto job = std::make_shared<Job>(loop_, std::move(spawn), std::move(events));
  CO_TRY_VOID(job->prepare());
  // The zygote takes a job in less than a millisecond; its queue is full only when hundreds come at once.
  int error = 0;
  for (int attempt = 0; attempt < 2'000; ++attempt) {
    if (stop.stop_requested()) co_return Exit{.cancelled = true};
    error = stuck_ ? EPIPE : job->send_to(spawner_.socket());
    if ((error == EPIPE || error == ECONNRESET || error == ENOTCONN) && restart_) {
      // Somebody killed it, and every command with it. The next one starts under another.
      log::warn("the process that starts commands has gone; starting it again");
      CO_TRY(spawner_, restart_());
      ++generation_;
      stuck_ = false;
      error = job->send_to(spawner_.socket());
    }
    if (error != EAGAIN && error != ETOOMANYREFS && error != ENOBUFS) break;
    co_await sleep_ms(loop_, 1, stop);
  }
  if (error != 0) {
    co_return fail(ErrorCode::unavailable, "the process that starts commands does not answer: {}",
                   std::strerror(error));
  }
  const unsigned generation = generation_;
  const Running running(running_, *job);
  job->listen(start_patience_ms_);
  const std::stop_callback on_stop(stop, [&loop = loop_, weak = std::weak_ptr(job)] {
    loop.post([weak] {
      if (const auto waiting = weak.lock()) waiting->kill(Job::Why::stop);
    });
  });
  auto result = co_await job->done();
  // Only the one that it was given to: others may have seen to it already.
  if (job->was_never_started() && restart_ && generation == generation_) {
    spawner_.kill();
    stuck_ = true;
  }
  if (job->leaves_background() && !job->owner_ended) guard(job->spawn.owner, job->take_control());
  co_return result;
}

void LocalProcesses::guard(const std::string& owner, UniqueFd control) {
  const auto background = std::make_shared<Background>();
  background->control = std::move(control);
  // The keeper sends nothing any more: readable means that its tree has ended by itself.
  background->watch = loop_.watch_readable(background->control.get(), [this, weak = std::weak_ptr(background)] {
    if (const auto ended = weak.lock()) forget(ended);
  });
  backgrounds_.emplace(owner, background);
}

void LocalProcesses::forget(const std::shared_ptr<Background>& background) {
  std::erase_if(backgrounds_, [&](const auto& entry) { return entry.second == background; });
  loop_.post([background] {});  // its watch is the caller
}

void LocalProcesses::kill_owner(const std::string& owner) {
  backgrounds_.erase(owner);
  for (Job* job : running_) {
    if (job->spawn.owner == owner) job->owner_ended = true;
  }
}

}  // namespace

std::unique_ptr<Processes> make_processes(Loop& loop, Spawner spawner, std::function<Result<Spawner>()> restart,
                                          std::int64_t start_patience_ms) {
  return std::make_unique<LocalProcesses>(loop, std::move(spawner), std::move(restart), start_patience_ms);
}

}  // namespace quarterdeck::process
