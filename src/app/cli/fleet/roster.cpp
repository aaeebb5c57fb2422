#include "app/cli/fleet/roster.hpp"

#include <algorithm>
#include <array>

#include "app/cli/quantity.hpp"
#include "app/cli/table.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::size_t kShortId = 12;
constexpr std::size_t kNarrow = 90;  // below: without the cost
constexpr std::size_t kTiny = 68;    // below: without the reason

struct Group {
  std::string_view name;
  std::string_view title;
  Paint paint;
};
constexpr std::array kGroups{Group{"needs_you", "NEEDS YOU", Paint::red},
                             Group{"with_supervisor", "WITH SUPERVISOR", Paint::yellow},
                             Group{"ready_for_review", "READY FOR REVIEW", Paint::green},
                             Group{"working", "WORKING", Paint::cyan},
                             Group{"queued", "QUEUED", Paint::plain},
                             Group{"quiet", "QUIET", Paint::dim}};

const Group& group_of(std::string_view name) {
  const auto found = std::ranges::find(kGroups, name, &Group::name);
  return found == kGroups.end() ? kGroups.back() : *found;
}

// How much of the ids tells all of them apart.
std::size_t telling_length(std::vector<std::string> ids) {
  std::ranges::sort(ids);
  std::size_t length = kShortId;
  for (std::size_t i = 1; i < ids.size(); ++i) {
    const auto [a, b] = std::ranges::mismatch(ids[i - 1], ids[i]);
    length = std::max(length, static_cast<std::size_t>(a - ids[i - 1].begin()) + 1);
  }
  return length;
}

}  // namespace

std::string roster_text(const wire::Json& roster, const Style& style, TimeMs now) {
  std::string noted;
  if (const auto* notes = wire::array_at(roster, "notes")) {
    for (const wire::Json& note : *notes) {
      if (note.is_string())
        noted +=
            painted(style, Paint::yellow, one_line(style, note.get_string(), style.live ? style.columns : 500)) + "\n";
    }
  }
  const auto* rows = wire::array_at(roster, "sessions");
  if (rows == nullptr || rows->empty()) return noted + "no sessions; `quarterdeck open \"…\"` hands work over\n";
  std::vector<std::string> ids;
  for (const wire::Json& row : *rows) ids.push_back(wire::string_at(row, "sessionID"));
  const std::size_t id_length = style.live ? telling_length(ids) : std::string::npos;
  const bool with_cost = !style.live || style.columns >= kNarrow;
  const bool with_reason = !style.live || style.columns >= kTiny;

  std::vector<std::string> head{"PRI", "STATE", "SINCE"};
  if (with_cost) head.push_back("COST");
  head.push_back("SESSION");
  head.push_back("TITLE");
  if (with_reason) head.push_back("WHY");
  Table table(std::move(head));
  std::vector<const Group*> groups;
  for (const wire::Json& row : *rows) {
    const wire::Json* attention = wire::value_at(row, "attention");
    if (attention == nullptr) continue;
    const Group& group = group_of(wire::string_at(*attention, "group"));
    const wire::Json* cost = wire::value_at(row, "cost");
    std::vector<Cell> cells{{wire::string_at(row, "priority", "P2")},
                            {wire::string_at(*attention, "state"), group.paint},
                            {age(now, wire::int_at(*attention, "since"))}};
    if (with_cost) cells.push_back({dollars(cost != nullptr && cost->is_number() ? cost->to_number<double>() : 0)});
    cells.push_back({wire::string_at(row, "sessionID").substr(0, id_length), Paint::dim});
    cells.push_back({wire::string_at(row, "title")});
    std::string reason = wire::string_at(*attention, "reason");
    if (const wire::Json* next = wire::value_at(*attention, "next"); next != nullptr && next->is_object()) {
      reason += " (" + wire::string_at(*next, "action") + ")";
    }
    if (with_reason) cells.push_back({std::move(reason), Paint::dim});
    table.add(std::move(cells));
    groups.push_back(&group);
  }
  const wire::Json* counts = wire::value_at(roster, "counts");
  const std::string text = table.text(style);
  const auto lines = lines_of(text);
  std::string out = noted + std::string(lines.front());
  out += '\n';
  const Group* shown = nullptr;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] != shown) {
      shown = groups[i];
      const std::int64_t count = counts != nullptr ? wire::int_at(*counts, shown->name) : 0;
      out += painted(style, Paint::bold, shown->title) + (count > 0 ? fmt::format(" ({})", count) : "") + "\n";
    }
    out += lines[i + 1];
    out += '\n';
  }
  if (!wire::string_at(roster, "next").empty())
    out += painted(style, Paint::dim, "… there are more: --limit, or a filter") + "\n";
  return out;
}

std::string clipped(const std::string& text, std::size_t lines_max) {
  const auto lines = lines_of(text);
  if (lines.size() <= lines_max || lines_max < 2) return text;
  std::string out;
  for (std::size_t i = 0; i + 1 < lines_max; ++i) out += std::string(lines[i]) + "\n";
  return out + fmt::format("… {} lines more\n", lines.size() - lines_max + 1);
}

}  // namespace quarterdeck::app
