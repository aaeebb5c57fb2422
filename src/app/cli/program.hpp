// One short program and what it printed, for doctor: without the server's process keeper and without a shell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarterdeck::app {

struct ProgramResult {
  int code = 0;        // 128 + signal when a signal ended it
  std::string output;  // standard output, at most 64 KB, without the final line end
};

// Empty when there is no such program in PATH, or it took longer than `timeout_ms` (it is killed then).
std::optional<ProgramResult> run_program(const std::vector<std::string>& argv, std::int64_t timeout_ms = 3'000);

}  // namespace quarterdeck::app
