#include "feed/subscription.hpp"

#include "base/log.hpp"
#include "base/metrics.hpp"

namespace quarterdeck::feed {

Subscription::Subscription(std::shared_ptr<Hub> hub, Channel& channel, Scope scope, Start start)
    : hub_(std::move(hub)),
      channel_(&channel),
      scope_(std::move(scope)),
      form_(channel.form),
      token_(std::make_shared<Subscription*>(this)),
      greeting_(hub_->server_event(channel.form, start.greeting, "server.connected")),
      missed_(start.missed),
      page_(std::move(start.page)),
      streaming_(std::move(start.streaming)),
      cursor_(start.cursor),
      last_(start.seen) {
  channel.add(*this, behind());
  if (replaying()) load_page();
}

Subscription::~Subscription() {
  *token_ = nullptr;
  detach();
}

void Subscription::detach() {
  if (!channel_) return;
  const bool was_behind = behind();
  hub_->unsubscribe(*this, *std::exchange(channel_, nullptr), scope_.directory, was_behind);
}

bool Subscription::ready() const {
  if (!greeting_.empty() || !page_.empty() || failed_ || closing_ || !channel_) return true;
  return !replaying() && (behind() || !streaming_.empty());
}

void Subscription::when_ready(Loop::Callback wake) {
  wake_ = std::move(wake);
  if (ready()) hub_->schedule_flush();
}

void Subscription::wake() {
  if (wake_) std::exchange(wake_, nullptr)();
}

net::Stream::Batch Subscription::take(std::size_t bytes_max) {
  Batch batch;
  if (!channel_) {
    batch.end = true;
    return batch;
  }
  std::size_t bytes = 0;
  for (std::string* text : {&greeting_, &page_}) {
    if (text->empty()) continue;
    bytes += text->size();
    batch.pieces.push_back(std::make_shared<const std::string>(std::exchange(*text, {})));
  }
  if (failed_ || cursor_ < channel_->first()) {
    overrun(batch);
  } else if (replaying()) {
    if (!loading_) load_page();
  } else {
    take_live(batch, bytes_max, bytes);
  }
  if (closing_ && !batch.end && !behind()) {
    detach();
    batch.end = true;
  }
  return batch;
}

void Subscription::take_live(Batch& batch, std::size_t bytes_max, std::size_t bytes) {
  if (!streaming_.empty()) {
    bytes += streaming_.size();
    batch.pieces.push_back(std::make_shared<const std::string>(std::exchange(streaming_, {})));
  }
  if (!behind()) return;
  while (cursor_ < channel_->end() && (batch.pieces.empty() || bytes < bytes_max)) {
    const Channel::Block& block = channel_->block(cursor_++);
    bytes += block.bytes->size();
    batch.pieces.push_back(block.bytes);
    last_ = std::max(last_, block.last);
  }
  if (cursor_ == channel_->end()) channel_->caught_up();
}

void Subscription::overrun(Batch& batch) {
  batch.pieces.push_back(overrun_frame());
  batch.end = true;
  detach();
}

// Without an id: it is no event, and the client has the last one's.
net::Bytes Subscription::overrun_frame() {
  metrics::limit_hit("subscriber_overrun");
  const std::string properties = fmt::format(R"({{"lastEventID":{}}})", last_);
  return std::make_shared<const std::string>(hub_->server_event(form_, 0, "server.overrun", properties));
}

net::Stream::Batch Subscription::last_words() {
  Batch batch;
  if (channel_) overrun(batch);
  return batch;
}

// ------------------------------------------------------------------------------------------------ what it missed

Subscription::Page Subscription::read_page(const Replay& replay, const Scope& scope, Missed missed, Position seen,
                                           std::int64_t limit) {
  const auto events = replay(missed.after, limit);
  if (!events) {
    log::warn("replaying events after {}: {}", missed.after, events.error().message);
    return {.failed = true};
  }
  Page page{.last_seq = missed.after, .last = std::ssize(*events) < limit};
  for (const store::StoredEvent& event : *events) {
    if (event.seq > missed.until) {
      page.last = true;  // from here on it comes live
      break;
    }
    page.last_seq = event.seq;
    if (scope.directory && *scope.directory != event.directory) continue;
    append_event(page.frames, scope.directory ? Form::instance : Form::global, event, seen);
  }
  return page;
}

void Subscription::load_page() {
  loading_ = true;
  hub_->pool.submit([&loop = hub_->loop, token = token_, replay = hub_->replay, scope = scope_, missed = missed_,
                     seen = last_, limit = hub_->options.replay_page_events]() mutable {
    Page page = read_page(replay, scope, missed, seen, limit);
    loop.post([token = std::move(token), page = std::move(page)]() mutable {
      if (Subscription* self = *token) self->arrived(std::move(page));
    });
  });
}

void Subscription::arrived(Page page) {
  loading_ = false;
  failed_ = page.failed;
  missed_.after = page.last ? missed_.until : page.last_seq;
  if (!page.failed) last_ = std::max(last_, position_of(page.last ? missed_.until : page.last_seq) + 1);
  page_ += page.frames;
  if (page_.empty() && replaying() && !failed_) return load_page();  // nothing of ours in it
  wake();
}

}  // namespace quarterdeck::feed
