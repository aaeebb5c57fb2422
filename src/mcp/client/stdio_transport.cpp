#include "mcp/client/stdio_transport.hpp"

#include "base/log.hpp"
#include "rpc/child.hpp"
#include "rpc/jsonrpc.hpp"

namespace quarterdeck::mcp {
namespace {

class StdioTransport final : public Transport {
 public:
  StdioTransport(Loop& loop, process::Processes& processes, StdioOptions options)
      : child_(loop, processes,
               {.name = "the MCP server",
                .command = std::move(options.command),
                .directory = std::move(options.directory),
                .environment = std::move(options.environment),
                .owner = std::move(options.owner)}) {}

  Task<Result<void>> open(Receiver& receiver) override {
    receiver_ = &receiver;
    rpc::ChildEvents events{.output = [this](std::string_view bytes) { take(bytes); },
                            .ended =
                                [this](Error why) {
                                  if (Receiver* told = std::exchange(receiver_, nullptr))
                                    told->on_closed(std::move(why));
                                }};
    co_return co_await child_.start(std::move(events));
  }

  Task<Result<void>> send(std::string message, std::stop_token stop) override {
    message += '\n';
    co_return co_await child_.write(std::move(message), stop);
  }

  void agreed(const std::string&) override {}

  Task<void> close() override {
    receiver_ = nullptr;
    co_await child_.close();
  }

 private:
  void take(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      const auto piece = bytes.substr(0, end);
      if (line_.size() + piece.size() <= rpc::kMessageBytesMax) {
        line_ += piece;
      } else {
        overlong_ = true;
      }
      if (end == bytes.npos) return;
      bytes.remove_prefix(end + 1);
      std::string line = std::exchange(line_, {});
      if (std::exchange(overlong_, false)) {
        log::warn("an MCP server sent a line above {} bytes; it is ignored", rpc::kMessageBytesMax);
      } else if (receiver_ && line.find_first_not_of(" \t\r") != line.npos) {
        receiver_->on_message(line);
      }
    }
  }

  rpc::Child child_;
  Receiver* receiver_ = nullptr;
  std::string line_;
  bool overlong_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_stdio_transport(Loop& loop, process::Processes& processes, StdioOptions options) {
  return std::make_unique<StdioTransport>(loop, processes, std::move(options));
}

}  // namespace quarterdeck::mcp
