// From what a person types to a session or a request: a whole id, the beginning of one, the key of its handoff, or what it
// is about elsewhere (linear:ENG-12).
// Errors: `not_found`, and `conflict` when several fit; the message says what to do next.
#pragma once

#include <string>
#include <vector>

#include "app/cli/client.hpp"
#include "app/cli/on_loop.hpp"

namespace quarterdeck::app {

Task<Result<std::string>> find_session(Client& client, std::string word);
Task<Result<std::vector<std::string>>> find_sessions(Client& client, std::vector<std::string> words);
// A project's id, by id, directory or the name of its directory.
Task<Result<wire::Json>> find_project(Client& client, std::string name);
// The request as /fleet/request/:id answers it.
Task<Result<wire::Json>> find_request(Client& client, std::string word);

// A text that was given as words, as a file, or on standard input. Error: `invalid`.
Result<std::string> text_from(const std::vector<std::string>& words, const std::string& file, bool from_input);

std::string session_path(std::string_view session, std::string_view more = "");
// A header that makes a request that is sent twice one.
net::Headers key_header(const std::string& key);

}  // namespace quarterdeck::app
