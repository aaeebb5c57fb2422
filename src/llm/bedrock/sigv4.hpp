// AWS Signature Version 4: signs a request by its headers. Pure; load_crypto() must have succeeded before.
// Source: AWS General Reference, "Signature Version 4 signing process"; AWS's published test vectors.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "net/http.hpp"

namespace quarterdeck::llm::bedrock {

struct AwsKeys {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // of temporary credentials; or empty
};

struct AwsScope {
  std::string region;
  std::string service;
};

// What is signed. `path` is percent-encoded once already, as it is sent; it is encoded once more for signing, as every
// service but S3 wants it. Headers beyond these are not covered.
struct SignedRequest {
  std::string method = "POST";
  std::string host;
  std::string path = "/";
  std::string query;     // without '?', as it is sent
  net::Headers headers;  // further ones to sign
  std::string_view body;
};

// The headers to add: X-Amz-Date, X-Amz-Security-Token where there is one, and Authorization.
net::Headers sign(const SignedRequest& request, const AwsKeys& keys, const AwsScope& scope, TimeMs now_ms);

std::string sha256_hex(std::string_view bytes);

}  // namespace quarterdeck::llm::bedrock
