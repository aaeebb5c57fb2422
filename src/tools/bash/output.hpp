// What a command has written so far: its tail in memory, all of it in a file as soon as it is too long to show.
// Laws: memory is bounded by the tail (kTailBytes) and by what waits for the disk (kFileBytesMax at most); every text
// that comes out is valid UTF-8. Loop thread only; the file is written on the pool.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.hpp"
#include "base/unique_fd.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools::bash {

inline constexpr std::size_t kFileBytesMax = 64 << 20;
inline constexpr std::size_t kPreviewUnits = 30'000;  // UTF-16, as JavaScript counts

// The last whole lines of `text` within both limits: walking back, line by line; of one line that is too long alone, its
// end. `text` is UTF-8. Pieces between line feeds are lines: "a\n" has two.
std::string_view cut_tail(std::string_view text, std::size_t lines_max, std::size_t bytes_max);

// `text`, or "...\n\n" and its last kPreviewUnits.
std::string preview(std::string_view text);

class Output {
 public:
  explicit Output(ToolContext& context) : context_(context), writers_(context.loop) {}

  void append(std::string_view bytes);
  bool empty() const { return bytes_ == 0; }
  std::string shown() const;  // for clients, while it runs and after

  struct Final {
    std::string text;  // what the model reads
    std::optional<std::filesystem::path> file;  // with everything; set when something was cut away
  };
  Task<Final> finish();

 private:
  bool too_long() const;
  void spool(std::string_view bytes);
  Task<void> write_pending();
  std::string tail_text() const;

  ToolContext& context_;
  TaskGroup writers_;  // at most one writer at a time, so that the file is in order
  std::string tail_;
  std::size_t bytes_ = 0;
  std::size_t line_feeds_ = 0;
  std::optional<std::filesystem::path> file_;
  std::string pending_;
  std::size_t spooled_ = 0;
  bool created_ = false;
};

}  // namespace quarterdeck::tools::bash
