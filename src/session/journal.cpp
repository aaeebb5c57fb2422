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

  // One batch at a time: nothing is ever committed after a batch of this session that was not.
  void send() {
    if (batches.empty() || batches.front().sent) return;
    Batch& batch = batches.front();
    batch.sent = true;
    store::Batch out{.session = address.session, .directory = address.directory, .project_id = address.project_id};
    for (const auto& entry : batch.entries) {
      if (const auto* event = std::get_if<domain::Event>(&entry)) out.events.push_back(*event);
    }
    store.append(std::move(out), [self = shared_from_this()](Result<std::vector<store::StoredEvent>> stored) {
      self->on_committed(std::move(stored));
    });
  }

  void on_committed(Result<std::vector<store::StoredEvent>> stored) {
    if (!stored) return fail(stored.error());
    const Batch batch = std::move(batches.front());
    batches.pop_front();
    std::size_t next = 0;
    for (const auto& entry : batch.entries) {
      if (const auto* event = std::get_if<domain::Event>(&entry)) {
        histories->apply(address.session, *event);
        feed.publish((*stored)[next++]);
      } else {
        publish_delta(std::get<domain::Delta>(entry));
      }
    }
    send();
    for (const auto& waiter : batch.waiters) waiter(Result<void>());
  }

  // What comes later goes nowhere: it would be stored without what it follows from.
  void fail(const Error& why) {
    log::error("session {}: events could not be stored: {}", address.session.value, why.message);
    error = why;
    for (const Batch& batch : std::exchange(batches, {})) {
      for (const auto& waiter : batch.waiters) waiter(std::unexpected(why));
    }
    if (on_broken) on_broken();
  }

  Loop& loop;
  store::EventStore& store;
  feed::Feed& feed;
  std::shared_ptr<HistoryCache> histories;
  Address address;
  std::deque<Batch> batches;  // the one that is being stored, then the one that gathers
  std::optional<Error> error;
  std::function<void()> on_broken;
};

Journal::Journal(Loop& loop, store::EventStore& store, feed::Feed& feed, std::shared_ptr<HistoryCache> histories,
                 Address address)
    : loop_(loop), shared_(std::make_shared<Shared>(loop, store, feed, std::move(histories), std::move(address))) {}

Journal::~Journal() {
  shared_->on_broken = nullptr;
  shared_->send();
}

void Journal::on_broken(std::function<void()> call) { shared_->on_broken = std::move(call); }

void Journal::record(domain::Event event) {
  if (shared_->error) return;
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

bool Journal::storing() const { return !shared_->batches.empty(); }

bool Journal::broken() const { return shared_->error.has_value(); }

}  // namespace quarterdeck::session
