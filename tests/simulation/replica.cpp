#include "replica.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "wire/session.hpp"

namespace quarterdeck::simulation {

using namespace domain;

namespace {

template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

void Replica::apply(const Event& event) {
  if (const auto* started = std::get_if<TurnStarted>(&event)) {
    // What the server asks itself, such as for a summary when the context is full, nobody admits and nothing goes before.
    const bool first = std::ranges::find(admitted, started->message_id) == admitted.end() ||
                       (!state.inbox.empty() && state.inbox.front() == started->message_id);
    if (state.turn ? *state.turn != started->message_id : !first) out_of_turn.push_back(started->message_id);
  }
  session::apply(state, event);
  std::visit(overloaded{
                 [&](const MessageUpdated& e) { messages.insert_or_assign(id_of(e.info), e.info); },
                 [&](const MessageRemoved& e) {
                   messages.erase(e.message_id);
                   parts.erase(e.message_id);
                 },
                 [&](const PartUpdated& e) {
                   parts[e.part.message_id].insert_or_assign(e.part.id, e.part);
                   constexpr std::string_view kMark = "<task id=\"";
                   const auto* text = std::get_if<TextPart>(&e.part.content);
                   if (!text || !text->text.starts_with(kMark)) return;
                   const std::string id =
                       text->text.substr(kMark.size(), text->text.find('"', kMark.size()) - kMark.size());
                   told[{id}].insert(e.part.message_id);
                 },
                 [&](const PartRemoved& e) { parts[e.message_id].erase(e.part_id); },
                 [&](const PartAppended& e) {
                   Part& part = parts[e.message_id][e.part_id];
                   if (auto* text = std::get_if<TextPart>(&part.content)) text->text += e.text;
                   if (auto* reasoning = std::get_if<ReasoningPart>(&part.content)) reasoning->text += e.text;
                 },
                 [&](const PromptAdmitted& e) { admitted.push_back(e.message_id); },
                 [&](const TurnStarted& e) {
                   if (std::ranges::find(begun, e.message_id) == begun.end()) begun.push_back(e.message_id);
                 },
                 [&](const TurnEnded& e) { ++ended[e.message_id]; },
                 [](const auto&) {},
             },
             event);
}

void Replicas::apply(const SessionId& session, const Event& event) {
  if (std::holds_alternative<SessionDeleted>(event)) {
    sessions_.erase(session);
    return;
  }
  sessions_[session].apply(event);
}

const Replica* Replicas::find(const SessionId& id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

std::string difference(const session::State& left, const session::State& right) {
  domain::Session same_cost = right.session;
  // Sums of cents: reading them from JSON may change the last bit.
  if (std::abs(left.session.cost - right.session.cost) < 1e-9) same_cost.cost = left.session.cost;
  if (left.session != same_cost) {
    return fmt::format("{} and {}", wire::encode_session(left.session), wire::encode_session(right.session));
  }
  if (left.inbox != right.inbox) return fmt::format("the queue ({} and {})", left.inbox.size(), right.inbox.size());
  if (left.urgent != right.urgent) return "the order of the queue";
  if (left.turn != right.turn) return "the running turn";
  if (left.turn && left.turn_attempt != right.turn_attempt) return "the attempt of the turn";
  if (left.requests != right.requests) return "the open requests";
  if (left.questions != right.questions) return "the open questions";
  if (left.questions != right.questions) return "the open questions";
  return {};
}

std::string difference(const Replica& replica, store::Query& query, const SessionId& id) {
  const auto session = query.session(id);
  if (!session) return session.error().message;
  const auto work = query.work(id);
  const auto requests = query.open_requests(id);
  const auto questions = query.open_questions(id);
  const auto history = query.history(id);
  if (!work || !requests || !questions || !history) return "it cannot be read";
  session::State stored{.session = *session};
  for (const auto& waiting : work->inbox) session::apply(stored, PromptAdmitted{waiting.message, waiting.delivery});
  stored.turn = work->turn;
  stored.turn_attempt = work->attempt;
  for (const PermissionRequest& request : *requests) stored.requests.emplace(request.id, request);
  for (const QuestionRequest& question : *questions) stored.questions.emplace(question.id, question);
  if (auto different = difference(replica.state, stored); !different.empty()) return different;
  if (history->size() != replica.messages.size()) {
    return fmt::format("{} messages, not {}", history->size(), replica.messages.size());
  }
  for (const MessageWithParts& message : *history) {
    const MessageId& message_id = id_of(message.info);
    const auto known = replica.messages.find(message_id);
    if (known == replica.messages.end()) return "an unknown message " + message_id.value;
    if (known->second != message.info) return "message " + message_id.value;
    const auto parts = replica.parts.find(message_id);
    if (message.parts.size() != (parts == replica.parts.end() ? 0 : parts->second.size())) {
      return "the number of parts of " + message_id.value;
    }
    for (const Part& part : message.parts) {
      const auto same = parts->second.find(part.id);
      if (same == parts->second.end() || same->second != part) return "part " + part.id.value;
    }
  }
  return {};
}

}  // namespace quarterdeck::simulation
