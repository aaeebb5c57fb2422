// Where an OAuth server says what it offers. No I/O.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace quarterdeck::mcp {

// The parameters of a WWW-Authenticate header's Bearer challenge (RFC 9110, 11.6.1), names in lower case.
std::map<std::string, std::string> challenge_parameters(std::string_view header);

// "https://host:port" of a URL.
std::string origin_of(std::string_view url);

// The places to look for the metadata of a protected resource (RFC 9728, 3.1) and of an authorization server (RFC 8414,
// 3.1; OpenID Connect Discovery, 4), best first.
std::vector<std::string> resource_metadata_urls(std::string_view resource);
std::vector<std::string> server_metadata_urls(std::string_view issuer);

// "a=1&b=x%20y"
std::string form(const std::vector<std::pair<std::string, std::string>>& fields);

// S256 (RFC 7636, 4.2): base64url(sha256(verifier)).
Result<std::string> code_challenge(std::string_view verifier);
// 43 characters from the system's random source.
std::string random_secret();

}  // namespace quarterdeck::mcp
