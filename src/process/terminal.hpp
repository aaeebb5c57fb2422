// A pseudo-terminal: the end that a command gets as its terminal, and the end at which we are the screen and keyboard.
// Law: input is written without blocking; what the command does not take yet waits here, `kInputBytesMax` at most.
// Units: rows and columns of characters. Source: pty(7).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck::process {

struct TerminalSize {
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
  bool operator==(const TerminalSize&) const = default;
};

class Terminal {
 public:
  static constexpr std::size_t kInputBytesMax = 1024 * 1024;

  // `output` is called on the loop with what the command writes. Errors: unavailable (no terminal or descriptor left).
  static Result<std::unique_ptr<Terminal>> open(Loop& loop, TerminalSize size,
                                                std::function<void(std::string_view bytes)> output);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // For Spawn::terminal_fd. Closed by started(): only the command's processes hold it then.
  int command_end() const { return command_end_.get(); }
  void started() { command_end_.reset(); }

  // False when more waits than a command that reads would leave.
  bool write(std::string_view bytes);
  void resize(TerminalSize size);
  // The command has ended: gives what it wrote last to `output`.
  void drain();

 private:
  Terminal(Loop& loop, UniqueFd ours, UniqueFd theirs, std::function<void(std::string_view)> output);
  enum class Found { bytes, nothing, end };
  Found read_some();
  void flush();

  Loop& loop_;
  UniqueFd screen_end_;
  UniqueFd command_end_;
  std::function<void(std::string_view)> output_;
  std::string input_;
  std::unique_ptr<Loop::Handle> watch_;
  std::unique_ptr<Loop::Handle> retry_;
};

}  // namespace quarterdeck::process
