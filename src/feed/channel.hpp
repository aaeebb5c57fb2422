// What the subscribers of one stream form share: blocks of encoded frames, and who has read how far.
//
//   first_              end()
//     | block | block | block | open_ (this loop turn's frames, not yet readable)
//          ^ cursor of a slow subscriber    ^ the others
//
// Law: when nobody is behind, only the newest `recent_bytes_max` are kept, for who comes back in a moment.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "feed/frames.hpp"
#include "feed/position.hpp"
#include "net/http.hpp"

namespace quarterdeck::feed {

class Subscription;

struct Channel {
  // `now`: what is older has not been encoded here.
  Channel(Form channel_form, Position now, std::size_t recent_bytes_max)
      : open_last(now), form(channel_form), dropped_(now), recent_bytes_max_(recent_bytes_max) {}

  struct Block {
    net::Bytes bytes;
    Position last;  // of its last frame
  };
  // What a block costs beside its bytes; bounds the number of blocks too.
  static constexpr std::size_t kBlockOverheadBytes = 128;
  static constexpr std::size_t kBlockBytesMax = 64 * 1024;

  std::uint64_t first() const { return first_; }
  std::uint64_t end() const { return first_ + blocks_.size(); }
  const Block& block(std::uint64_t index) const { return blocks_[index - first_]; }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return blocks_.empty(); }

  // Frames of this turn are appended to `open`; `open_last` is the id of the newest.
  std::string open;
  Position open_last;

  // Makes the open frames readable. Every subscriber is behind then.
  void seal();
  void drop_oldest();
  void add(Subscription& subscription, bool is_behind);
  void remove(Subscription& subscription, bool was_behind);
  void caught_up();

  // Where somebody goes on who has seen everything up to `seen`: the rest of the block that holds it, and the block after
  // that. Nothing when what comes next is no longer here.
  struct Resumed {
    std::string rest;
    std::uint64_t next = 0;
  };
  std::optional<Resumed> resume(Position seen) const;

  const Form form;
  std::unique_ptr<Loop::Handle> linger;  // set while nobody listens: ends the channel
  std::vector<Subscription*> subscribers;

 private:
  void trim();

  std::deque<Block> blocks_;
  std::uint64_t first_ = 0;
  std::size_t bytes_ = 0;
  std::size_t behind_ = 0;
  Position dropped_;  // the newest id that is no longer here
  const std::size_t recent_bytes_max_;
};

}  // namespace quarterdeck::feed
