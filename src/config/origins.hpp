// The browser origins that the user lets in: "server": {"cors": ["https://…"]}, beside those of --cors.
// Law: only what the user wrote counts. A project must not open the server to web pages, trusted or not.
// Source: OpenCode's documentation, "Config", Server.
#pragma once

#include <string>
#include <vector>

#include "base/paths.hpp"
#include "config/config.hpp"

namespace quarterdeck::config {

// Reads files and blocks. An origin is a scheme, a host and maybe a port; anything else is an error with its place.
Result<std::vector<std::string>> user_origins(const Places& places,
                                              const Environment& environment = process_environment());

// The names that the server answers to beside addresses and localhost: "server": {"hosts": ["box.example.com"]}; those of
// a reverse proxy, or of a machine in a network. The same law.
Result<std::vector<std::string>> user_hosts(const Places& places,
                                            const Environment& environment = process_environment());

}  // namespace quarterdeck::config
