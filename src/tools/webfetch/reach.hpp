// Where the web tools may go: addresses of the public Internet, and what the configuration adds:
//
//   "quarterdeck": {"webfetch": {"allow": ["localhost:3000", "wiki.intern", "10.1.0.0/16"], "proxy": false}}
//
// A model follows links that strangers wrote; none may lead it to this machine's own services or the cloud's metadata.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/json_text.hpp"
#include "net/address.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::tools {

class Reach {
 public:
  // Error: `invalid`, with the place in the configuration.
  static Result<Reach> from_settings(const domain::JsonText& settings);

  // Puts the rules on a request to `url` (http or https).
  void apply(net::ClientRequest& request) const;

 private:
  bool names(std::string_view host, std::string_view port) const;

  std::vector<std::string> hosts_;  // lower case, "name" or "name:port"
  std::vector<net::Network> networks_;
  bool proxy_ = false;
};

// "host" in lower case and "port" of an http or https URL; empty when it is none.
struct Authority {
  std::string host;
  std::string port;
};
Authority authority_of(std::string_view url);

// `location` as a redirect from `url` gives it, made absolute (RFC 3986, 5.2, without dot segments in relative paths).
std::string resolve_url(std::string_view url, std::string_view location);

}  // namespace quarterdeck::tools
