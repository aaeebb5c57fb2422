#include "fleet/cron.hpp"

#include <date/date.h>
#include <gtest/gtest.h>

#include <sstream>

namespace quarterdeck::fleet {
namespace {

TimeMs at(const std::string& text) {
  date::sys_time<std::chrono::milliseconds> time;
  std::istringstream in(text);
  in >> date::parse("%F %T", time);
  EXPECT_FALSE(in.fail()) << text;
  return time.time_since_epoch().count();
}
std::string text_of(std::optional<TimeMs> time) {
  if (!time) return "never";
  return date::format("%F %H:%M", date::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(*time)));
}
std::string next(const std::string& cron, const std::string& after, const std::string& zone = "UTC") {
  const auto parsed = parse_cron(cron);
  EXPECT_TRUE(parsed.has_value()) << cron;
  return parsed ? text_of(next_after(*parsed, zone, at(after))) : "";
}

TEST(Cron, EveryFieldRestricts) {
  EXPECT_EQ(next("* * * * *", "2026-01-01 10:00:30"), "2026-01-01 10:01");
  EXPECT_EQ(next("* * * * *", "2026-01-01 10:00:00"), "2026-01-01 10:01") << "after, not at";
  EXPECT_EQ(next("30 4 * * *", "2026-01-01 04:30:00"), "2026-01-02 04:30");
  EXPECT_EQ(next("0 0 1 * *", "2026-01-31 23:59:00"), "2026-02-01 00:00");
  EXPECT_EQ(next("0 0 31 * *", "2026-01-31 00:00:00"), "2026-03-31 00:00");
  EXPECT_EQ(next("0 0 29 feb *", "2026-01-01 00:00:00"), "2028-02-29 00:00");
  EXPECT_EQ(next("0 9 * * mon", "2026-11-23 09:00:00"), "2026-11-30 09:00");
  EXPECT_EQ(next("0 9 * jun *", "2026-11-23 09:00:00"), "2027-06-01 09:00");
  EXPECT_EQ(next("59 23 31 12 *", "2026-12-31 23:59:00"), "2027-12-31 23:59");
}

TEST(Cron, ListsRangesStepsNamesAndShortcuts) {
  EXPECT_EQ(next("*/15 * * * *", "2026-01-01 10:16:00"), "2026-01-01 10:30");
  EXPECT_EQ(next("5/20 * * * *", "2026-01-01 10:26:00"), "2026-01-01 10:45");
  EXPECT_EQ(next("0 8-10/2,20 * * *", "2026-01-01 08:00:00"), "2026-01-01 10:00");
  EXPECT_EQ(next("0 8-10/2,20 * * *", "2026-01-01 10:00:00"), "2026-01-01 20:00");
  EXPECT_EQ(next("0 9 * * MON-Fri", "2026-11-20 09:00:00"), "2026-11-23 09:00");
  EXPECT_EQ(next("0 9 * * 7", "2026-11-23 00:00:00"), "2026-11-29 09:00") << "7 is Sunday too";
  EXPECT_EQ(parse_cron("0 0 * * 0").value(), parse_cron("0 0 * * sun").value());
  EXPECT_EQ(parse_cron("@daily").value(), parse_cron("0 0 * * *").value());
  EXPECT_EQ(parse_cron("@weekly").value(), parse_cron(" 0  0 * *\t0 ").value());
  for (const char* each : {"@hourly", "@midnight", "@monthly", "@yearly", "@annually"})
    EXPECT_TRUE(parse_cron(each)) << each;
}

TEST(Cron, OfTwoRestrictedKindsOfDaysEitherIsEnough) {
  EXPECT_EQ(next("0 0 13 * fri", "2026-11-20 00:00:00"), "2026-11-27 00:00");
  EXPECT_EQ(next("0 0 13 * fri", "2026-12-11 00:00:00"), "2026-12-13 00:00");
  EXPECT_EQ(next("0 0 */2 * fri", "2026-11-20 00:00:00"), "2026-11-27 00:00") << "a step of * restricts, and both hold";
}

TEST(Cron, WhatIsWrongIsToldWithItsField) {
  for (const auto& [text, expected] :
       std::vector<std::pair<std::string, std::string>>{{"", "five fields"},
                                                        {"* * * *", "five fields"},
                                                        {"* * * * * *", "five fields"},
                                                        {"60 * * * *", "minute from 0 to 59"},
                                                        {"* 24 * * *", "hour from 0 to 23"},
                                                        {"* * 0 * *", "day of the month from 1"},
                                                        {"* * * 13 *", "month from 1 to 12"},
                                                        {"* * * * 8", "day of the week"},
                                                        {"-1 * * * *", "minute"},
                                                        {"5-1 * * * *", "minute"},
                                                        {"1, * * * *", "minute"},
                                                        {",1 * * * *", "minute"},
                                                        {"*/0 * * * *", "a step"},
                                                        {"*/x * * * *", "a step"},
                                                        {"*/99 * * * *", "a step"},
                                                        {"1.5 * * * *", "minute"},
                                                        {"* * * foo *", "month"},
                                                        {"@never", "five fields"}}) {
    const auto parsed = parse_cron(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_NE(parsed.error().message.find(expected), std::string::npos) << text << ": " << parsed.error().message;
  }
  EXPECT_EQ(next("0 0 30 2 *", "2026-01-01 00:00:00"), "never");
}

TEST(Cron, TimesAreOfTheZone) {
  EXPECT_EQ(next("0 9 * * *", "2026-01-01 00:00:00", "Europe/Berlin"), "2026-01-01 08:00");
  EXPECT_EQ(next("0 9 * * *", "2026-07-01 00:00:00", "Europe/Berlin"), "2026-07-01 07:00");
  EXPECT_EQ(next("0 0 * * *", "2026-01-01 00:00:00", "Asia/Kolkata"), "2026-01-01 18:30");
  EXPECT_FALSE(check_time_zone("Mars/Olympus").has_value());
  EXPECT_FALSE(check_time_zone("").has_value());
  EXPECT_TRUE(check_time_zone("America/New_York").has_value());
}

TEST(Cron, WhatAClockChangeLeavesOutIsDueAtTheChangeAndOnce) {
  // Berlin, 29 March 2026: 02:00 becomes 03:00 (01:00 UTC).
  EXPECT_EQ(next("30 2 * * *", "2026-03-28 23:00:00", "Europe/Berlin"), "2026-03-29 01:00");
  EXPECT_EQ(next("30 2 * * *", "2026-03-29 01:00:00", "Europe/Berlin"), "2026-03-30 00:30");
  EXPECT_EQ(next("0,30 2 * * *", "2026-03-29 01:00:00", "Europe/Berlin"), "2026-03-30 00:00");
}

TEST(Cron, WhatComesTwiceIsDueOnceUnlessEveryHourIs) {
  // Berlin, 25 October 2026: 03:00 becomes 02:00 (01:00 UTC).
  EXPECT_EQ(next("30 2 * * *", "2026-10-24 23:00:00", "Europe/Berlin"), "2026-10-25 00:30");
  EXPECT_EQ(next("30 2 * * *", "2026-10-25 00:30:00", "Europe/Berlin"), "2026-10-26 01:30");
  EXPECT_EQ(next("30 * * * *", "2026-10-25 00:30:00", "Europe/Berlin"), "2026-10-25 01:30");
}

TEST(Cron, TheNextTimesOfAYearAreThoseThatMatch) {
  const auto cron = parse_cron("17 */6 * * *").value();
  TimeMs time = at("2026-01-01 00:00:00");
  int count = 0;
  while (const auto due = next_after(cron, "America/New_York", time)) {
    if (*due >= at("2027-01-01 00:00:00")) break;
    EXPECT_GT(*due, time);
    time = *due;
    ++count;
  }
  EXPECT_NEAR(count, 365 * 4, 2);
}

}  // namespace
}  // namespace quarterdeck::fleet
