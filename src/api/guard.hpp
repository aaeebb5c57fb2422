// What every request passes before its route: whether it may talk to us at all, and who it is from. Against web pages that
// reach for a local server (cross-site requests, DNS rebinding), and against whoever has no credential.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "access/access.hpp"
#include "net/http.hpp"

namespace quarterdeck::api {

struct GuardOptions {
  bool loopback = true;  // we listen on loopback only: Host must then be a loopback name, or one of `hosts`
  std::vector<std::string> origins;  // allowed beside the built-in ones (--cors)
  std::vector<std::string> hosts;  // names that we answer to beside addresses, loopback names and the machine's
};

struct Admission {
  // An answer when the request must not go on: preflight, foreign Host or Origin, no credential, a body that is not JSON.
  std::optional<net::Response> refused;
  access::Who who;  // null when refused before it was known
};

class Guard {
 public:
  // `access` outlives it.
  Guard(GuardOptions options, access::Access& access);

  Admission admit(const net::Request& request) const;
  // CORS headers for the answer to an allowed origin, and what keeps browsers from guessing.
  void decorate(const net::Request& request, net::Response& response) const;

 private:
  bool host_allowed(std::string_view host) const;
  bool origin_allowed(std::string_view origin, const net::Request& request) const;
  std::optional<net::Response> foreign(const net::Request& request) const;
  // Who the credentials are of, or the answer that says that they are not good.
  Admission authenticate(const net::Request& request) const;

  GuardOptions options_;
  access::Access& access_;
  access::Who nobody_;  // on its way in, or a probe
  access::Who ticket_holder_;  // of a terminal's ticket, which its route looks at
};

// The cookie of a browser that signed in; ports of one host share cookies, so the name has the port.
std::string cookie_name(const net::Request& request);
// Empty: none.
std::string_view cookie_value(const net::Request& request, std::string_view name);

}  // namespace quarterdeck::api
