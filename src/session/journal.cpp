#include "session/journal.hpp"

#include "base/log.hpp"

namespace quarterdeck::session {

struct Journal::Batch {
  // Events and the deltas between them, in order.
  std::vector<std::variant<domain::Event, domain::Delta>> entries;
  std::vector<OneShot<Result<void>>::Setter> waiters;
  bool sent = false;
};

struct Journal::Shared : std::enable_shared_from_this<Shared> {
  Shared(Loop& owner, store::EventStore& events, feed::Feed& subscribers, std::shared_ptr<HistoryCache> cache,
         Address where)
      : loop(owner), store(events), feed(subscribers), histories(std::move(cache)), address(std::move(where)) {}

  void publish_delta(const domain::Delta& delta) {
    feed.publish(feed::DeltaEnvelope{
        .session = address.session, .directory = address.directory, .project_id = address.project_id, .delta = delta});
  }

  void send() {
    if (batches.empty() || batches.back().sent) return;
    Batch& batch = batches.back();
    batch.sent = true;
    store::Batch out{.session = address.session, .directory = address.directory, .project_id = address.project_id};
    for (const auto& entry : batch.entries) {
      if (const auto* event = std::get_if<domain::Event>(&entry)) out.events.push_back(*event);
    }
    store.append(std::move(out), [self = shared_from_this()](Result<std::vector<store::StoredEvent>> stored) {
      self->on_committed(std::move(stored));
    });
  }

  // The store answers in the order of the calls, so this is about the oldest batch.
  void on_committed(Result<std::vector<store::StoredEvent>> stored) {
    Batch batch = std::move(batches.front());
    batches.pop_front();
    if (!stored) {
      if (!error)
        log::error("session {}: events could not be stored: {}", address.session.value, stored.error().message);
      error = stored.error();
    } else {
      std::size_t next = 0;
      for (const auto& entry : batch.entries) {
        if (const auto* event = std::get_if<domain::Event>(&entry)) {
          histories->apply(address.session, *event);
          feed.publish((*stored)[next++]);
        } else {
          publish_delta(std::get<domain::Delta>(entry));
        }
      }
    }
    for (const auto& waiter : batch.waiters) waiter(error ? Result<void>(std::unexpected(*error)) : Result<void>());
  }

  Loop& loop;
  store::EventStore& store;
  feed::Feed& feed;
  std::shared_ptr<HistoryCache> histories;
  Address address;
  std::deque<Batch> batches;  // oldest first; only the last may be unsent
  std::optional<Error> error;
};

Journal::Journal(Loop& loop, store::EventStore& store, feed::Feed& feed, std::shared_ptr<HistoryCache> histories,
                 Address address)
    : loop_(loop), shared_(std::make_shared<Shared>(loop, store, feed, std::move(histories), std::move(address))) {}

Journal::~Journal() { shared_->send(); }

void Journal::record(domain::Event event) {
  auto& batches = shared_->batches;
  if (batches.empty() || batches.back().sent) {
    batches.emplace_back();
    loop_.post([shared = shared_] { shared->send(); });
  }
  batches.back().entries.emplace_back(std::move(event));
}

void Journal::show(domain::Delta delta) {
  if (shared_->batches.empty()) {
    shared_->publish_delta(delta);
  } else {
    shared_->batches.back().entries.emplace_back(std::move(delta));
  }
}

Task<Result<void>> Journal::committed() {
  const std::shared_ptr<Shared> shared = shared_;
  if (shared->error) co_return std::unexpected(*shared->error);
  if (shared->batches.empty()) co_return Result<void>();
  shared->send();
  OneShot<Result<void>> done(shared->loop);
  shared->batches.back().waiters.push_back(done.setter());
  co_return co_await done;
}

bool Journal::broken() const { return shared_->error.has_value(); }

}  // namespace quarterdeck::session
