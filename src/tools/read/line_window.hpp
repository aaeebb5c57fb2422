// A window of lines out of a file of any size, in bounded memory. Lines end at "\n", "\r\n" or a lone "\r"; a byte order
// mark at the start is dropped; bytes that are not UTF-8 become U+FFFD.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace quarterdeck::tools {

constexpr std::int64_t kReadLinesDefault = 2000;
constexpr std::size_t kReadBytesMax = 51'200;
constexpr std::size_t kLineUnitsMax = 2000;  // UTF-16 units, as clients count

struct LineWindow {
  std::vector<std::string> lines;  // shortened to kLineUnitsMax with a note
  std::int64_t total = 0;  // lines of the file, or as many as were read when `capped`
  bool more = false;  // lines follow that are not shown
  bool capped = false;  // because of kReadBytesMax
};

// `offset` counts from 1. Errors: errno.
std::expected<LineWindow, int> read_lines(const std::filesystem::path& file, std::int64_t offset, std::int64_t limit,
                                          std::stop_token stop);

// At most `units` UTF-16 units of `text`, never half a character.
std::string_view prefix_units(std::string_view text, std::size_t units);

}  // namespace quarterdeck::tools
