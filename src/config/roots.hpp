// Which projects the server takes up, and for how long. Below which folders they may lie: "quarterdeck": {"roots":
// ["~/work", "/srv"]} of the user's configuration.
// Law: only what the user wrote counts. A project must not widen what the server reaches.
#pragma once

#include <filesystem>
#include <vector>

#include "base/paths.hpp"
#include "config/config.hpp"

namespace quarterdeck::config {

// `user`: what holds in a folder that is no project. Empty where nothing is said. An entry that is no absolute path (a "~"
// is the home) is an error with its place.
Result<std::vector<std::filesystem::path>> user_roots(const Config& user, const Places& places);

// What is meant where nobody says anything: the user's home, the folder that the server was started in (a service is
// started in "/", and means nothing by it), and those for what is temporary.
std::vector<std::filesystem::path> usual_roots(const Places& places, const std::filesystem::path& start);

// "quarterdeck": {"unload_after_s": 1800}: how long a directory that nobody asks for stays loaded; 0: for ever.
std::int64_t unload_after_ms(const Config& user);

}  // namespace quarterdeck::config
