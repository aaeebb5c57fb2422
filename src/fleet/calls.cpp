#include "fleet/calls.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr std::string_view kCall = "call";
constexpr std::int64_t kKeptMs = 24 * 60 * 60 * 1000;
constexpr std::int64_t kForgottenMax = 500;

}  // namespace

Calls::Turn::~Turn() {
  if (!calls_) return;
  const auto found = calls_->running_.find(name_);
  if (found->second.empty()) {
    calls_->running_.erase(found);
    return;
  }
  const auto next = std::move(found->second.front());
  found->second.pop_front();
  next(Unit{});
}

Task<Calls::Turn> Calls::take(SessionId session, std::string key) {
  const std::string name = session.value + " " + key;
  if (running_.contains(name)) {
    OneShot<Unit> turn(engine_.loop);
    running_[name].push_back(turn.setter());
    co_await turn;
  } else {
    running_[name];
  }
  co_return Turn(*this, name);
}

Result<std::optional<KeptAnswer>> Calls::find(const SessionId& session, const std::string& key) {
  TRY(const auto rows, engine_.query.records({.kind = std::string(kCall), .session = session, .key = key}));
  if (rows.empty()) return std::nullopt;
  TRY(KeptAnswer kept, wire::decode_kept_answer(rows.front().body.text));
  return kept;
}

Task<Result<void>> Calls::keep(SessionId id, std::string key, KeptAnswer answer) {
  const auto session = engine_.query.session(id);
  if (!session) co_return Result<void>();  // deleted meanwhile: nothing is left to keep it beside
  store::Batch batch{.session = id, .directory = session->directory, .project_id = session->project_id};
  const std::string body = wire::encode_kept_answer(answer);
  batch.events.push_back(RecordPut{.kind = std::string(kCall), .key = std::move(key), .body = JsonText{body}});
  CO_TRY_VOID(co_await engine_.store.append(std::move(batch)));
  co_return Result<void>();
}

Task<void> Calls::forget_old() {
  const auto limit = engine_.query.seq_before(engine_.clock.now_ms() - kKeptMs);
  if (!limit || *limit == 0) co_return;
  const auto rows = engine_.query.records({.kind = std::string(kCall), .limit = kForgottenMax});
  if (!rows) co_return;
  for (const store::RecordRow& row : *rows) {
    if (row.seq > *limit) break;
    const auto session = engine_.query.session(row.session);
    if (!session) continue;
    store::Batch batch{.session = row.session, .directory = session->directory, .project_id = session->project_id};
    batch.events.push_back(RecordPut{.kind = row.kind, .key = row.key});
    [[maybe_unused]] const auto removed = co_await engine_.store.append(std::move(batch));
  }
}

}  // namespace quarterdeck::fleet
