// How often one peer may try a password: kBurst at once, then kPerSecond. Secrets that cannot be guessed (tokens, cookies,
// tickets) pass beside it, so that nobody is locked out of what they hold.
// Law: the same wrong password again is no further guess: a client with an old one locks nobody out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"

namespace quarterdeck::access {

class Throttle {
 public:
  explicit Throttle(Clock& clock) : clock_(clock) {}

  static constexpr double kBurst = 10;
  static constexpr double kPerSecond = 1;
  static constexpr std::size_t kPeersMax = 10'000;

  // Seconds until this peer may try again; 0: now.
  int wait_s(const std::string& peer);
  void failed(const std::string& peer, std::string_view password);
  void succeeded(const std::string& peer) { peers_.erase(peer); }

 private:
  struct Peer {
    double left = kBurst;
    std::int64_t at_ns = 0;
    std::size_t last = 0;  // of the last wrong password: a hash, not the password
  };
  void refill(Peer& peer) const;

  Clock& clock_;
  std::unordered_map<std::string, Peer> peers_;
};

}  // namespace quarterdeck::access
