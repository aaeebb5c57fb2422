#include "feed/feed.hpp"

#include "feed/hub.hpp"
#include "feed/subscription.hpp"
#include "wire/event.hpp"

namespace quarterdeck::feed {

// ------------------------------------------------------------------------------------------------------------ hub

template <class Use>
void Hub::each_channel(Use use) {
  if (global_) use(*global_);
  for (auto& [directory, channel] : directories_) use(*channel);
}

void Hub::publish(const store::StoredEvent& event) {
  last_seq_ = std::max(last_seq_, event.seq);
  if (!wire::shown_to_clients(event.type)) return;
  const auto append = [&](Channel& channel) {
    append_event(channel.open, channel.form, event);
    channel.open_seq = event.seq;
    appended_to(channel);
  };
  if (global_) append(*global_);
  if (const auto found = directories_.find(event.directory); found != directories_.end()) append(*found->second);
}

void Hub::publish(std::string_view directory, std::string_view project, std::string_view type,
                  std::string_view properties) {
  const auto found = directories_.find(std::string(directory));
  if (!global_ && found == directories_.end()) return;
  const std::string id = ids_.event().value;
  const EventText text{directory, project, id, type, properties};
  const auto append = [&](Channel& channel) {
    append_frame(channel.open, channel.form, text);
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

std::string Hub::server_event(Form form, std::string_view type, std::string_view properties) {
  return server_frame(form, ids_.event().value, type, properties);
}

void Hub::arm_heartbeat() {
  heartbeat_ = loop.after_ms(options.heartbeat_ms, [this] {
    each_channel([&](Channel& channel) {
      channel.open += server_event(channel.form, "server.heartbeat");
      appended_to(channel);
    });
    arm_heartbeat();
  });
}

Channel& Hub::channel_for(const Scope& scope) {
  auto& channel = scope.directory ? directories_[*scope.directory] : global_;
  if (!channel) channel = std::make_unique<Channel>(scope.directory ? Form::instance : Form::global);
  return *channel;
}

std::unique_ptr<net::Stream> Hub::subscribe(Scope scope, std::optional<store::Seq> after) {
  Channel& channel = channel_for(scope);
  channel.seal();  // what is already open is older than this subscriber
  if (subscribers_++ == 0) arm_heartbeat();
  const Subscription::Missed missed{after.value_or(last_seq_), last_seq_};
  auto subscription = std::make_unique<Subscription>(shared_from_this(), channel, std::move(scope), missed);
  if (closed_) subscription->close();
  return subscription;
}

void Hub::unsubscribe(Subscription& subscription, Channel& channel, const std::optional<std::string>& directory,
                      bool was_behind) {
  channel.remove(subscription, was_behind);
  if (--subscribers_ == 0) heartbeat_.reset();
  if (!channel.subscribers.empty()) return;
  if (directory) {
    directories_.erase(*directory);
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

void Feed::publish(const DeltaEnvelope& envelope) {
  if (!hub_->has_audience(envelope.directory)) return;
  const wire::EncodedEvent encoded = wire::encode_delta(envelope.session, envelope.delta);
  hub_->publish(envelope.directory, envelope.project_id, encoded.type, encoded.properties);
}

void Feed::publish(const Notice& notice) {
  hub_->publish(notice.directory, notice.project_id, notice.type, notice.properties);
}

std::unique_ptr<net::Stream> Feed::subscribe(Scope scope, std::optional<store::Seq> after) {
  return hub_->subscribe(std::move(scope), after);
}

void Feed::close() { hub_->close(); }
std::size_t Feed::subscribers() const { return hub_->subscribers(); }
std::size_t Feed::waiting_bytes() const { return hub_->waiting_bytes(); }

}  // namespace quarterdeck::feed
