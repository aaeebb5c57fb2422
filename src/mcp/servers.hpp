// The MCP servers of one directory, as its configuration names them: started, kept alive, asked. What they offer becomes
// tools for sessions (named <server>_<tool>), resources and prompts. All of it is the word of strangers: their tools ask
// for permission like any other, their texts are data.
//
// A server that dies is started again after 1, 2, 4… seconds, six times at most until it has lived for a minute.
// Everything runs on the loop.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/paths.hpp"
#include "config/config.hpp"
#include "net/http_client.hpp"
#include "process/process.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::mcp {

struct ServerStatus {
  enum class State { connecting, connected, disabled, failed, needs_auth, needs_client_registration };
  State state = State::connecting;
  std::string error;
};

struct Resource {
  std::string server;
  std::string name;
  std::string uri;
  std::optional<std::string> description;
  std::optional<std::string> mime_type;
};

struct Prompt {
  std::string server;
  std::string name;
  std::string description;
  std::vector<std::string> arguments;
};

struct ResourceContent {
  std::optional<std::string> mime_type;
  std::string text;  // or
  std::string bytes;  // decoded
};

struct SignIn {
  std::string url;  // for the user's browser
  std::string state;
};

class Servers {
 public:
  virtual ~Servers() = default;

  virtual std::map<std::string, ServerStatus> status() const = 0;
  // Resolves when no server is still connecting (each has its own time), or `stop` is requested.
  virtual Task<void> settled(std::stop_token stop = {}) = 0;
  // Of the connected servers; empty names and doubles are left out.
  virtual std::vector<std::shared_ptr<tools::Tool>> tools() const = 0;
  virtual std::vector<Resource> resources() const = 0;
  virtual std::vector<Prompt> prompts() const = 0;

  // Errors: `not_found` (no such server), `unavailable` (not connected), what the server says.
  virtual Task<Result<std::vector<ResourceContent>>> read(std::string server, std::string uri) = 0;
  // The prompt's messages as one text.
  virtual Task<Result<std::string>> prompt(std::string server, std::string name,
                                           std::map<std::string, std::string> arguments) = 0;

  // Until the directory is loaded anew. Replaces a server of that name.
  virtual void add(const std::string& name, config::McpServer server) = 0;
  // Resolve when it is connected or has failed; `not_found`.
  virtual Task<Result<void>> connect(std::string name) = 0;
  virtual Task<Result<void>> disconnect(std::string name) = 0;

  // Something that loading the directory anew would not bring back: a server was added, connected, disconnected, or
  // somebody is signing in.
  virtual bool changed_by_hand() const = 0;

  // Signing in to a remote server. Errors: `not_found`; `invalid` (it is no remote one, or OAuth is switched off for it);
  // `denied`, `unavailable` from the way there.
  virtual Task<Result<SignIn>> start_sign_in(std::string name) = 0;
  // `code` from the redirect; then it connects.
  virtual Task<Result<void>> finish_sign_in(std::string name, std::string code) = 0;
  virtual Result<void> forget_sign_in(std::string name) = 0;
  // The server whose sign-in has this state; "" when there is none.
  virtual std::string awaiting(std::string_view state) const = 0;
};

// Makes the servers of each directory and ends them: when the last one that holds them lets go, and all on close().
class Hub {
 public:
  struct Options {
    Loop& loop;
    process::Processes& processes;
    net::HttpClient& http;
    Places places;
    std::function<std::string()> redirect_uri;  // where a browser comes back to us after a sign-in
  };
  virtual ~Hub() = default;
  // `changed`: the tools of a server are others now.
  virtual std::shared_ptr<Servers> open(std::filesystem::path directory,
                                        std::map<std::string, config::McpServer> configured,
                                        std::function<void(std::string server)> changed) = 0;
  virtual Task<void> close() = 0;
};
std::unique_ptr<Hub> make_hub(Hub::Options options);

}  // namespace quarterdeck::mcp
