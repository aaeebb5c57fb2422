// What every request passes before its route: who may talk to us at all. Against web pages that reach for a local
// server (cross-site requests, DNS rebinding), and the password where there is one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/http.hpp"

namespace quarterdeck::api {

struct GuardOptions {
  bool loopback = true;              // we listen on loopback only: Host must then be a loopback name
  std::vector<std::string> origins;  // allowed beside the built-in ones (--cors)
  std::string user = "opencode";
  std::string password;              // "" = none
};

class Guard {
 public:
  explicit Guard(GuardOptions options) : options_(std::move(options)) {}

  // An answer when the request must not go on: preflight, foreign Host or Origin, wrong password, a body that is not JSON.
  std::optional<net::Response> check(const net::Request& request) const;
  // CORS headers for the answer to an allowed origin.
  void decorate(const net::Request& request, net::Response& response) const;

 private:
  bool origin_allowed(std::string_view origin, const net::Request& request) const;
  bool authorized(const net::Request& request) const;
  GuardOptions options_;
};

}  // namespace quarterdeck::api
