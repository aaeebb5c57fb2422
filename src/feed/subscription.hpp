// One subscriber: a cursor into its channel, preceded by what it missed while it was away.
//
//   server.connected -> what is still in the channel                            -> live blocks -> [server.overrun] -> end
//                    -> or pages from the store (on the pool) -> texts on their way -^
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
  // Where it begins: frames that are at hand, or else what the store has, then the texts on their way, then live.
  struct Start {
    Position seen = 0;  // nothing up to here is sent again
    Position greeting = 0;  // its id; none for who comes back: it has an id already
    std::string page = {};
    Missed missed = {};
    std::string streaming = {};
    std::uint64_t cursor = 0;
  };
  Subscription(std::shared_ptr<Hub> hub, Channel& channel, Scope scope, Start start);
  ~Subscription() override;

  Batch take(std::size_t bytes_max) override;
  Batch last_words() override;
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
  static Page read_page(const Replay& replay, const Scope& scope, Missed missed, Position seen, std::int64_t limit);
  bool replaying() const { return missed_.after < missed_.until; }
  bool behind() const { return channel_ && cursor_ < channel_->end(); }
  void load_page();
  void arrived(Page page);
  void take_live(Batch& batch, std::size_t bytes_max, std::size_t bytes);
  void overrun(Batch& batch);
  net::Bytes overrun_frame();
  void detach();

  std::shared_ptr<Hub> hub_;
  Channel* channel_;  // null once detached
  Scope scope_;
  Form form_;
  std::shared_ptr<Subscription*> token_;
  std::string greeting_;
  Missed missed_;
  std::string page_;  // replayed frames, not yet taken
  std::string streaming_;  // follows the replay
  bool loading_ = false;
  bool failed_ = false;
  bool closing_ = false;
  std::uint64_t cursor_;
  Position last_;  // of the newest frame that was taken
  Loop::Callback wake_;
};

}  // namespace quarterdeck::feed
