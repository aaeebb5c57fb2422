#include "fleet/cron.hpp"

#include <date/tz.h>

#include <array>
#include <charconv>
#include <vector>

namespace quarterdeck::fleet {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kYears = 10;
constexpr int kStepsMax = 50'000;

struct Field {
  std::string_view name;
  int first = 0;
  int last = 0;
  std::vector<std::string_view> words;  // of `first`, `first` + 1…
};

const std::array<Field, 5>& fields() {
  static const std::array<Field, 5> all{
      {{"minute", 0, 59, {}},
       {"hour", 0, 23, {}},
       {"day of the month", 1, 31, {}},
       {"month", 1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
       {"day of the week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}}};
  return all;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::unexpected<Error> wrong(const Field& field, std::string_view got) {
  return fail(ErrorCode::invalid, "Expected {} from {} to {}, got \"{}\"", field.name, field.first, field.last, got);
}

Result<int> value_of(const Field& field, std::string_view text) {
  const std::string word = lower(text);
  for (std::size_t i = 0; i < field.words.size(); ++i) {
    if (field.words[i] == word) return field.first + static_cast<int>(i);
  }
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < field.first || number > field.last) {
    return wrong(field, text);
  }
  return number;
}

// "*", "5", "1-5", "*/2", "1-30/5", "mon"; a number with a step goes to the end.
template <class Set>
Result<void> read_item(const Field& field, std::string_view item, Set set) {
  int step = 1;
  const auto slash = item.find('/');
  const std::string_view range = item.substr(0, slash);
  if (slash != item.npos) {
    const std::string_view text = item.substr(slash + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (error != std::errc() || end != text.data() + text.size() || step < 1 || step > field.last) {
      return fail(ErrorCode::invalid, "Expected a step from 1 to {} of {}, got \"{}\"", field.last, field.name, text);
    }
  }
  int first = field.first;
  int last = field.last;
  if (range != "*") {
    const auto dash = range.find('-');
    TRY(first, value_of(field, range.substr(0, dash)));
    last = slash == item.npos ? first : field.last;
    if (dash != range.npos) {
      TRY(last, value_of(field, range.substr(dash + 1)));
    }
    if (last < first) return wrong(field, range);
  }
  for (int value = first; value <= last; value += step) set(value);
  return {};
}

template <class Set>
Result<void> read_field(const Field& field, std::string_view text, Set set) {
  while (true) {
    const auto comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    if (item.empty()) return wrong(field, text);
    TRY_VOID(read_item(field, item, set));
    if (comma == text.npos) return {};
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == text.npos) return words;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::string_view spelled_out(std::string_view text) {
  if (text == "@hourly") return "0 * * * *";
  if (text == "@daily" || text == "@midnight") return "0 0 * * *";
  if (text == "@weekly") return "0 0 * * 0";
  if (text == "@monthly") return "0 0 1 * *";
  if (text == "@yearly" || text == "@annually") return "0 0 1 1 *";
  return text;
}

const date::time_zone* zone_named(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    return nullptr;
  }
}

bool day_matches(const Cron& cron, date::local_days day) {
  const date::year_month_day ymd(day);
  if (!cron.months[static_cast<unsigned>(ymd.month())]) return false;
  const bool by_date = cron.days[static_cast<unsigned>(ymd.day())];
  const bool by_weekday = cron.weekdays[date::weekday(day).c_encoding()];
  if (cron.any_day || cron.any_weekday) return by_date && by_weekday;
  return by_date || by_weekday;
}

bool minute_matches(const Cron& cron, date::local_time<minutes> local) {
  const auto day = date::floor<date::days>(local);
  const auto of_day = (local - day).count();
  return day_matches(cron, day) && cron.hours[static_cast<std::size_t>(of_day / 60)] &&
         cron.minutes[static_cast<std::size_t>(of_day % 60)];
}

}  // namespace

Result<Cron> parse_cron(std::string_view text) {
  const auto words = words_of(spelled_out(text));
  if (words.size() != 5) {
    return fail(ErrorCode::invalid, "Expected five fields (minute hour day month weekday), got {}", words.size());
  }
  Cron cron;
  TRY_VOID(read_field(fields()[0], words[0], [&](int v) { cron.minutes.set(static_cast<std::size_t>(v)); }));
  TRY_VOID(read_field(fields()[1], words[1], [&](int v) { cron.hours.set(static_cast<std::size_t>(v)); }));
  TRY_VOID(read_field(fields()[2], words[2], [&](int v) { cron.days.set(static_cast<std::size_t>(v)); }));
  TRY_VOID(read_field(fields()[3], words[3], [&](int v) { cron.months.set(static_cast<std::size_t>(v)); }));
  TRY_VOID(read_field(fields()[4], words[4], [&](int v) { cron.weekdays.set(static_cast<std::size_t>(v % 7)); }));
  cron.any_hour = words[1].starts_with('*');
  cron.any_day = words[2].starts_with('*');
  cron.any_weekday = words[4].starts_with('*');
  return cron;
}

Result<void> check_time_zone(std::string_view zone) {
  if (zone_named(std::string(zone))) return {};
  return fail(ErrorCode::invalid, "Expected the name of a time zone like \"Europe/Berlin\", got \"{}\"", zone);
}

std::optional<TimeMs> next_after(const Cron& cron, const std::string& zone_name, TimeMs after) {
  const date::time_zone* zone = zone_named(zone_name);
  if (!zone) return std::nullopt;
  using SysMinutes = date::sys_time<minutes>;
  const auto offset_at = [zone](SysMinutes t) {
    return date::floor<minutes>(zone->get_info(date::sys_time<seconds>(t)).offset);
  };
  const auto local_at = [](SysMinutes t, minutes offset) {
    return date::local_time<minutes>(t.time_since_epoch() + offset);
  };
  SysMinutes t =
      date::floor<minutes>(date::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(after))) + minutes(1);
  const SysMinutes end = t + date::days(366 * kYears);
  for (int steps = 0; t < end && steps < kStepsMax; ++steps) {
    const minutes offset = offset_at(t);
    const minutes before = offset_at(t - minutes(1));
    const auto local = local_at(t, offset);
    // The clock was put forward: what it left out is due now.
    for (auto skipped = local_at(t, before); skipped < local; skipped += minutes(1)) {
      if (minute_matches(cron, skipped)) return date::sys_time<std::chrono::milliseconds>(t).time_since_epoch().count();
    }
    const auto day = date::floor<date::days>(local);
    const auto of_day = (local - day).count();
    if (!day_matches(cron, day)) {
      const auto midnight = zone->to_sys(date::local_time<seconds>(day + date::days(1)), date::choose::earliest);
      t = std::max(t + minutes(1), date::floor<minutes>(midnight));
      continue;
    }
    if (!cron.hours[static_cast<std::size_t>(of_day / 60)]) {
      t += minutes(60 - of_day % 60);
      continue;
    }
    if (!cron.minutes[static_cast<std::size_t>(of_day % 60)]) {
      t += minutes(1);
      continue;
    }
    // The clock was put back: this hour was here before.
    const auto earlier = zone->to_sys(date::local_time<seconds>(local), date::choose::earliest);
    if (!cron.any_hour && date::floor<minutes>(earlier) < t) {
      t += minutes(1);
      continue;
    }
    return date::sys_time<std::chrono::milliseconds>(t).time_since_epoch().count();
  }
  return std::nullopt;
}

}  // namespace quarterdeck::fleet
