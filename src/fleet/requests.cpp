// Open permissions and questions of all sessions, and their answers.
#include <algorithm>

#include "fleet/fleet.hpp"
#include "wire/permission.hpp"
#include "wire/question.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

// FNV-1a, 64 bits: the id names the request; this tells that it still is what was shown.
std::string hash_of(std::string_view content) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char c : content) {
    value ^= static_cast<unsigned char>(c);
    value *= 0x100000001b3;
  }
  return fmt::format("{:016x}-{}", value, content.size());
}

std::optional<Reply> reply_named(std::string_view name) {
  if (name == "once") return Reply::once;
  if (name == "always") return Reply::always;
  if (name == "reject") return Reply::reject;
  return std::nullopt;
}

std::unexpected<Error> wrong(std::string_view field, std::string_view expected) {
  return std::unexpected(Error{ErrorCode::invalid, fmt::format("Expected {}\n  at [\"{}\"]", expected, field),
                               fmt::format("[\"{}\"]", field)});
}

}  // namespace

Result<void> Fleet::view_of(const Session& head, std::vector<RequestView>& out) {
  TRY(const Facts facts, read_facts(engine_.query, head));
  TRY(const Attention attention, board_.attention_of(head));
  for (const OpenRequest& each : facts.requests) {
    RequestView view{.kind = each.kind,
                     .id = each.id,
                     .session = each.session,
                     .head = head.id,
                     .title = head.title,
                     .priority = facts.standing.priority,
                     .attention = attention};
    if (each.kind == OpenRequest::Kind::permission) {
      TRY(const auto row, engine_.query.request(PermissionId{each.id}));
      view.content = wire::encode_permission_request(row.request);
    } else {
      TRY(const auto row, engine_.query.question(QuestionId{each.id}));
      view.content = wire::encode_question_request(row.request);
    }
    view.hash = hash_of(view.content);
    out.push_back(std::move(view));
  }
  return {};
}

Task<Result<std::vector<RequestView>>> Fleet::requests() {
  std::vector<RequestView> all;
  for (const auto& [id, entry] : std::map(board_.entries())) {
    const bool asks = entry.attention.state == Attention::State::approve ||
                      entry.attention.state == Attention::State::answer ||
                      entry.attention.state == Attention::State::plan;
    if (!asks) continue;
    const auto head = engine_.query.session(id);
    if (!head) continue;
    CO_TRY_VOID(view_of(*head, all));
  }
  std::ranges::sort(all, {},
                    [](const RequestView& view) { return std::tuple(view.priority, view.attention.since, view.id); });
  co_return all;
}

Result<std::vector<RequestView>> Fleet::requests_of(const SessionId& id) {
  TRY(const Session session, engine_.query.session(id));
  std::vector<RequestView> all;
  TRY_VOID(view_of(session, all));
  return all;
}

Result<SessionId> Fleet::asker(const std::string& id) {
  if (id.starts_with("per")) {
    TRY(const auto row, engine_.query.request(PermissionId{id}));
    return row.request.session_id;
  }
  TRY(const auto row, engine_.query.question(QuestionId{id}));
  return row.request.session_id;
}

Result<RequestView> Fleet::request(const std::string& id) {
  TRY(const SessionId session, asker(id));
  TRY(const Session head, head_of(engine_.query, session));
  std::vector<RequestView> all;
  TRY_VOID(view_of(head, all));
  const auto found = std::ranges::find(all, id, &RequestView::id);
  if (found == all.end()) return fail(ErrorCode::conflict, "The request {} was answered or withdrawn", id);
  return *found;
}

Task<Result<void>> Fleet::answer(std::string id, RequestAnswer answer) {
  CO_TRY(const RequestView view, request(id));
  if (answer.hash && *answer.hash != view.hash) {
    co_return fail(ErrorCode::conflict, "The request {} is not what you have seen: look at it again", id);
  }
  if (view.kind == OpenRequest::Kind::permission) {
    const auto reply = reply_named(answer.reply.value_or(""));
    if (!reply) co_return wrong("reply", R"("once" | "always" | "reject")");
    if (answer.answers) co_return wrong("answers", "no answers: this is a permission");
    ReplyPermission command{.request_id = {id}, .reply = *reply, .message = answer.message};
    co_return co_await host_.reply(std::move(command));
  }
  if (answer.reply && *answer.reply != "reject") co_return wrong("reply", R"("reject" or answers)");
  if (answer.reply.has_value() == answer.answers.has_value())
    co_return wrong("answers", "answers, or reply: \"reject\"");
  CO_TRY(const auto row, engine_.query.question(QuestionId{id}));
  if (answer.answers && answer.answers->size() != row.request.questions.size()) {
    co_return wrong("answers", fmt::format("{} answers, one a question", row.request.questions.size()));
  }
  ReplyQuestion command{.request_id = {id}, .answers = std::move(answer.answers)};
  co_return co_await host_.reply(std::move(command));
}

}  // namespace quarterdeck::fleet
