#include "fleet/schedules.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "fleet/facts.hpp"
#include "wire/codec.hpp"
#include "wire/fleet.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr std::size_t kSchedulesMax = 200;
constexpr std::int64_t kSleepMaxMs = 3'600'000;
constexpr std::int64_t kHourMs = 3'600'000;
// A due time that is missed by less is late, not missed.
constexpr std::int64_t kLateMs = 60'000;
constexpr std::size_t kTextMax = 500;
constexpr std::string_view kFile = "fleet-schedules.json";

void check(wire::Reader& io, bool fits, std::string_view name, std::string text) {
  if (!fits && !io.problem().found()) io.problem().custom(std::move(text), wire::Path{&io.path(), name});
}

bool one_of(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, std::string_view(text)) != words.end();
}

}  // namespace

template <class Io>
void describe(Io& io, Trigger& trigger) {
  io.field("on", trigger.on);
  io.field("label", trigger.label);
  io.field("project", trigger.project);
  io.field("owner", trigger.owner);
  if constexpr (Io::reading) {
    check(io, one_of(trigger.on, {"ended", "failed", "needs_you"}), "on",
          R"(Expected "ended" | "failed" | "needs_you")");
  }
}

template <class Io>
void describe(Io& io, Schedule& schedule) {
  io.field("name", schedule.name);
  io.field_or("enabled", schedule.enabled, true);
  io.field("cron", schedule.cron);
  io.field_or("time_zone", schedule.time_zone, std::string("UTC"));
  io.field("trigger", schedule.trigger);
  io.field_or("missed", schedule.missed, std::string("skip"));
  io.field_or("max_per_hour", schedule.max_per_hour, 12);
  io.field("handoff", schedule.handoff);
}

namespace {

// As it is kept: with what happened.
struct Kept {
  Schedule schedule;
};
template <class Io>
void describe(Io& io, Kept& kept) {
  Schedule& schedule = kept.schedule;
  io.field("id", schedule.id);
  describe(io, schedule);
  io.field("made_by", schedule.made_by);
  io.field_or("since", schedule.since, TimeMs(0));
  io.field_or("last_due", schedule.last_due, TimeMs(0));
  io.field_or("last_run", schedule.last_run, TimeMs(0));
  io.field("last_session", schedule.last_session);
  io.field("last_error", schedule.last_error);
  io.field_or("runs", schedule.runs, {});
}

struct Document {
  std::vector<Kept> schedules;
};
template <class Io>
void describe(Io& io, Document& document) {
  io.field_or("schedules", document.schedules, {});
}

std::unexpected<Error> wrong(std::string_view field, std::string_view text) {
  return std::unexpected(
      Error{ErrorCode::invalid, fmt::format("{}\n  at [\"{}\"]", text, field), fmt::format("[\"{}\"]", field)});
}

// What one field alone cannot say.
Result<void> check_schedule(const Schedule& schedule) {
  if (schedule.name.empty() || schedule.name.size() > 100) return wrong("name", "Expected 1 to 100 bytes");
  if (schedule.cron.has_value() == schedule.trigger.has_value()) return wrong("cron", "Expected cron or trigger");
  if (!one_of(schedule.missed, {"skip", "once"})) return wrong("missed", R"(Expected "skip" | "once")");
  if (schedule.max_per_hour < 1 || schedule.max_per_hour > 60) return wrong("max_per_hour", "Expected 1 to 60");
  if (const auto known = check_time_zone(schedule.time_zone); !known) return wrong("time_zone", known.error().message);
  if (schedule.cron) {
    const auto cron = parse_cron(*schedule.cron);
    if (!cron) return wrong("cron", cron.error().message);
  }
  auto handoff = wire::decode_handoff(schedule.handoff.text);
  if (!handoff) {
    std::string text = handoff.error().message;
    const auto at = text.rfind("at [");
    if (at != text.npos) text.insert(at + 3, "[\"handoff\"]");
    return std::unexpected(Error{ErrorCode::invalid, text, "[\"handoff\"]" + handoff.error().path});
  }
  if (!handoff->directory.starts_with('/')) {
    return std::unexpected(Error{ErrorCode::invalid, "Expected an absolute path\n  at [\"handoff\"][\"directory\"]",
                                 R"(["handoff"]["directory"])"});
  }
  return {};
}

std::string label_of(const Schedule& schedule) { return "schedule:" + schedule.name; }

bool happens(const Trigger& trigger, const Attention& now) {
  if (trigger.on == "failed") return now.state == Attention::State::failed;
  if (trigger.on == "needs_you") return now.group == Attention::Group::needs_you;
  return now.state == Attention::State::ready;
}

}  // namespace

std::string encode_schedule(const Schedule& schedule, std::optional<TimeMs> next) {
  Schedule shown = schedule;
  shown.runs.clear();
  std::string out = wire::encode(Kept{std::move(shown)});
  out.pop_back();
  return out + fmt::format(",\"next_run\":{}}}", next ? std::to_string(*next) : "null");
}

Schedules::Schedules(session::Engine& engine, HandOver hand_over)
    : engine_(engine), hand_over_(std::move(hand_over)), background_(engine.loop) {}
Schedules::~Schedules() = default;

Task<void> Schedules::shutdown() {
  timer_.reset();
  background_.stop();
  co_await background_.join();
}

Task<void> Schedules::recover(std::string ours) {
  const auto path = engine_.places.data / kFile;
  auto read = [path] { return read_file(path).value_or("{}"); };
  const std::string text = co_await blocking(engine_.loop, engine_.pool, read);
  auto document = wire::decode_text<Document>(text);
  if (!document) log::warn("{}: {}", path.string(), document.error().message);
  std::map<std::string, Schedule> kept;
  if (document) {
    for (Kept& each : document->schedules) kept[each.schedule.id] = std::move(each.schedule);
  }
  const TimeMs now = engine_.clock.now_ms();
  const auto parsed = wire::parse(ours);
  const wire::Json* given = parsed ? wire::value_at(*parsed, "schedules") : nullptr;
  if (given && given->is_object()) {
    for (const auto& member : given->get_object()) {
      const std::string name(member.key());
      wire::Json named = member.value();
      if (named.is_object()) named.get_object()["name"] = name;
      auto schedule = wire::decode<Schedule>(named);
      if (schedule) {
        if (const auto fits = check_schedule(*schedule); !fits) schedule = std::unexpected(fits.error());
      }
      if (!schedule) {
        log::warn("configuration: {} of [\"quarterdeck\"][\"schedules\"][\"{}\"]", schedule.error().message, name);
        continue;
      }
      schedule->id = "config:" + name;
      schedule->since = now;
      if (const auto before = kept.find(schedule->id); before != kept.end()) {
        const bool same = before->second.cron == schedule->cron && before->second.time_zone == schedule->time_zone;
        if (same) schedule->since = before->second.since;
        schedule->last_due = before->second.last_due;
        schedule->last_run = before->second.last_run;
        schedule->last_session = before->second.last_session;
        schedule->last_error = before->second.last_error;
        schedule->runs = before->second.runs;
      }
      all_[schedule->id] = std::move(*schedule);
    }
  }
  for (auto& [id, schedule] : kept) {
    if (!id.starts_with("config:")) all_.emplace(id, std::move(schedule));
  }
  if (all_.empty()) co_return;
  // What was due while nobody was here.
  for (auto& [id, schedule] : all_) {
    const auto next = next_run(schedule);
    if (!next || *next > now - kLateMs || schedule.missed == "once") continue;
    schedule.last_due = now - 1;
  }
  [[maybe_unused]] const auto stored = co_await store();
  arm();
}

std::optional<TimeMs> Schedules::next_run(const Schedule& schedule) const {
  if (!schedule.enabled || !schedule.cron) return std::nullopt;
  const auto cron = parse_cron(*schedule.cron);
  if (!cron) return std::nullopt;
  return next_after(*cron, schedule.time_zone, std::max(schedule.since, schedule.last_due));
}

void Schedules::arm() {
  timer_.reset();
  std::optional<TimeMs> first;
  for (const auto& [id, schedule] : all_) {
    if (const auto next = next_run(schedule)) first = std::min(first.value_or(*next), *next);
  }
  if (!first) return;
  const std::int64_t wait = std::clamp<std::int64_t>(*first - engine_.clock.now_ms(), 1, kSleepMaxMs);
  timer_ = engine_.loop.after_ms(wait, [this] {
    if (!running_due_ && !engine_.shutting_down()) background_.spawn(run_due());
  });
}

Task<void> Schedules::run_due() {
  running_due_ = true;
  std::vector<std::pair<std::string, TimeMs>> due;
  const TimeMs now = engine_.clock.now_ms();
  for (const auto& [id, schedule] : all_) {
    auto next = next_run(schedule);
    // Of several that were missed, the newest stands for all.
    if (next && *next <= now - kLateMs) {
      const auto cron = parse_cron(*schedule.cron);
      for (int i = 0; i < 10'000 && next && *next <= now; ++i) {
        const auto later = next_after(*cron, schedule.time_zone, *next);
        if (!later || *later > now) break;
        next = later;
      }
    }
    if (next && *next <= now) due.emplace_back(id, *next);
  }
  for (const auto& [id, when] : due) {
    if (background_.token().stop_requested()) break;
    const auto done = co_await run(id, std::to_string(when), "");
    if (!done) log::warn("schedule {}: {}", id, done.error().message);
    if (const auto found = all_.find(id); found != all_.end()) {
      found->second.last_due = std::max(found->second.last_due, when);
    }
    [[maybe_unused]] const auto stored = co_await store();
  }
  running_due_ = false;
  if (!background_.token().stop_requested()) arm();
}

// `about`: what set it off, for the session's labels to be found by.
Task<Result<SessionId>> Schedules::run(std::string id, std::string occasion, std::string about) {
  const auto found = all_.find(id);
  if (found == all_.end()) co_return fail(ErrorCode::not_found, "Schedule not found: {}", id);
  const TimeMs now = engine_.clock.now_ms();
  Schedule& schedule = found->second;
  std::erase_if(schedule.runs, [now](TimeMs run) { return run <= now - kHourMs; });
  if (schedule.runs.size() >= static_cast<std::size_t>(schedule.max_per_hour)) {
    schedule.last_error = fmt::format("{} runs within an hour: the most (max_per_hour)", schedule.max_per_hour);
    co_return fail(ErrorCode::conflict, "{}", *schedule.last_error);
  }
  schedule.runs.push_back(now);
  CO_TRY(Handoff handoff, wire::decode_handoff(schedule.handoff.text));
  handoff.labels.push_back(label_of(schedule));
  if (!about.empty()) handoff.refs.push_back({.system = "session", .id = std::move(about)});
  if (!handoff.title) handoff.title = schedule.name;
  // Refs find an open session of the same work; a time that is due opens its own.
  handoff.fresh = handoff.fresh || !schedule.trigger;
  handoff.key = IdempotencyKey{.key = fmt::format("handoff schedule {} {}", id, occasion), .fingerprint = "schedule"};
  const auto session = co_await hand_over_(std::move(handoff));
  if (const auto still = all_.find(id); still != all_.end()) {
    still->second.last_run = now;
    still->second.last_error.reset();
    if (session) {
      still->second.last_session = session->value;
    } else {
      still->second.last_error = shortened(session.error().message, kTextMax);
    }
  }
  co_return session;
}

void Schedules::on_attention(const Session& session, const Standing& standing, const Attention& now) {
  if (all_.empty()) return;
  for (const auto& [id, schedule] : all_) {
    if (!schedule.enabled || !schedule.trigger || !happens(*schedule.trigger, now)) continue;
    const auto labelled = [&](const std::string& label) {
      return std::ranges::find(standing.labels, label) != standing.labels.end();
    };
    const Trigger& trigger = *schedule.trigger;
    if (labelled(label_of(schedule)) || (trigger.label && !labelled(*trigger.label))) continue;
    if (trigger.project && session.project_id != *trigger.project) continue;
    if (trigger.owner && standing.owner != trigger.owner) continue;
    // The same end of the same session is one occasion.
    const std::string occasion =
        fmt::format("{} {}", session.id.value, now.evidence.empty() ? std::to_string(now.since) : now.evidence[0].id);
    auto task = [](Schedules* self, std::string which, std::string what, std::string about) -> Task<void> {
      const auto done = co_await self->run(std::move(which), std::move(what), std::move(about));
      if (!done) log::warn("schedule: {}", done.error().message);
      [[maybe_unused]] const auto stored = co_await self->store();
    };
    background_.spawn(task(this, id, occasion, session.id.value));
  }
}

Task<Result<SessionId>> Schedules::run_now(std::string id, std::optional<std::string> key) {
  const std::string occasion = key ? "now " + *key : fmt::format("now {}", engine_.ids.random());
  auto done = co_await run(std::move(id), occasion, "");
  [[maybe_unused]] const auto stored = co_await store();
  co_return done;
}

Task<Result<Schedule>> Schedules::put(std::optional<std::string> id, std::string body,
                                      std::optional<IdempotencyKey> key) {
  CO_TRY(Schedule schedule, wire::decode_text<Schedule>(body));
  schedule.made_by.reset();
  if (key) {
    const auto made = std::ranges::find_if(all_, [&](const auto& each) {
      return each.second.made_by && each.second.made_by->starts_with(key->key + ' ');
    });
    schedule.made_by = fmt::format("{} {}", key->key, key->fingerprint);
    if (made != all_.end()) {
      if (made->second.made_by == schedule.made_by) co_return made->second;
      co_return std::unexpected(
          Error{ErrorCode::conflict, "The Idempotency-Key was used for another schedule", R"(["Idempotency-Key"])"});
    }
  }
  CO_TRY_VOID(check_schedule(schedule));
  const TimeMs now = engine_.clock.now_ms();
  schedule.since = now;
  schedule.id = id.value_or(engine_.ids.other("sch"));
  if (schedule.id.starts_with("config:")) {
    co_return fail(ErrorCode::denied, "{} is of the configuration: change it there", schedule.id);
  }
  const auto known = all_.find(schedule.id);
  if (id && known == all_.end()) co_return fail(ErrorCode::not_found, "Schedule not found: {}", *id);
  if (known == all_.end() && all_.size() >= kSchedulesMax) {
    co_return fail(ErrorCode::conflict, "There are {} schedules: the most", kSchedulesMax);
  }
  if (known != all_.end()) {
    schedule.last_due = known->second.last_due;
    schedule.last_run = known->second.last_run;
    schedule.last_session = known->second.last_session;
    schedule.runs = known->second.runs;
    schedule.made_by = known->second.made_by;
  }
  all_[schedule.id] = schedule;
  CO_TRY_VOID(co_await store());
  arm();
  co_return schedule;
}

Task<Result<void>> Schedules::remove(std::string id) {
  if (id.starts_with("config:")) co_return fail(ErrorCode::denied, "{} is of the configuration: change it there", id);
  if (all_.erase(id) == 0) co_return fail(ErrorCode::not_found, "Schedule not found: {}", id);
  CO_TRY_VOID(co_await store());
  arm();
  co_return Result<void>();
}

Task<Result<void>> Schedules::store() {
  Document document;
  for (const auto& [id, schedule] : all_) document.schedules.push_back({schedule});
  auto write = [path = engine_.places.data / kFile, text = wire::encode(document)] {
    return write_file_atomically(path, text, 0600);
  };
  co_return co_await blocking(engine_.loop, engine_.pool, write);
}

}  // namespace quarterdeck::fleet
