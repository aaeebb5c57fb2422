// OpenCode's HTTP API as the command line uses it. Works against any server that speaks it.
// Errors: `unavailable` only when the server cannot be reached; `not_found`, `conflict`, `invalid`, `denied`, `internal`
// carry what the server said.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "app/cli/arguments.hpp"
#include "domain/command.hpp"
#include "domain/message.hpp"
#include "domain/session.hpp"
#include "net/http_client.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {

// "Bearer …" from QUARTERDECK_TOKEN, else "Basic …" from OPENCODE_SERVER_PASSWORD and OPENCODE_SERVER_USERNAME; empty
// without both.
std::string authorization_from_environment();

class Client {
 public:
  // `http` outlives the client.
  Client(net::HttpClient& http, Target target, std::string authorization)
      : http_(http), target_(std::move(target)), authorization_(std::move(authorization)) {}

  struct Call {
    std::string method = "GET";
    std::string path;
    std::vector<std::pair<std::string, std::string>> query;
    std::string body;
    net::Headers headers;  // more of them
  };

  // Calls go to this directory's instance from now on; a session has its own.
  void use_directory(std::string directory) { target_.directory = std::move(directory); }
  const Target& target() const { return target_; }
  // Calls end early, as `cancelled`, once this is requested.
  void stop_with(std::stop_token stop) { stop_ = std::move(stop); }

  Task<Result<domain::Session>> create_session(domain::CreateSession wanted);
  Task<Result<domain::Session>> session(SessionId id);
  // Latest first.
  Task<Result<wire::Json>> sessions(int limit);
  // {"ses_…":{"type":"busy"}}; those that are missing are idle.
  Task<Result<wire::Json>> statuses();
  Task<Result<wire::Json>> messages(SessionId id);
  // Returns once the prompt is admitted. The same message id again is the same prompt.
  Task<Result<void>> prompt(SessionId id, domain::Prompt prompt);
  Task<Result<void>> abort(SessionId id);
  Task<Result<void>> remove(SessionId id);
  Task<Result<std::vector<domain::PermissionRequest>>> permissions();
  Task<Result<void>> reply(domain::ReplyPermission reply);
  Task<Result<void>> reject_question(std::string id);
  Task<Result<wire::Json>> health();
  // Any other call; an answer without a body is null.
  Task<Result<wire::Json>> call(Call call);

  // The events of all directories in place of one's.
  void listen_to_all() { events_of_all_ = true; }
  // For /event or /global/event; `last_event_id` may be empty.
  net::ClientRequest event_request(std::string_view last_event_id) const;

 private:
  net::ClientRequest request(Call call) const;
  Task<Result<std::string>> text(Call call);
  Task<Result<wire::Json>> json(Call call);
  Task<Result<void>> done(Call call);

  net::HttpClient& http_;
  Target target_;
  std::string authorization_;
  std::stop_token stop_;
  bool events_of_all_ = false;
};

// What an error answer says; for our own use and for event streams that are refused.
Error error_of_answer(int status, std::string_view body);
std::vector<domain::MessageWithParts> read_messages(const wire::Json& list);

}  // namespace quarterdeck::app
