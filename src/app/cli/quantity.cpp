#include "app/cli/quantity.hpp"

#include <cmath>

#include <fmt/format.h>

namespace quarterdeck::app {

std::string age(TimeMs now, TimeMs then) {
  const std::int64_t seconds = (now - then) / 1000;
  constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour, kWeek = 7 * kDay, kYear = 365 * kDay;
  if (seconds < 1) return "now";
  if (seconds < kMinute) return fmt::format("{}s", seconds);
  if (seconds < kHour) return fmt::format("{}m", seconds / kMinute);
  if (seconds < kDay) return fmt::format("{}h", seconds / kHour);
  if (seconds < 2 * kWeek) return fmt::format("{}d", seconds / kDay);
  if (seconds < kYear) return fmt::format("{}w", seconds / kWeek);
  return fmt::format("{}y", seconds / kYear);
}

std::string duration(std::int64_t ms) {
  if (ms < 0) ms = 0;
  // 59,950 ms would print as 60.0s.
  if (ms < 59'950) return fmt::format("{:.1f}s", static_cast<double>(ms) / 1000);
  const std::int64_t seconds = (ms + 500) / 1000;
  if (seconds < 3600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h {:02}m", seconds / 3600, seconds % 3600 / 60);
}

std::string grouped(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string dollars(double amount) {
  if (!std::isfinite(amount) || amount <= 0) return "$0.00";
  if (amount < 0.0001) return "<$0.0001";
  return amount < 0.1 ? fmt::format("${:.4f}", amount) : fmt::format("${:.2f}", amount);
}

std::string tokens_text(const domain::Tokens& of) {
  const std::int64_t in = of.input + of.cache_read + of.cache_write;
  std::string text = fmt::format("{} in", grouped(in));
  if (of.cache_read > 0) text += fmt::format(" ({} cached)", grouped(of.cache_read));
  return text + fmt::format(", {} out", grouped(of.output + of.reasoning));
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 1000 && unit + 1 < std::size(kUnits)) {
    amount /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

}  // namespace quarterdeck::app
