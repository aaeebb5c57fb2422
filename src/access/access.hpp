// What decides who somebody is: the password of OpenCode's clients, tokens, cookies, tickets, the peer of the unix socket.
// One for a server, on its loop.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "access/openers.hpp"
#include "access/throttle.hpp"
#include "access/tokens.hpp"

namespace quarterdeck::access {

struct Password {
  std::string user = "opencode";
  std::string password;  // "" = none
};

class Access {
 public:
  Access(const Places& places, Clock& clock, Password password);

  // Whether a request without a credential is refused.
  bool closed() { return !password_.password.empty() || tokens_.any(); }
  // Who a request without one is while nothing is configured: whoever reaches loopback.
  const Who& anybody() const { return anybody_; }

  struct Refusal {
    int wait_s = 0;  // 0: wrong; else too many wrong ones
  };
  // "user:password". Constant time for what has the right length.
  std::variant<Who, Refusal> check_password(const std::string& peer, const std::string& given);
  std::variant<Who, Refusal> check_password_alone(const std::string& peer, const std::string& password) {
    return check_password(peer, password_.user + ":" + password);
  }
  // A token, or a browser's cookie. Null: not valid.
  Who check_token(std::string_view secret) { return tokens_.find(secret); }
  // The peer of a unix socket: ourselves and root. Null: somebody else.
  Who check_uid(unsigned uid) const;

  // For what cannot send a header (EventSource, WebSocket): once, within kTicketMs.
  static constexpr std::int64_t kTicketMs = 30'000;
  std::string ticket(Who who);
  Who redeem(const std::string& ticket);

  Tokens& tokens() { return tokens_; }
  Openers& openers() { return openers_; }
  const Places& places() const { return places_; }

 private:
  struct Ticket {
    Who who;
    std::int64_t until_ns = 0;
  };
  static constexpr std::size_t kTicketsMax = 1'000;

  Places places_;
  Clock& clock_;
  Password password_;
  Tokens tokens_;
  Openers openers_;
  Throttle throttle_{clock_};
  Who anybody_;
  Who password_holder_;
  std::unordered_map<std::string, Ticket> tickets_;
};

}  // namespace quarterdeck::access
