#include "app/cli/check.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "wire/json.hpp"

namespace quarterdeck::app {

bool healthy(const std::vector<Check>& checks) {
  return std::none_of(checks.begin(), checks.end(),
                      [](const Check& one) { return one.state == Check::State::missing; });
}

std::string checks_text(const std::vector<Check>& checks, const Style& style) {
  const Marks& mark = marks(style);
  std::size_t names = 0;
  for (const auto& one : checks) names = std::max(names, width(one.name));
  std::string out;
  int missing = 0;
  int warnings = 0;
  for (const auto& one : checks) {
    std::string sign = painted(style, Paint::green, mark.ok);
    if (one.state == Check::State::warn) sign = painted(style, Paint::yellow, mark.warn), ++warnings;
    if (one.state == Check::State::missing) sign = painted(style, Paint::red, mark.bad), ++missing;
    out += fmt::format("{} {}  {}\n", sign, padded(one.name, names), harmless(one.found));
    for (const auto line : lines_of(one.fix))
      out += std::string(names + 4, ' ') + painted(style, Paint::dim, line) + "\n";
  }
  if (missing > 0) {
    out += fmt::format("\n{} of {} checks found something that Quarterdeck needs.\n", missing, checks.size());
  } else if (warnings > 0) {
    out += fmt::format("\nReady; {} hint{} above.\n", warnings, warnings == 1 ? "" : "s");
  } else {
    out += "\nReady.\n";
  }
  return out;
}

std::string checks_json(const std::vector<Check>& checks) {
  std::string list;
  for (const auto& one : checks) {
    constexpr std::string_view kStates[] = {"ok", "warn", "missing"};
    if (!list.empty()) list += ',';
    list += fmt::format(R"({{"name":{},"state":"{}","found":{})", wire::quoted(one.name),
                        kStates[static_cast<int>(one.state)], wire::quoted(one.found));
    if (!one.fix.empty()) list += fmt::format(",\"fix\":{}", wire::quoted(one.fix));
    list += '}';
  }
  return fmt::format("{{\"ok\":{},\"checks\":[{}]}}\n", healthy(checks), list);
}

}  // namespace quarterdeck::app
