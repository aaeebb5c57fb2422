#include "mcp/client/stdio_transport.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "mcp/jsonrpc.hpp"
#include "wire/json.hpp"

namespace quarterdeck::mcp {
namespace {

constexpr std::size_t kErrorBytesKept = 2'000;
constexpr std::int64_t kCloseGraceMs = 2'000;
constexpr int kPipeBytes = 1024 * 1024;

class StdioTransport final : public Transport {
 public:
  StdioTransport(Loop& loop, process::Processes& processes, StdioOptions options)
      : loop_(loop), processes_(processes), options_(std::move(options)), tasks_(loop) {}

  Task<Result<void>> open(Receiver& receiver) override {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) co_return fail(ErrorCode::unavailable, "no pipe: {}", std::strerror(errno));
    UniqueFd read_end(ends[0]);
    input_ = UniqueFd(ends[1]);
    ::fcntl(input_.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(input_.get(), F_SETPIPE_SZ, kPipeBytes);  // a wish; the default of 64 KB works, too
    receiver_ = &receiver;
    OneShot<Unit> started(loop_);
    tasks_.spawn(run(std::move(read_end), started.setter()));
    co_await started;
    if (!running_) co_return std::unexpected(ended_);
    co_return Result<void>();
  }

  Task<Result<void>> send(std::string message, std::stop_token stop) override {
    message += '\n';
    if (waiting_bytes_ + message.size() > kMessageBytesMax) {
      co_return fail(ErrorCode::unavailable, "the MCP server does not read what it is sent");
    }
    waiting_bytes_ += message.size();
    // One message after the other: a line must not be cut by another.
    const std::uint64_t turn = next_turn_++;
    while (turn != current_turn_ && running_) co_await sleep_ms(loop_, 1);
    std::size_t sent = 0;
    while (sent < message.size() && running_) {
      const auto count = ::write(input_.get(), message.data() + sent, message.size() - sent);
      if (count > 0) {
        sent += static_cast<std::size_t>(count);
      } else if (errno != EAGAIN && errno != EINTR) {
        break;
      } else if (sent == 0 && stop.stop_requested()) {
        break;
      } else {
        co_await sleep_ms(loop_, 2);
      }
    }
    ++current_turn_;
    waiting_bytes_ -= message.size();
    if (sent == message.size()) co_return Result<void>();
    if (stop.stop_requested()) co_return fail(ErrorCode::cancelled, "cancelled");
    co_return running_ ? fail(ErrorCode::unavailable, "the MCP server does not read its input")
                       : Result<void>(std::unexpected(ended_));
  }

  void agreed(const std::string&) override {}

  Task<void> close() override {
    receiver_ = nullptr;
    // End of input asks a server to end; then its tree is killed.
    input_.reset();
    for (std::int64_t waited = 0; running_ && waited < kCloseGraceMs; waited += 20) co_await sleep_ms(loop_, 20);
    stop_.request_stop();
    co_await tasks_.join();
  }

 private:
  Task<void> run(UniqueFd input, OneShot<Unit>::Setter started) {
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
                              .output = [this](std::string_view bytes) { take(bytes); },
                              .error_output = [this](std::string_view bytes) { keep_error(bytes); }};
    const std::stop_token stop = stop_.get_token();
    const auto exit = co_await processes_.run(std::move(spawn), std::move(events), stop);
    running_ = false;
    ended_ = exit ? Error{ErrorCode::unavailable, how_it_ended(*exit), {}} : exit.error();
    started(Unit{});
    if (Receiver* receiver = std::exchange(receiver_, nullptr)) receiver->on_closed(ended_);
  }

  std::string how_it_ended(const process::Exit& exit) const {
    std::string text = exit.code     ? fmt::format("the MCP server ended with exit code {}", *exit.code)
                       : exit.signal ? fmt::format("the MCP server was ended by signal {}", *exit.signal)
                                     : std::string("the MCP server ended");
    if (!errors_.empty()) text += ": " + wire::valid_utf8(errors_);
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

  void take(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      const auto piece = bytes.substr(0, end);
      if (line_.size() + piece.size() <= kMessageBytesMax) {
        line_ += piece;
      } else {
        overlong_ = true;
      }
      if (end == bytes.npos) return;
      bytes.remove_prefix(end + 1);
      std::string line = std::exchange(line_, {});
      if (std::exchange(overlong_, false)) {
        log::warn("an MCP server sent a line above {} bytes; it is ignored", kMessageBytesMax);
      } else if (receiver_ && line.find_first_not_of(" \t\r") != line.npos) {
        receiver_->on_message(line);
      }
    }
  }

  void keep_error(std::string_view bytes) {
    errors_ += bytes;
    if (errors_.size() > kErrorBytesKept) errors_.erase(0, errors_.size() - kErrorBytesKept);
  }

  Loop& loop_;
  process::Processes& processes_;
  StdioOptions options_;
  Receiver* receiver_ = nullptr;
  UniqueFd input_;
  bool running_ = false;
  Error ended_;
  std::string line_;
  bool overlong_ = false;
  std::string errors_;  // the end of what it wrote to standard error
  std::size_t waiting_bytes_ = 0;
  std::uint64_t next_turn_ = 0;
  std::uint64_t current_turn_ = 0;
  std::stop_source stop_;
  TaskGroup tasks_;
};

}  // namespace

std::unique_ptr<Transport> make_stdio_transport(Loop& loop, process::Processes& processes, StdioOptions options) {
  return std::make_unique<StdioTransport>(loop, processes, std::move(options));
}

}  // namespace quarterdeck::mcp
