#include "fleet/facts.hpp"

#include <algorithm>

#include "wire/fleet.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr std::size_t kFamilyMax = 300;
constexpr int kGenerationsMax = 16;
constexpr std::size_t kTextBytes = 300;

bool is_plan(store::Query& query, const QuestionRequest& question) {
  if (!question.tool) return false;
  const auto message = query.message(question.session_id, question.tool->message_id);
  if (!message) return false;
  return std::ranges::any_of(message->parts, [&](const Part& part) {
    const auto* call = std::get_if<ToolPart>(&part.content);
    return call && call->call_id == question.tool->call_id && call->tool == "plan_exit";
  });
}

Result<void> read_requests(store::Query& query, const SessionId& session, std::vector<OpenRequest>& out) {
  TRY(const auto permissions, query.open_requests(session));
  for (const PermissionRequest& each : permissions) {
    std::string what = each.permission;
    for (const std::string& pattern : each.patterns)
      what += (&pattern == &each.patterns.front() ? ": " : ", ") + pattern;
    out.push_back({OpenRequest::Kind::permission, each.id.value, session, shortened(what, kTextBytes)});
  }
  TRY(const auto questions, query.open_questions(session));
  for (const QuestionRequest& each : questions) {
    const auto kind = is_plan(query, each) ? OpenRequest::Kind::plan : OpenRequest::Kind::question;
    const std::string text = each.questions.empty() ? "" : each.questions.front().question;
    out.push_back({kind, each.id.value, session, shortened(text, kTextBytes)});
  }
  return {};
}

}  // namespace

std::string shortened(std::string_view text, std::size_t bytes_max) {
  std::string line;
  bool cut = false;
  for (const char c : text) {
    if (line.size() >= bytes_max) {
      cut = true;
      break;
    }
    const auto byte = static_cast<unsigned char>(c);
    const bool blank = byte < 0x20 || byte == 0x7f || c == ' ';
    if (blank && (line.empty() || line.back() == ' ')) continue;
    line += blank ? ' ' : c;
  }
  // Not in the middle of a character.
  if (cut) {
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80) line.pop_back();
    if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0xc0) line.pop_back();
    line += "…";
  }
  return line;
}

Result<Standing> read_standing(store::Query& query, const SessionId& session) {
  TRY(const auto rows,
      query.records({.kind = std::string(kStanding), .session = session, .key = std::string(), .limit = 1}));
  if (rows.empty()) return Standing{};
  return wire::decode_standing(rows.front().body.text);
}

Result<std::optional<StoredAttention>> read_attention(store::Query& query, const SessionId& session) {
  TRY(const auto rows,
      query.records({.kind = std::string(kAttention), .session = session, .key = std::string(), .limit = 1}));
  if (rows.empty()) return std::nullopt;
  TRY(Attention attention, wire::decode_attention(rows.front().body.text));
  return StoredAttention{std::move(attention), rows.front().seq};
}

Result<std::vector<SessionId>> family(store::Query& query, const SessionId& session) {
  std::vector<SessionId> all{session};
  for (std::size_t i = 0; i < all.size() && all.size() < kFamilyMax; ++i) {
    TRY(auto children, query.children(SessionId(all[i])));
    all.insert(all.end(), std::make_move_iterator(children.begin()), std::make_move_iterator(children.end()));
  }
  return all;
}

Result<Session> head_of(store::Query& query, const SessionId& session) {
  TRY(Session head, query.session(session));
  for (int generation = 0; head.parent_id && generation < kGenerationsMax; ++generation) {
    auto parent = query.session(*head.parent_id);
    if (!parent) break;  // an orphan stands for itself
    head = std::move(*parent);
  }
  return head;
}

Result<Facts> read_facts(store::Query& query, const Session& session) {
  Facts facts{.created = session.created, .archived = session.archived};
  if (session.summary) facts.files_changed = session.summary->files;
  TRY(facts.standing, read_standing(query, session.id));
  TRY(const auto members, family(query, session.id));
  for (const SessionId& each : members) TRY_VOID(read_requests(query, each, facts.requests));
  TRY(const store::SessionWork work, query.work(session.id));
  facts.waiting = work.inbox.size();
  TRY(auto turn, query.last_turn(session.id));
  if (turn) {
    facts.turn = Facts::Turn{.prompt = turn->prompt, .reason = turn->reason, .time = turn->time};
    const auto answer = query.last_answer(session.id, turn->prompt);
    if (answer && *answer) {
      facts.turn->answered = true;
      if (turn->reason == "error") {
        const auto message = query.message(session.id, **answer);
        const auto* said = message ? std::get_if<AssistantMessage>(&message->info) : nullptr;
        if (said) facts.turn->error = said->error;
        if (facts.turn->error) facts.turn->error->message = shortened(facts.turn->error->message, kTextBytes);
      }
    }
  }
  return facts;
}

}  // namespace quarterdeck::fleet
