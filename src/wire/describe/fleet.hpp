// Members of what the fleet knows, for the codecs of this folder. Ids as OpenCode writes them (sessionID), the rest in
// snake_case.
#pragma once

#include <array>

#include "domain/fleet.hpp"
#include "wire/codec.hpp"
#include "wire/describe/model.hpp"
#include "wire/describe/session.hpp"

namespace quarterdeck::domain {

constexpr auto enum_names(Priority) {
  using enum Priority;
  return std::array<std::pair<Priority, std::string_view>, 4>{{{P0, "P0"}, {P1, "P1"}, {P2, "P2"}, {P3, "P3"}}};
}

constexpr auto enum_names(Attention::Group) {
  using enum Attention::Group;
  return std::array<std::pair<Attention::Group, std::string_view>, 6>{{{needs_you, "needs_you"},
                                                                       {with_supervisor, "with_supervisor"},
                                                                       {ready_for_review, "ready_for_review"},
                                                                       {working, "working"},
                                                                       {queued, "queued"},
                                                                       {quiet, "quiet"}}};
}

constexpr auto enum_names(Attention::State) {
  using enum Attention::State;
  return std::array<std::pair<Attention::State, std::string_view>, 17>{{{approve, "approve"},
                                                                        {answer, "answer"},
                                                                        {plan, "plan"},
                                                                        {conflict, "conflict"},
                                                                        {login, "login"},
                                                                        {budget, "budget"},
                                                                        {failed, "failed"},
                                                                        {stalled, "stalled"},
                                                                        {ready, "ready"},
                                                                        {starting, "starting"},
                                                                        {working, "working"},
                                                                        {retrying, "retrying"},
                                                                        {queued, "queued"},
                                                                        {scheduled, "scheduled"},
                                                                        {paused, "paused"},
                                                                        {idle, "idle"},
                                                                        {done, "done"}}};
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {

template <class Io>
void describe(Io& io, domain::Budget& budget) {
  io.field("cost_usd", budget.cost_usd);
  io.field("tokens", budget.tokens);
  io.field("steps", budget.steps);
  io.field("wall_ms", budget.wall_ms);
}

template <class Io>
void describe(Io& io, domain::Ref& ref) {
  io.field("system", ref.system);
  io.field("id", ref.id);
  io.field("url", ref.url);
  io.field("title", ref.title);
  io.field("text", ref.text);
}

template <class Io>
void describe(Io& io, domain::Standing& standing) {
  io.field_or("priority", standing.priority, domain::Priority::P2);
  io.field_or("labels", standing.labels, {});
  io.field("owner", standing.owner);
  io.field("budget", standing.budget);
  io.field_or("refs", standing.refs, {});
  io.field_or("handed_over", standing.handed_over, false);
  io.field("principal", standing.principal);
  io.field("reply_to", standing.reply_to);
  io.field("result_schema", standing.result_schema);
  io.field("closed_at", standing.closed);
  io.field("accepted_at", standing.accepted);
}

template <class Io>
void describe(Io& io, domain::Attention::Evidence& evidence) {
  io.field("kind", evidence.kind);
  io.field_or("id", evidence.id, {});
  io.field_or("text", evidence.text, {});
}

template <class Io>
void describe(Io& io, domain::Attention::Next& next) {
  io.field("action", next.action);
  io.field("at", next.at);
}

template <class Io>
void describe(Io& io, domain::Attention& attention) {
  io.field("group", attention.group);
  io.field("state", attention.state);
  io.field("reason", attention.reason);
  io.field_or("evidence", attention.evidence, {});
  io.field("since", attention.since);
  io.field("next", attention.next);
  io.field("stall", attention.stall);
  io.field("warning", attention.warning);
}

template <class Io>
void describe(Io& io, domain::Waiting& waiting) {
  io.field("what", waiting.what);
  io.field("limit", waiting.limit);
  io.field("reason", waiting.reason);
  io.field("position", waiting.position);
  io.field("of", waiting.of);
  io.field("since", waiting.since);
  io.field("until", waiting.until);
}

template <class Io>
void describe(Io& io, domain::RosterRow& row) {
  io.field("sessionID", row.session);
  io.field("title", row.title);
  io.field("projectID", row.project_id);
  io.field("directory", row.directory);
  io.field("attention", row.attention);
  describe(io, row.standing);
  io.field_or("cost", row.cost, 0.0);
  io.field("summary", row.summary);
  io.field("agent", row.agent);
  session_model_field(io, row.model);
  io.field("created_at", row.created);
  io.field("updated_at", row.updated);
  io.field_or("children", row.children, 0);
  io.field_or("cursor", row.seq, std::int64_t{0});
  io.field("waiting", row.waiting);
  io.field("result", row.result);
}

}  // namespace quarterdeck::wire
