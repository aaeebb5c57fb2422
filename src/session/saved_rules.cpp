#include "session/saved_rules.hpp"

#include "base/log.hpp"

namespace quarterdeck::session {

domain::Ruleset saved_rules(store::Query& query, const domain::Session& session) {
  domain::Ruleset rules;
  const auto rows = query.saved_rules(session.project_id);
  if (!rows) {
    log::warn("saved permission rules cannot be read: {}", rows.error().message);
    return rules;  // asks once more
  }
  for (const store::SavedRuleRow& row : *rows) {
    if (!row.directory.empty() && row.directory != session.directory) continue;
    rules.push_back({row.rule.permission, row.rule.pattern, domain::Action::allow});
  }
  return rules;
}

}  // namespace quarterdeck::session
