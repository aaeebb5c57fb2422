// SHA-256 and HMAC-SHA-256, by OpenSSL's libcrypto. It is loaded at the first use: some 5 MB that a server which signs
// nothing does not need.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace quarterdeck {

// 32 bytes each. Error: `unavailable`: libcrypto cannot be loaded, with what the loader says. Any thread.
Result<std::string> sha256(std::string_view bytes);
Result<std::string> hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace quarterdeck
