// One-time links that sign a browser in, as a person gets them: the address and a QR code for the phone.
#pragma once

#include <string>

#include "app/cli/terminal.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"

namespace quarterdeck::app {

// Makes a link: good for one browser, as admin, within 15 minutes. `url` without a trailing slash.
Result<std::string> make_link(const Places& places, const std::string& url);
// The link with its QR code, and what to do with it.
std::string pairing_text(const std::string& link, const Style& style);
// `url` with an address that other machines reach in the place of "every address" or of loopback; as it is without one.
std::string reachable(const std::string& url);
// Whether a server that listens at `host` is reached from beyond this machine.
bool is_shared(const std::string& host);
// Whether a browser ever got, or used, a link here.
bool paired_before(const Places& places);

}  // namespace quarterdeck::app
