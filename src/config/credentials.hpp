// Keys of model providers that the user has stored: <data>/auth.json, mode 0600, in the shape of OpenCode's file:
//   {"anthropic": {"type": "api", "key": "…"}, "x": {"type": "oauth", "refresh", "access", "expires"},
//    "https://host": {"type": "wellknown", "key", "token"}}
// Law: a key is never logged, printed or sent to a client; unknown members stay as they are.
// All functions read files: call them on the pool. Errors: `invalid` (damaged file, not a credential), `unavailable`.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"
#include "domain/json_text.hpp"

namespace quarterdeck::config {

// By provider.
using Credentials = std::map<std::string, domain::JsonText>;

Result<Credentials> read_credentials(const Places& places);
Result<void> store_credential(const Places& places, std::string provider, const domain::JsonText& credential);
// False when there was none.
Result<bool> remove_credential(const Places& places, const std::string& provider);

// {"type": "api", "key": key}
domain::JsonText api_credential(std::string_view key);
// api | oauth | wellknown; empty for what is none of them.
std::string type_of(const domain::JsonText& credential);
// What a request is authorised with; empty when there is nothing that still counts at `now`.
std::string key_of(const domain::JsonText& credential, TimeMs now);

}  // namespace quarterdeck::config
