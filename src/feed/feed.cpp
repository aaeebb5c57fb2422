#include "feed/feed.hpp"

#include "feed/hub.hpp"
#include "feed/subscription.hpp"
#include "wire/event.hpp"

namespace quarterdeck::feed {

namespace {

// Directories whose channels wait for somebody to come back.
constexpr std::size_t kLingeringMax = 1000;

}  // namespace

// ------------------------------------------------------------------------------------------------------------ hub

template <class Use>
void Hub::each_channel(Use use) {
  if (global_) use(*global_);
  for (auto& [directory, channel] : directories_) use(*channel);
}

void Hub::publish(const store::StoredEvent& event) {
  last_seq_ = std::max(last_seq_, event.seq);
  // One id beside its own, for the sync duplicate.
  position_ = std::max(position_, position_of(event.seq) + 1);
  streaming_.on_event(event);
  if (!wire::shown_to_clients(event.type)) return;
  const auto append = [&](Channel& channel) {
    append_event(channel.open, channel.form, event);
    channel.open_last = last_position(channel.form, event);
    appended_to(channel);
  };
  if (global_) append(*global_);
  if (const auto found = directories_.find(event.directory); found != directories_.end()) append(*found->second);
}

void Hub::publish(const DeltaEnvelope& envelope) {
  streaming_.on_delta(envelope);
  if (!has_audience(envelope.directory)) return;
  const wire::EncodedEvent encoded = wire::encode_delta(envelope.session, envelope.delta);
  publish(envelope.directory, envelope.project_id, encoded.type, encoded.properties);
}

void Hub::publish(std::string_view directory, std::string_view project, std::string_view type,
                  std::string_view properties) {
  const auto found = directories_.find(std::string(directory));
  if (!global_ && found == directories_.end()) return;
  const std::string id = ids_.event().value;
  const Position position = next_position();
  const EventText text{directory, project, id, type, properties};
  const auto append = [&](Channel& channel) {
    append_frame(channel.open, channel.form, text, position);
    channel.open_last = position;
    appended_to(channel);
  };
  if (global_) append(*global_);
  if (found != directories_.end()) append(*found->second);
}

void Hub::appended_to(Channel& channel) {
  if (channel.open.size() >= Channel::kBlockBytesMax) {
    channel.seal();
    hold_budget();
  }
  schedule_flush();
}

std::size_t Hub::waiting_bytes() const {
  std::size_t bytes = global_ ? global_->bytes() : 0;
  for (const auto& [directory, channel] : directories_) bytes += channel->bytes();
  return bytes;
}

// The channel that holds most gives up its oldest: who lags there is the cause.
void Hub::hold_budget() {
  std::size_t bytes = waiting_bytes();
  while (bytes > options.bytes_max) {
    Channel* largest = nullptr;
    each_channel([&](Channel& channel) {
      if (!largest || channel.bytes() > largest->bytes()) largest = &channel;
    });
    if (!largest || largest->empty()) return;
    bytes -= largest->bytes();
    largest->drop_oldest();
    bytes += largest->bytes();
  }
}

void Hub::schedule_flush() {
  if (std::exchange(flush_scheduled_, true)) return;
  loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->flush();
  });
}

void Hub::flush() {
  flush_scheduled_ = false;
  std::vector<std::shared_ptr<Subscription*>> ready;
  each_channel([&](Channel& channel) {
    channel.seal();
    for (Subscription* subscription : channel.subscribers) {
      if (subscription->waits() && subscription->ready()) ready.push_back(subscription->token());
    }
  });
  hold_budget();
  // A wake may end this or another subscription.
  for (const auto& token : ready) {
    if (*token) (*token)->wake();
  }
}

std::string Hub::server_event(Form form, Position position, std::string_view type, std::string_view properties) {
  return server_frame(form, position, ids_.event().value, type, properties);
}

// More than 2^20 live things between two durable events share the last id.
Position Hub::next_position() {
  if (live_part(position_) < kLiveMax) ++position_;
  return position_;
}

std::string Hub::streaming_now(const Scope& scope) {
  std::string frames;
  for (const StreamingParts::Shown& part : streaming_.now(scope)) {
    const std::string id = ids_.event().value;
    append_frame(frames, scope.directory ? Form::instance : Form::global,
                 {part.directory, part.project_id, id, "message.part.updated", part.properties}, next_position());
  }
  return frames;
}

void Hub::arm_heartbeat() {
  heartbeat_ = loop.after_ms(options.heartbeat_ms, [this] {
    each_channel([&](Channel& channel) {
      if (channel.subscribers.empty()) return;
      channel.open_last = next_position();
      channel.open += server_event(channel.form, channel.open_last, "server.heartbeat");
      appended_to(channel);
    });
    arm_heartbeat();
  });
}

Channel& Hub::channel_for(const Scope& scope) {
  auto& channel = scope.directory ? directories_[*scope.directory] : global_;
  if (!channel) {
    channel =
        std::make_unique<Channel>(scope.directory ? Form::instance : Form::global, position_, options.recent_bytes_max);
  }
  channel->linger.reset();
  return *channel;
}

std::unique_ptr<net::Stream> Hub::subscribe(Scope scope, std::optional<Position> after) {
  // From before a restart: ids go on from there.
  const bool foreign = after && *after > position_;
  if (foreign && seq_of(*after) == last_seq_) position_ = *after;
  Channel& channel = channel_for(scope);
  channel.seal();  // what is already open is older than this subscriber
  if (subscribers_++ == 0) arm_heartbeat();

  Subscription::Start start{.seen = after.value_or(0), .cursor = channel.end()};
  std::optional<Channel::Resumed> resumed;
  if (after && !foreign) resumed = channel.resume(*after);
  if (resumed) {
    start.page = std::move(resumed->rest);
    start.cursor = resumed->next;
  } else {
    if (after) start.missed = {seq_of(*after) - (live_part(*after) == 0 ? 1 : 0), last_seq_};
    if (foreign) start.seen = std::min(*after, position_);
    if (!after) start.seen = start.greeting = next_position();
    start.streaming = streaming_now(scope);
  }
  auto subscription = std::make_unique<Subscription>(shared_from_this(), channel, std::move(scope), std::move(start));
  if (closed_) subscription->close();
  return subscription;
}

void Hub::unsubscribe(Subscription& subscription, Channel& channel, const std::optional<std::string>& directory,
                      bool was_behind) {
  channel.remove(subscription, was_behind);
  if (--subscribers_ == 0) heartbeat_.reset();
  if (!channel.subscribers.empty()) return;
  if (options.linger_ms == 0 || closed_ || directories_.size() > kLingeringMax) return end_channel(directory);
  channel.linger = loop.after_ms(options.linger_ms, [this, directory] { end_channel(directory); });
}

void Hub::end_channel(const std::optional<std::string>& directory) {
  if (directory) {
    directories_.erase(std::string(*directory));
  } else {
    global_.reset();
  }
}

void Hub::close() {
  closed_ = true;
  each_channel([](Channel& channel) {
    for (Subscription* subscription : channel.subscribers) subscription->close();
  });
  schedule_flush();
}

// ----------------------------------------------------------------------------------------------------------- feed

Feed::Feed(Loop& loop, BlockingPool& pool, Clock& clock, Random& random, Replay replay, store::Seq last_seq,
           FeedOptions options)
    : hub_(std::make_shared<Hub>(loop, pool, clock, random, std::move(replay), last_seq, options)) {}
Feed::~Feed() { close(); }

void Feed::publish(const store::StoredEvent& event) { hub_->publish(event); }

void Feed::publish(const DeltaEnvelope& envelope) { hub_->publish(envelope); }

void Feed::publish(const Notice& notice) {
  hub_->publish(notice.directory, notice.project_id, notice.type, notice.properties);
}

std::unique_ptr<net::Stream> Feed::subscribe(Scope scope, std::optional<Position> after) {
  return hub_->subscribe(std::move(scope), after);
}

void Feed::close() { hub_->close(); }
std::size_t Feed::subscribers() const { return hub_->subscribers(); }
std::size_t Feed::waiting_bytes() const { return hub_->waiting_bytes(); }

}  // namespace quarterdeck::feed
