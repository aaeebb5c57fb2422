// When a schedule is due: five fields as crontab(5) has them (minute hour day-of-month month day-of-week), in a time zone.
// Laws: a time that a clock change leaves out is due when the clock has changed; one that comes twice is due once, unless
//       the hour is "*". Where day-of-month and day-of-week are both restricted, either is enough, as with cron.
// Errors: `invalid`, with what was expected where.
// Source: POSIX crontab, Vixie cron's names, steps and rule for the two kinds of days.
#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace quarterdeck::fleet {

struct Cron {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;
  std::bitset<13> months;
  std::bitset<7> weekdays;  // 0: Sunday
  bool any_hour = false;
  bool any_day = false;
  bool any_weekday = false;
  bool operator==(const Cron&) const = default;
};

// "30 4 * * mon-fri", "*/15 * * * *", "@daily".
Result<Cron> parse_cron(std::string_view text);
// "UTC", "Europe/Berlin"…
Result<void> check_time_zone(std::string_view zone);
// The first time after `after`; nothing when there is none within ten years (the 30th of February).
std::optional<TimeMs> next_after(const Cron& cron, const std::string& zone, TimeMs after);

}  // namespace quarterdeck::fleet
