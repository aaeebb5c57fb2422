#include "rpc/child.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "wire/json.hpp"

namespace quarterdeck::rpc {
namespace {

constexpr std::size_t kErrorBytesKept = 2'000;
constexpr int kPipeBytes = 1024 * 1024;

}  // namespace

Child::Child(Loop& loop, process::Processes& processes, ChildOptions options)
    : loop_(loop), processes_(processes), options_(std::move(options)), tasks_(loop) {}

Child::~Child() = default;

Task<Result<void>> Child::start(ChildEvents events) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) co_return fail(ErrorCode::unavailable, "no pipe: {}", std::strerror(errno));
  UniqueFd read_end(ends[0]);
  input_ = UniqueFd(ends[1]);
  ::fcntl(input_.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(input_.get(), F_SETPIPE_SZ, kPipeBytes);  // a wish; the default of 64 KB works, too
  events_ = std::move(events);
  OneShot<Unit> started(loop_);
  tasks_.spawn(run(std::move(read_end), started.setter()));
  co_await started;
  if (!running_) co_return std::unexpected(ended_);
  co_return Result<void>();
}

Task<Result<void>> Child::write(std::string bytes, std::stop_token stop) {
  OneShot<Result<void>> sent(loop_);
  if (!enqueue({std::move(bytes), sent.setter(), stop})) co_return std::unexpected(refusal());
  co_return co_await sent;
}

bool Child::post(std::string bytes) { return enqueue({std::move(bytes), std::nullopt, {}}); }

Error Child::refusal() const {
  if (!running_) return ended_;
  return {ErrorCode::unavailable, options_.name + " does not read what it is sent", {}};
}

bool Child::enqueue(Message message) {
  if (!running_ || waiting_bytes_ + message.bytes.size() > kWaitingBytesMax) return false;
  waiting_bytes_ += message.bytes.size();
  messages_.push_back(std::move(message));
  if (!std::exchange(pumping_, true)) tasks_.spawn(pump());
  return true;
}

Task<void> Child::pump() {
  while (!messages_.empty()) {
    Message message = std::move(messages_.front());
    messages_.pop_front();
    std::size_t written = 0;
    bool cancelled = false;
    while (written < message.bytes.size() && running_ && input_.valid() && !cancelled) {
      const auto count = ::write(input_.get(), message.bytes.data() + written, message.bytes.size() - written);
      if (count > 0) {
        written += static_cast<std::size_t>(count);
      } else if (errno != EAGAIN && errno != EINTR) {
        break;
      } else if (written == 0 && message.stop.stop_requested()) {
        cancelled = true;
      } else {
        co_await sleep_ms(loop_, 2);
      }
    }
    waiting_bytes_ -= message.bytes.size();
    if (!message.sent) continue;
    if (written == message.bytes.size()) {
      (*message.sent)(Result<void>());
    } else if (cancelled) {
      (*message.sent)(fail(ErrorCode::cancelled, "cancelled"));
    } else {
      (*message.sent)(std::unexpected(refusal()));
    }
  }
  pumping_ = false;
}

Task<void> Child::close(std::int64_t grace_ms) {
  events_ = {};
  // End of input asks a program to end; then its tree is killed.
  input_.reset();
  for (std::int64_t waited = 0; running_ && waited < grace_ms; waited += 20) co_await sleep_ms(loop_, 20);
  stop_.request_stop();
  co_await tasks_.join();
}

Task<void> Child::run(UniqueFd input, OneShot<Unit>::Setter started) {
  process::Spawn spawn{.argv = options_.command,
                       .directory = options_.directory,
                       .environment = options_.environment,
                       .owner = options_.owner,
                       .input_fd = input.get(),
                       .merge_stderr = false};
  process::JobEvents events{.started =
                                [this, started](std::int64_t) {
                                  running_ = true;
                                  started(Unit{});
                                },
                            .output =
                                [this](std::string_view bytes) {
                                  if (events_.output) events_.output(bytes);
                                },
                            .error_output =
                                [this](std::string_view bytes) {
                                  errors_ += bytes;
                                  if (errors_.size() > kErrorBytesKept) {
                                    errors_.erase(0, errors_.size() - kErrorBytesKept);
                                  }
                                }};
  const std::stop_token stop = stop_.get_token();
  const auto exit = co_await processes_.run(std::move(spawn), std::move(events), stop);
  running_ = false;
  ended_ = exit ? Error{ErrorCode::unavailable, how_it_ended(*exit), {}} : exit.error();
  started(Unit{});
  ChildEvents last = std::exchange(events_, {});
  if (last.ended) last.ended(ended_);
}

std::string Child::how_it_ended(const process::Exit& exit) const {
  std::string text = exit.code     ? fmt::format("{} ended with exit code {}", options_.name, *exit.code)
                     : exit.signal ? fmt::format("{} was ended by signal {}", options_.name, *exit.signal)
                                   : options_.name + " ended";
  if (!errors_.empty()) text += ": " + wire::valid_utf8(errors_);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace quarterdeck::rpc
