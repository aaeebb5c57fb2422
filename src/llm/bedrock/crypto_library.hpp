// OpenSSL's libcrypto, loaded when the first request is signed: some 5 MB that a server without Bedrock does not need.
// libcurl brings it along in any case. The header's declarations give the types; the calls go through this table.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/result.hpp"

namespace quarterdeck::llm::bedrock {

struct CryptoLibrary {
  decltype(&::EVP_sha256) sha256;
  decltype(&::EVP_Digest) digest;
  decltype(&::HMAC) hmac;
};

// Any thread; loads at most once. Error: `unavailable`, with what the loader says.
Result<void> load_crypto();
// Only after load_crypto() succeeded.
const CryptoLibrary& crypto();

}  // namespace quarterdeck::llm::bedrock
