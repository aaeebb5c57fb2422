#include "fleet/budget.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "wire/event.hpp"
#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr double kWarnAt = 0.8;
constexpr std::int64_t kPageMax = 2'000;
constexpr std::string_view kUsage = "usage";  // a record: what a tally is at
constexpr std::string_view kFile = "fleet-budgets.json";

bool is_standing(const store::StoredEvent& event) {
  return event.type == "quarterdeck.record.put" && event.properties->contains("\"kind\":\"standing\"");
}

// An answer of a model that has ended: its tokens and its end are stored together.
bool may_be_step(const store::StoredEvent& event) {
  return event.type == "message.updated" && event.properties->contains("\"finish\":");
}

std::optional<AssistantMessage> step_of(const store::StoredEvent& event) {
  if (!may_be_step(event)) return std::nullopt;
  const auto decoded = wire::decode_event(event.type, wire::kEventVersion, *event.properties);
  const auto* updated = decoded ? std::get_if<MessageUpdated>(&*decoded) : nullptr;
  const auto* step = updated ? std::get_if<AssistantMessage>(&updated->info) : nullptr;
  return step && step->finish ? std::optional(*step) : std::nullopt;
}

Usage usage_of_step(const AssistantMessage& step) {
  return {.cost_usd = step.cost, .tokens = step.tokens.input + step.tokens.output + step.tokens.reasoning, .steps = 1};
}

std::string duration(std::int64_t ms) {
  if (ms < 120'000) return fmt::format("{:.0f} s", static_cast<double>(ms) / 1e3);
  return fmt::format("{:.0f} min", static_cast<double>(ms) / 60e3);
}

// The first limit of which `share` is used.
std::optional<std::string> reached(const Budget& budget, const Usage& usage, double share) {
  const auto is = [share](auto used, auto most) {
    return static_cast<double>(used) >= static_cast<double>(most) * share;
  };
  if (budget.cost_usd && is(usage.cost_usd, *budget.cost_usd)) {
    return fmt::format("Has cost ${:.2f} of ${:.2f}", usage.cost_usd, *budget.cost_usd);
  }
  if (budget.tokens && is(usage.tokens, *budget.tokens)) {
    return fmt::format("Has used {} of {} tokens", usage.tokens, *budget.tokens);
  }
  if (budget.steps && is(usage.steps, *budget.steps)) {
    return fmt::format("Has used {} of {} steps", usage.steps, *budget.steps);
  }
  if (budget.wall_ms && is(usage.wall_ms, *budget.wall_ms)) {
    return fmt::format("Has worked {} of {}", duration(usage.wall_ms), duration(*budget.wall_ms));
  }
  return std::nullopt;
}

// A standing whose budget has limits that the sessions' own rows do not tell.
bool wants_tally(std::string_view standing) {
  return standing.contains("\"steps\":") || standing.contains("\"wall_ms\":");
}

bool needs_tally(const Budget& budget) { return budget.steps || budget.wall_ms; }

// Works, as its budget counts it: not while it waits for somebody.
bool works(const Attention& attention) {
  using enum Attention::State;
  return attention.state == starting || attention.state == working || attention.state == retrying ||
         attention.state == stalled;
}

}  // namespace

std::optional<std::string> over(const Budget& budget, const Usage& usage) {
  auto why = reached(budget, usage, 1);
  if (why) *why += ": it goes on when the budget is raised";
  return why;
}

std::optional<std::string> nearly_over(const Budget& budget, const Usage& usage) {
  if (reached(budget, usage, 1)) return std::nullopt;
  return reached(budget, usage, kWarnAt);
}

// ------------------------------------------------------------------------------------------------ one session

// From its record; one that was given later begins at nothing.
Budgets::Tally& Budgets::tally_of(const SessionId& head) {
  if (const auto known = tallies_.find(head); known != tallies_.end()) return known->second;
  Tally tally;
  const auto rows =
      engine_.query.records({.kind = std::string(kUsage), .session = head, .key = std::string(), .limit = 1});
  if (rows && !rows->empty()) {
    if (const auto body = wire::parse(rows->front().body.text)) {
      tally.steps = wire::int_at(*body, "steps", 0);
      tally.wall_ms = wire::int_at(*body, "wall_ms", 0);
    }
  }
  if (board_.may_work(head)) tally.working_since = engine_.clock.now_ms();
  return tallies_.emplace(head, tally).first->second;
}

void Budgets::keep(const SessionId& head, const Tally& tally) {
  const auto session = engine_.query.session(head);
  if (!session) return;
  store::Batch batch{.session = head, .directory = session->directory, .project_id = session->project_id};
  batch.events.push_back(
      RecordPut{.kind = std::string(kUsage),
                .body = JsonText{fmt::format(R"({{"steps":{},"wall_ms":{}}})", tally.steps, tally.wall_ms)}});
  engine_.store.append(std::move(batch), [](store::EventStore::Appended) {});
}

Result<Usage> Budgets::usage_of(const SessionId& head) const {
  TRY(const auto members, family(engine_.query, head));
  Usage usage;
  for (const SessionId& id : members) {
    TRY(const Session session, engine_.query.session(id));
    usage.cost_usd += session.cost;
    usage.tokens += session.tokens.input + session.tokens.output + session.tokens.reasoning;
  }
  if (const auto tally = tallies_.find(head); tally != tallies_.end()) {
    usage.steps = tally->second.steps;
    usage.wall_ms = tally->second.wall_ms;
    if (tally->second.working_since) usage.wall_ms += engine_.clock.now_ms() - *tally->second.working_since;
  }
  return usage;
}

std::optional<Usage> Budgets::usage(const SessionId& head) const {
  auto found = usage_of(head);
  return found ? std::optional(*found) : std::nullopt;
}

void Budgets::count(const SessionId& id) {
  const auto head = head_of(engine_.query, id);
  if (!head) return;
  const bool was = paused_.contains(head->id);
  // Nothing to pause where nothing works; a limit that was taken away frees who waits.
  const auto standing = !board_.may_work(head->id) && !was ? Standing{} : read_standing(engine_.query, head->id);
  if (!standing) return;
  std::optional<std::string> why;
  std::optional<std::string> soon;
  if (standing->budget && !standing->closed) {
    if (needs_tally(*standing->budget)) tally_of(head->id);
    const auto usage = usage_of(head->id);
    if (!usage) return;
    why = over(*standing->budget, *usage);
    soon = nearly_over(*standing->budget, *usage);
  }
  if (!shared_.empty() && !standing->closed) {
    const Owner& owner = owner_of(head->id);
    if (!why) why = shared_.over(owner.project, owner.principal);
    if (!soon) soon = shared_.nearly_over(owner.project, owner.principal);
  }
  const bool is = why.has_value();
  if (is) {
    paused_.insert(head->id);
  } else {
    paused_.erase(head->id);
  }
  board_.set_warning(head->id, is ? std::nullopt : std::move(soon));
  if (!was && !is) return;
  board_.set_over_budget(head->id, std::move(why));
  if (was && !is) on_change_();
}

// ------------------------------------------------------------------------------------------------ what happens

void Budgets::on_step(const store::StoredEvent& event) {
  if ((tallies_.empty() && shared_.empty()) || !may_be_step(event)) return;
  const auto step = step_of(event);
  if (!step) return;
  // Its message comes again when it is complete.
  MessageId& newest = newest_step_[event.session];
  if (newest == step->id) return;
  newest = step->id;
  const auto head = head_of(engine_.query, event.session);
  if (!head) return;
  if (const auto tally = tallies_.find(head->id); tally != tallies_.end()) {
    ++tally->second.steps;
    const TimeMs now = engine_.clock.now_ms();
    if (tally->second.working_since) {
      tally->second.wall_ms += now - *tally->second.working_since;
      tally->second.working_since = now;
    }
    keep(head->id, tally->second);
    count(head->id);
  }
  if (shared_.empty()) return;
  shared_.turn_to(engine_.clock.now_ms());
  const Owner owner = owner_of(head->id);
  shared_.spend(owner.project, owner.principal, usage_of_step(*step), event.time);
  const bool told = shared_.over(owner.project, owner.principal) || shared_.nearly_over(owner.project, owner.principal);
  if (told) look_at_all();
}

void Budgets::on_commit(std::span<const store::StoredEvent> events) {
  std::set<SessionId> changed;
  for (const store::StoredEvent& event : events) {
    if (event.type == "session.deleted") {
      paused_.erase(event.session);
      tallies_.erase(event.session);
      newest_step_.erase(event.session);
      owners_.erase(event.session);
      budgeted_.erase(event.session);
    }
    if (event.type == "session.updated" || is_standing(event)) changed.insert(event.session);
    if (is_standing(event) && wants_tally(*event.properties)) budgeted_.insert(event.session);
    if (event.type == "quarterdeck.turn.started") {
      if (!shared_.empty()) changed.insert(event.session);
      if (!budgeted_.empty()) begin_tally(event.session);
    }
    if (event.type == "quarterdeck.turn.ended") newest_step_.erase(event.session);
    on_step(event);
  }
  for (const SessionId& id : changed) count(id);
}

void Budgets::begin_tally(const SessionId& session) {
  const auto head = head_of(engine_.query, session);
  if (!head || !budgeted_.contains(head->id)) return;
  Tally& tally = tally_of(head->id);
  if (!tally.working_since) tally.working_since = engine_.clock.now_ms();
}

void Budgets::on_attention(const SessionId& head, const Attention& attention) {
  const auto found = tallies_.find(head);
  if (found == tallies_.end()) return;
  Tally& tally = found->second;
  const TimeMs now = engine_.clock.now_ms();
  if (works(attention) == tally.working_since.has_value()) return;
  if (tally.working_since) {
    tally.wall_ms += now - *std::exchange(tally.working_since, std::nullopt);
    keep(head, tally);
    if (attention.group == Attention::Group::quiet || attention.state == Attention::State::ready) tallies_.erase(found);
  } else {
    tally.working_since = now;
  }
}

void Budgets::look_at_all() {
  std::vector<SessionId> all;
  for (const auto& [id, entry] : board_.entries()) all.push_back(id);
  for (const SessionId& id : all) count(id);
}

TimeMs Budgets::next_due() const { return shared_.empty() || paused_.empty() ? Board::kNever : shared_.day_ends(); }

void Budgets::tick() {
  if (!shared_.empty() && shared_.turn_to(engine_.clock.now_ms())) look_at_all();
  std::vector<SessionId> at_work;
  for (const auto& [head, tally] : tallies_) {
    if (tally.working_since) at_work.push_back(head);
  }
  for (const SessionId& head : at_work) count(head);
}

// ------------------------------------------------------------------------------------------------ shared limits

const Budgets::Owner& Budgets::owner_of(const SessionId& head) {
  if (const auto known = owners_.find(head); known != owners_.end()) return known->second;
  Owner owner;
  if (const auto session = engine_.query.session(head)) owner.project = session->project_id;
  if (const auto standing = read_standing(engine_.query, head)) owner.principal = standing->principal.value_or("");
  return owners_.emplace(head, std::move(owner)).first->second;
}

Task<void> Budgets::recover(SharedLimits limits) {
  const auto path = engine_.places.data / kFile;
  struct Found {
    std::string file;
    std::set<SessionId> budgeted;
  };
  auto read = [path, query = &engine_.query] {
    Found found{.file = read_file(path).value_or("{}")};
    const auto rows = query->records({.kind = std::string(kStanding), .limit = 1'000'000});
    for (const store::RecordRow& row : rows ? *rows : std::vector<store::RecordRow>()) {
      if (wants_tally(row.body.text)) found.budgeted.insert(row.session);
    }
    return found;
  };
  Found found = co_await blocking(engine_.loop, engine_.pool, read);
  budgeted_.merge(found.budgeted);
  const std::string& kept = found.file;
  std::vector<std::string> problems;
  // What was set while it ran wins over the configuration; null: taken away.
  if (const auto parsed = wire::parse(kept); parsed && parsed->is_object()) {
    for (const auto& member : parsed->get_object()) {
      auto budget = wire::decode_budget(wire::to_text(member.value()));
      if (member.value().is_null()) {
        limits.erase(std::string(member.key()));
      } else if (budget) {
        limits[std::string(member.key())] = *budget;
      }
    }
  }
  shared_ = SharedBudgets(std::move(limits));
  const TimeMs now = engine_.clock.now_ms();
  shared_.turn_to(now);
  if (!shared_.empty()) {
    struct Spent {
      SessionId session;
      Usage usage;
      TimeMs time = 0;
    };
    auto gather = [query = &engine_.query, from = now - now % SharedBudgets::kDayMs] {
      std::map<MessageId, Spent> steps;
      store::Seq after = query->seq_before(from).value_or(0);
      for (;;) {
        const auto page = query->events_after(after, kPageMax);
        if (!page || page->empty()) return steps;
        for (const store::StoredEvent& event : *page) {
          after = event.seq;
          if (const auto step = step_of(event)) steps[step->id] = {event.session, usage_of_step(*step), event.time};
        }
      }
    };
    const auto steps = co_await blocking(engine_.loop, engine_.pool, gather);
    for (const auto& [id, spent] : steps) {
      const auto head = head_of(engine_.query, spent.session);
      if (!head) continue;
      const Owner owner = owner_of(head->id);
      shared_.spend(owner.project, owner.principal, spent.usage, spent.time);
    }
  }
  look_at_all();
}

Task<Result<void>> Budgets::set_shared(std::string kind, std::string name, std::optional<Budget> budget) {
  const std::string key = name.empty() ? kind : kind + ' ' + name;
  const bool first = shared_.empty();
  const auto path = engine_.places.data / kFile;
  // Written first: what was acknowledged survives.
  auto write = [path, key, budget]() -> Result<void> {
    const auto kept = wire::parse(read_file(path).value_or("{}"));
    wire::JsonObject all = kept && kept->is_object() ? kept->get_object() : wire::JsonObject();
    all[key] = budget ? wire::parse(wire::encode_budget(*budget)).value() : wire::Json(nullptr);
    return write_file_atomically(path, wire::to_text(all), 0600);
  };
  CO_TRY_VOID(co_await blocking(engine_.loop, engine_.pool, write));
  shared_.set(key, budget);
  if (first) {
    // What was spent before there was a limit counts too.
    SharedLimits limits = shared_.limits();
    co_await recover(std::move(limits));
  }
  look_at_all();
  on_change_();
  co_return Result<void>();
}

}  // namespace quarterdeck::fleet
