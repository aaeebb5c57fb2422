#include "app/cli/table.hpp"

#include <algorithm>

namespace quarterdeck::app {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kColumnMin = 12;

}  // namespace

std::string Table::text(const Style& style) const {
  std::vector<std::size_t> widths;
  for (const auto& name : head_) widths.push_back(width(name));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i].text));
  }
  if (style.live) {
    std::size_t all = kGap * (widths.size() - 1);
    for (const std::size_t one : widths) all += one;
    // The last column gives way first, then the one before it.
    for (std::size_t i = widths.size(); i-- > 0 && i + 2 >= widths.size() && all > style.columns;) {
      const std::size_t give = std::min(all - style.columns, widths[i] - std::min(widths[i], kColumnMin));
      widths[i] -= give;
      all -= give;
    }
  }
  std::string out;
  const auto add_row = [&](const auto& cell_at) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const Cell cell = cell_at(i);
      const std::string shown = one_line(style, cell.text, widths[i]);
      const bool last = i + 1 == widths.size();
      line += painted(style, cell.paint, last ? shown : padded(shown, widths[i]));
      if (!last) line.append(kGap, ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  };
  add_row([&](std::size_t i) { return Cell{head_[i], Paint::dim}; });
  for (const auto& row : rows_) add_row([&](std::size_t i) { return row[i]; });
  return out;
}

}  // namespace quarterdeck::app
