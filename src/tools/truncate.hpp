// Keeps what the model reads within 2,000 lines and 51,200 bytes; all of it stays in a file that the model can look into.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

constexpr std::size_t kOutputLinesMax = 2000;
constexpr std::size_t kOutputBytesMax = 51'200;

struct Head {
  std::string_view kept;
  std::size_t removed = 0;
  std::string_view unit;  // "lines" or "bytes": which limit was met
};

// The first whole lines of `text` within both limits; nullopt when all of it fits. A final line feed counts as one
// more (empty) line.
std::optional<Head> cut_head(std::string_view text, std::size_t lines_max = kOutputLinesMax,
                             std::size_t bytes_max = kOutputBytesMax);

struct Bounded {
  std::string output;
  std::optional<std::filesystem::path> file;  // with everything; set when something was cut away
};

// Cuts at the end and says so. Writes on the pool.
Task<Bounded> bound_output(std::string output, ToolContext& context);

// Keeps `text` as <output_dir>/tool_<id>. Returns the path even when it could not be written (that is logged).
Task<std::filesystem::path> keep_full_output(std::string text, ToolContext& context);

}  // namespace quarterdeck::tools
