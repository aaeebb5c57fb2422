// Changes of attention as server-sent events. A subscriber is a cursor into the store: nothing is queued for it, and when
// it is slow it gets the newest state of each session later.
#pragma once

#include <memory>
#include <string>

#include "base/async.hpp"
#include "fleet/fleet.hpp"
#include "net/http.hpp"

namespace quarterdeck::api::fleet {

// One change as JSON.
std::string change_json(const quarterdeck::fleet::Change& change);

class AttentionStream final : public net::Stream {
 public:
  AttentionStream(quarterdeck::fleet::Fleet& fleet, store::Seq after);
  ~AttentionStream() override;

  Batch take(std::size_t bytes_max) override;
  void when_ready(Loop::Callback wake) override;

 private:
  void on_change();
  void beat_later();

  quarterdeck::fleet::Fleet& fleet_;
  Loop& loop_;
  std::shared_ptr<quarterdeck::fleet::Changes> changes_;
  std::size_t subscription_;
  store::Seq after_;
  bool changed_ = true;
  std::string words_;  // comments on their way: the greeting, a heartbeat
  Loop::Callback wake_;
  std::unique_ptr<Loop::Handle> beat_;
};

}  // namespace quarterdeck::api::fleet
