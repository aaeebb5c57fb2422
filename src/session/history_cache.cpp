#include "session/history_cache.hpp"

#include <algorithm>

namespace quarterdeck::session {

using namespace domain;

HistoryCache::HistoryCache(Loop& loop, BlockingPool& pool, store::Query& query, HistoryCacheOptions options)
    : loop_(loop), pool_(pool), query_(query), options_(options) {}

Task<Result<const History*>> HistoryCache::of(SessionId session) {
  for (;;) {
    if (const auto known = by_session_.find(session); known != by_session_.end()) co_return use(known->second);
    ++loading_[session].readers;
    store::Query& query = query_;
    auto load = [&query, session] { return query.history(session); };
    auto loaded = co_await blocking(loop_, pool_, load);
    Loading& loading = loading_.at(session);
    const std::vector<Event> missed = loading.missed;
    if (--loading.readers == 0) loading_.erase(session);
    if (!loaded) co_return std::unexpected(std::move(loaded.error()).in("loading the history"));
    if (by_session_.contains(session)) continue;  // somebody else was faster
    // Events carry whole states, so applying one twice is harmless; streamed text is the exception.
    if (std::ranges::any_of(missed, [](const Event& e) { return std::holds_alternative<PartAppended>(e); })) continue;
    History history(std::move(*loaded));
    for (const Event& event : missed) history.apply(event);
    entries_.push_front({.session = session, .history = std::move(history)});
    by_session_[session] = entries_.begin();
    bytes_ += entries_.front().history.bytes();
    trim();
    if (!sweeper_) sweeper_ = loop_.after_ms(options_.idle_ms, [this] { sweep(); });
    co_return &entries_.front().history;
  }
}

void HistoryCache::apply(const SessionId& session, const Event& event) {
  if (const auto loading = loading_.find(session); loading != loading_.end()) loading->second.missed.push_back(event);
  const auto known = by_session_.find(session);
  if (known == by_session_.end()) return;
  if (std::holds_alternative<SessionDeleted>(event)) return drop(known->second);
  History& history = known->second->history;
  const std::size_t before = history.bytes();
  history.apply(event);
  bytes_ += history.bytes() - before;
  trim();
}

const History* HistoryCache::use(Entries::iterator entry) {
  entry->used = true;
  entries_.splice(entries_.begin(), entries_, entry);
  trim();
  return &entry->history;
}

void HistoryCache::drop(Entries::iterator entry) {
  bytes_ -= entry->history.bytes();
  by_session_.erase(entry->session);
  entries_.erase(entry);
}

void HistoryCache::trim() {
  while (bytes_ > options_.bytes_max && entries_.size() > 1) drop(std::prev(entries_.end()));
}

void HistoryCache::sweep() {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (!std::exchange(entry->used, false)) drop(entry);
    entry = next;
  }
  sweeper_ = entries_.empty() ? nullptr : loop_.after_ms(options_.idle_ms, [this] { sweep(); });
}

}  // namespace quarterdeck::session
