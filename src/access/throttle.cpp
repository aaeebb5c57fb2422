#include "access/throttle.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace quarterdeck::access {

void Throttle::refill(Peer& peer) const {
  const std::int64_t now_ns = clock_.monotonic_ns();
  peer.left = std::min(kBurst, peer.left + static_cast<double>(now_ns - peer.at_ns) / 1e9 * kPerSecond);
  peer.at_ns = now_ns;
}

int Throttle::wait_s(const std::string& peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return 0;
  refill(found->second);
  if (found->second.left >= 1) return 0;
  return std::max(1, static_cast<int>(std::ceil((1 - found->second.left) / kPerSecond)));
}

void Throttle::failed(const std::string& peer, std::string_view password) {
  if (peers_.size() >= kPeersMax && !peers_.contains(peer)) {
    // Who has waited long enough is forgotten; when all are busy guessing, everybody starts again.
    std::erase_if(peers_, [&](const auto& entry) {
      Peer peer = entry.second;
      refill(peer);
      return peer.left >= kBurst;
    });
    if (peers_.size() >= kPeersMax) peers_.clear();
  }
  Peer& entry = peers_.try_emplace(peer, Peer{.at_ns = clock_.monotonic_ns()}).first->second;
  refill(entry);
  const std::size_t hash = std::hash<std::string_view>{}(password);
  if (entry.last != hash) entry.left -= 1;
  entry.last = hash;
}

}  // namespace quarterdeck::access
