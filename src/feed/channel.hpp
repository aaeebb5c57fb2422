// What the subscribers of one stream form share: blocks of encoded frames, and who has read how far.
//
//   first_              end()
//     | block | block | block | open_ (this loop turn's frames, not yet readable)
//          ^ cursor of a slow subscriber    ^ the others
//
// Law: when nobody is behind, nothing is kept.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "feed/frames.hpp"
#include "net/http.hpp"

namespace quarterdeck::feed {

class Subscription;

struct Channel {
  explicit Channel(Form channel_form) : form(channel_form) {}

  struct Block {
    net::Bytes bytes;
    store::Seq last_seq;  // newest durable event up to its end
  };
  // What a block costs beside its bytes; bounds the number of blocks too.
  static constexpr std::size_t kBlockOverheadBytes = 128;
  static constexpr std::size_t kBlockBytesMax = 64 * 1024;

  std::uint64_t first() const { return first_; }
  std::uint64_t end() const { return first_ + blocks_.size(); }
  const Block& block(std::uint64_t index) const { return blocks_[index - first_]; }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return blocks_.empty(); }

  // Frames of this turn are appended to `open`; `open_seq` is the newest number among them.
  std::string open;
  store::Seq open_seq = 0;

  // Makes the open frames readable. Every subscriber is behind then.
  void seal();
  void drop_oldest();
  void add(Subscription& subscription) { subscribers.push_back(&subscription); }
  void remove(Subscription& subscription, bool was_behind);
  void caught_up();

  const Form form;
  std::vector<Subscription*> subscribers;

 private:
  void drop_all();

  std::deque<Block> blocks_;
  std::uint64_t first_ = 0;
  std::size_t bytes_ = 0;
  std::size_t behind_ = 0;
};

}  // namespace quarterdeck::feed
