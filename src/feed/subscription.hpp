// One subscriber: a cursor into its channel, preceded by what it missed while it was away.
//
//   server.connected -> replayed pages (store, on the pool) -> live blocks -> [server.overrun] -> end
#pragma once

#include "feed/hub.hpp"

namespace quarterdeck::feed {

class Subscription final : public net::Stream {
 public:
  // What it missed: numbers after `after` up to `until`. Empty when after >= until.
  struct Missed {
    store::Seq after = 0;
    store::Seq until = 0;
  };
  Subscription(std::shared_ptr<Hub> hub, Channel& channel, Scope scope, Missed missed);
  ~Subscription() override;

  Batch take(std::size_t bytes_max) override;
  void when_ready(Loop::Callback wake) override;

  // Cleared when the subscription dies, so that callbacks on their way find out.
  const std::shared_ptr<Subscription*>& token() const { return token_; }
  bool ready() const;
  bool waits() const { return static_cast<bool>(wake_); }
  void wake();
  void close() { closing_ = true; }

 private:
  struct Page {
    std::string frames;
    store::Seq last_seq = 0;
    bool last = false;
    bool failed = false;
  };
  static Page read_page(const Replay& replay, const Scope& scope, Missed missed, std::int64_t limit);
  bool replaying() const { return missed_.after < missed_.until; }
  bool behind() const { return channel_ && cursor_ < channel_->end(); }
  void load_page();
  void arrived(Page page);
  void take_live(Batch& batch, std::size_t bytes_max, std::size_t bytes);
  void overrun(Batch& batch);
  void detach();

  std::shared_ptr<Hub> hub_;
  Channel* channel_;  // null once detached
  Scope scope_;
  Form form_;
  std::shared_ptr<Subscription*> token_;
  std::string greeting_;
  Missed missed_;
  std::string page_;  // replayed frames, not yet taken
  bool loading_ = false;
  bool failed_ = false;
  bool closing_ = false;
  std::uint64_t cursor_;
  store::Seq last_seq_;
  Loop::Callback wake_;
};

}  // namespace quarterdeck::feed
