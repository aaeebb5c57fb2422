#include "fleet/search.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/log.hpp"
#include "fleet/facts.hpp"

namespace quarterdeck::fleet {
namespace {

constexpr std::int64_t kQuietMs = 1'500;     // after a change: more come at once
constexpr std::int64_t kNewsEveryMs = 30'000;  // within a long turn
constexpr std::int64_t kRestMs = 5;
constexpr std::int64_t kBatchEventsMax = 512;
constexpr std::size_t kBatchBytesWanted = 2'000'000;
constexpr int kBatchesBeforeAnswer = 4;
constexpr int kLooksBeforeAnswer = 50;
constexpr std::int64_t kLookMs = 20;
constexpr int kPagesMax = 10;  // that a filter may look through for one answer
constexpr std::size_t kSearchesWaitingMax = 100;
constexpr std::int64_t kOffsetMax = 10'000;

struct Batch {
  std::size_t events = 0;
  std::size_t bytes = 0;
};

Result<Batch> index_next(store::SearchIndex& index, store::Query& query, std::int64_t limit) {
  TRY(const store::Seq cursor, index.cursor());
  TRY(const auto events, query.events_after(cursor, limit));
  if (events.empty()) return Batch{};
  Batch batch{.events = events.size()};
  for (const auto& event : events) batch.bytes += event.properties ? event.properties->size() : 0;
  TRY_VOID(index.apply(events, events.back().seq));
  return batch;
}

struct Place {
  std::int64_t offset = 0;
  std::int64_t row_max = 0;
};

std::optional<Place> place_of(std::string_view cursor) {
  Place place;
  const auto dot = cursor.find('.');
  if (dot == cursor.npos) return std::nullopt;
  const auto read = [](std::string_view text, std::int64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() && out >= 0;
  };
  if (!read(cursor.substr(0, dot), place.offset) || !read(cursor.substr(dot + 1), place.row_max)) return std::nullopt;
  return place;
}

}  // namespace

Search::Search(Fleet& fleet, std::unique_ptr<store::SearchIndex> index)
    : fleet_(fleet),
      engine_(fleet.engine()),
      index_(std::move(index)),
      changes_(fleet.board().changes()),
      keeping_up_(engine_.loop) {}

Search::~Search() {
  if (subscription_) changes_->unsubscribe(*subscription_);
}

void Search::start() {
  if (!index_) return;
  subscription_ = changes_->subscribe([this] {
    news_ = true;
    if (wake_) (*wake_)(Unit{});
  });
  keeping_up_.spawn(keep_up());
}

Task<void> Search::shutdown() {
  keeping_up_.stop();
  if (wake_) (*wake_)(Unit{});
  co_await keeping_up_.join();
}

// False when it is to end.
Task<bool> Search::wait_for_news() {
  if (std::exchange(news_, false)) co_return co_await sleep_ms(engine_.loop, kQuietMs, keeping_up_.token());
  OneShot<Unit> news(engine_.loop);
  wake_ = news.setter();
  // Where nobody works nothing is said either, and nothing ticks.
  const auto works = [](const auto& entry) {
    return entry.second.attention.group == domain::Attention::Group::working;
  };
  std::unique_ptr<Loop::Handle> timer;
  if (std::ranges::any_of(fleet_.board().entries(), works))
    timer = engine_.loop.after_ms(kNewsEveryMs, [set = news.setter()] { set(Unit{}); });
  co_await news;
  timer.reset();
  wake_.reset();
  news_ = false;
  co_return co_await sleep_ms(engine_.loop, kQuietMs, keeping_up_.token());
}

Task<void> Search::keep_up() {
  for (;;) {
    const auto done = co_await catch_up(INT32_MAX);
    if (!done) log::warn("searching is behind: {}", done.error().message);
    if (keeping_up_.token().stop_requested()) co_return;
    if (!co_await wait_for_news()) co_return;
  }
}

Task<Result<void>> Search::catch_up(int batches_max) {
  if (busy_) co_return Result<void>();
  busy_ = true;
  Result<void> done;
  for (int i = 0; i < batches_max && !keeping_up_.token().stop_requested(); ++i) {
    auto work = [index = index_, &query = engine_.query, limit = batch_events_] {
      return index_next(*index, query, limit);
    };
    const TimeMs began = engine_.clock.now_ms();
    const auto batch = co_await blocking(engine_.loop, engine_.pool, work);
    if (!batch) {
      done = std::unexpected(batch.error());
      break;
    }
    if (batch->events < static_cast<std::size_t>(batch_events_)) break;
    // Some events are prompts with pictures, most are a line.
    if (batch->bytes > kBatchBytesWanted) {
      batch_events_ = std::max<std::int64_t>(1, batch_events_ / 4);
    } else if (batch->bytes < kBatchBytesWanted / 4) {
      batch_events_ = std::min(kBatchEventsMax, batch_events_ * 2);
    }
    co_await sleep_ms(engine_.loop, std::max(kRestMs, engine_.clock.now_ms() - began), keeping_up_.token());
  }
  busy_ = false;
  co_return done;
}

Task<Result<SearchFound>> Search::find(SearchAsked asked) {
  if (next_searches_.size() >= kSearchesWaitingMax) co_return fail(ErrorCode::unavailable, "Too many searches at once");
  while (finding_) {
    OneShot<Unit> turn(engine_.loop);
    next_searches_.push_back(turn.setter());
    co_await turn;
  }
  finding_ = true;
  auto found = co_await find_now(std::move(asked));
  finding_ = false;
  if (!next_searches_.empty()) {
    const auto next = std::move(next_searches_.front());
    next_searches_.pop_front();
    next(Unit{});
  }
  co_return found;
}

Task<Result<SearchFound>> Search::find_now(SearchAsked asked) {
  if (!index_) co_return fail(ErrorCode::unavailable, "Searching is switched off (quarterdeck.search.enabled)");
  if (!asked.cursor.empty()) {
    const auto place = place_of(asked.cursor);
    if (!place) co_return fail(ErrorCode::invalid, "Expected `next` of the page before\n  at [\"cursor\"]");
    if (place->offset > kOffsetMax) co_return SearchFound{};
    asked.query.offset = place->offset;
    asked.query.row_max = place->row_max;
  }
  // What was said before the question is looked through too, unless that is a long past.
  for (int looks = 0; busy_ && looks < kLooksBeforeAnswer; ++looks)
    co_await sleep_ms(engine_.loop, kLookMs, keeping_up_.token());
  CO_TRY_VOID(co_await catch_up(kBatchesBeforeAnswer));
  const std::int64_t wanted = asked.query.limit;
  const bool filtered = asked.group || asked.state || asked.priority;
  if (filtered) asked.query.limit = 100;

  SearchFound out;
  std::map<SessionId, std::optional<SearchFound::Hit>> known;  // without the hit
  const auto about = [&](const SessionId& id) -> const std::optional<SearchFound::Hit>& {
    auto [entry, is_new] = known.try_emplace(id);
    if (!is_new) return entry->second;
    const auto session = engine_.query.session(id);
    const auto head = head_of(engine_.query, id);
    if (!session || !head) return entry->second;
    const auto row = fleet_.row(head->id);
    if (row) entry->second = SearchFound::Hit{{}, head->id, *row, session->title};
    return entry->second;
  };
  const auto fits = [&](const domain::RosterRow& row) {
    return (!asked.group || row.attention.group == *asked.group) &&
           (!asked.state || row.attention.state == *asked.state) &&
           (!asked.priority || row.standing.priority == *asked.priority);
  };
  for (int page = 0; page < kPagesMax; ++page) {
    auto look = [index = index_, query = asked.query] { return index->find(query); };
    CO_TRY(const store::SearchPage found, co_await blocking(engine_.loop, engine_.pool, look));
    asked.query.row_max = found.row_max;
    bool full = false;
    for (const store::SearchHit& hit : found.hits) {
      if (static_cast<std::int64_t>(out.hits.size()) == wanted) {
        full = true;
        break;
      }
      ++asked.query.offset;
      const auto& with = about(hit.session);
      if (!with || !fits(with->row)) continue;
      SearchFound::Hit complete = *with;
      complete.hit = hit;
      out.hits.push_back(std::move(complete));
    }
    const bool more = full || found.more;
    out.next = more && asked.query.offset <= kOffsetMax ? fmt::format("{}.{}", asked.query.offset, found.row_max) : "";
    if (!more || static_cast<std::int64_t>(out.hits.size()) == wanted) break;
  }
  auto lag = [index = index_, &query = engine_.query]() -> Result<store::Seq> {
    TRY(const store::Seq cursor, index->cursor());
    TRY(const store::Seq newest, query.last_seq());
    return std::max<store::Seq>(0, newest - cursor);
  };
  CO_TRY(out.behind, co_await blocking(engine_.loop, engine_.pool, lag));
  co_return out;
}

Task<Result<store::SearchSize>> Search::size() {
  if (!index_) co_return fail(ErrorCode::unavailable, "Searching is switched off (quarterdeck.search.enabled)");
  auto work = [index = index_] { return index->size(); };
  co_return co_await blocking(engine_.loop, engine_.pool, work);
}

}  // namespace quarterdeck::fleet
