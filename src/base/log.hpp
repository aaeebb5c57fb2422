// Logging: one record a line, to standard error and, where the server keeps state, to a rotated file. Each record goes
// out with one write(), without secrets (base/redact.hpp), and into the flight ring.
// Callers name things, not values. Thread-safe.
#pragma once

#include <filesystem>
#include <string_view>

#include <fmt/format.h>

namespace quarterdeck::log {

enum class Level { debug, info, warn, error, off };
enum class Format {
  text,  // 2026-11-22T10:00:00.000Z info  listening
  json,  // {"time":"2026-11-22T10:00:00.000Z","level":"info","message":"listening"}
};

void set_level(Level level);
void set_format(Format format);
// Also to `directory`/quarterdeck.log from now on; false when it cannot be written.
bool to_directory(const std::filesystem::path& directory);
bool enabled(Level level);
void write(Level level, std::string_view text);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warn)) write(Level::warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace quarterdeck::log
