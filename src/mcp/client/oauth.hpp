// Signing in to a remote MCP server on the user's behalf: OAuth 2.1 with PKCE, as the MCP specification uses it.
// Sources: MCP 2025-11-25, "Authorization"; RFC 9728 (resource metadata), RFC 8414 (server metadata), RFC 7591
// (registration), RFC 7636 (PKCE), RFC 8707 (resource indicators).
//
//   refused(401) ─▶ needs_auth ─▶ start(): discover, register, URL ─▶ the user's browser ─▶ finish(code) ─▶ token()
//
// What is to be kept lies in <data>/mcp-auth.json (0600), in OpenCode's shape: {"<server>": {"tokens", "clientInfo",
// "codeVerifier", "oauthState", "serverUrl"}}. Another URL under the same name starts from nothing.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/async.hpp"
#include "config/config.hpp"
#include "mcp/client/http_transport.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::mcp {

struct OAuthOptions {
  Loop& loop;
  net::HttpClient& http;
  std::string server;  // the name in the configuration
  std::string url;
  config::McpOAuth config;
  std::filesystem::path file;
};

class OAuth : public Authorization {
 public:
  struct Start {
    std::string authorization_url;
    std::string state;
  };
  // Errors: `unavailable` (no metadata, no registration), `denied` (a client must be registered by hand).
  virtual Task<Result<Start>> start(std::string redirect_uri) = 0;
  // `code` as the authorization server gave it to the redirect URI. Errors: `conflict` (nothing was started), `denied`.
  virtual Task<Result<void>> finish(std::string code) = 0;
  // That of the sign-in that was started; "" when none was.
  virtual std::string state() const = 0;
  virtual bool needs_registration() const = 0;
  virtual void forget() = 0;
};

std::unique_ptr<OAuth> make_oauth(OAuthOptions options);

}  // namespace quarterdeck::mcp
