#include "fleet/budget.hpp"

namespace quarterdeck::fleet {

using namespace domain;

std::optional<std::string> over(const Budget& budget, const Usage& usage) {
  if (budget.cost_usd && usage.cost_usd >= *budget.cost_usd) {
    return fmt::format("Has cost ${:.2f} of ${:.2f}: it goes on when the budget is raised", usage.cost_usd,
                       *budget.cost_usd);
  }
  if (budget.tokens && usage.tokens >= *budget.tokens) {
    return fmt::format("Has used {} of {} tokens: it goes on when the budget is raised", usage.tokens, *budget.tokens);
  }
  return std::nullopt;
}

Result<Usage> Budgets::usage_of(const SessionId& head) const {
  TRY(const auto members, family(engine_.query, head));
  Usage usage;
  for (const SessionId& id : members) {
    TRY(const Session session, engine_.query.session(id));
    usage.cost_usd += session.cost;
    usage.tokens += session.tokens.input + session.tokens.output + session.tokens.reasoning;
  }
  return usage;
}

void Budgets::count(const SessionId& id) {
  const auto head = head_of(engine_.query, id);
  if (!head) return;
  const bool was = paused_.contains(head->id);
  // Nothing to pause where nothing works; a limit that was taken away frees who waits.
  const auto standing = !board_.may_work(head->id) && !was ? Standing{} : read_standing(engine_.query, head->id);
  if (!standing) return;
  std::optional<std::string> why;
  if (standing->budget && !standing->closed) {
    const auto usage = usage_of(head->id);
    if (!usage) return;
    why = over(*standing->budget, *usage);
  }
  const bool is = why.has_value();
  if (is) {
    paused_.insert(head->id);
  } else if (paused_.erase(head->id) == 0) {
    return;
  }
  board_.set_over_budget(head->id, std::move(why));
  if (was && !is) on_change_();
}

void Budgets::recover() {
  std::set<SessionId> all;
  for (const auto& [id, entry] : board_.entries()) all.insert(id);
  for (const SessionId& id : all) count(id);
}

void Budgets::on_commit(std::span<const store::StoredEvent> events) {
  std::set<SessionId> changed;
  for (const store::StoredEvent& event : events) {
    if (event.type == "session.deleted") paused_.erase(event.session);
    const bool standing = event.type == "quarterdeck.record.put" && event.properties->contains("\"kind\":\"standing\"");
    if (event.type == "session.updated" || standing) changed.insert(event.session);
  }
  for (const SessionId& id : changed) count(id);
}

}  // namespace quarterdeck::fleet
