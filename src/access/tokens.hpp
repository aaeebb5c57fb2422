// API tokens and the sign-ins of browsers: one file, <data>/access/tokens.json, mode 0600, changed under a lock by the
// server and by `quarterdeck token`, which needs no server.
//
// Laws: a secret is 256 random bits and is shown once; the file holds its SHA-256, which is enough for a secret that
//       nobody can guess (a slow hash protects words that people choose). A revoked token keeps its line: a server that
//       ever had a credential stays closed. A file that cannot be read or understood lets nobody in.
// Functions read and write files: call them on the pool. Errors: `invalid`, `not_found`, `conflict` (the name is taken),
// `unavailable` (the file).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/principal.hpp"
#include "base/clock.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"

namespace quarterdeck::access {

struct Token {
  std::string id;  // tok_…
  std::string name;
  Kind kind = Kind::person;
  Role role = Role::viewer;
  Scope scope;
  bool approves = false;
  bool browser = false;  // a sign-in: its secret is a cookie
  bool once = false;  // a link: good for one sign-in
  std::string hash;  // SHA-256 of the secret, lower-case hex
  TimeMs created = 0;
  std::string created_by;
  std::optional<TimeMs> expires;
  std::optional<TimeMs> revoked;
  bool operator==(const Token&) const = default;

  bool valid_at(TimeMs now) const { return !revoked && (!expires || now < *expires); }
  Principal principal() const;
};

struct TokenWanted {
  std::string name;
  Role role = Role::agent;
  std::optional<Kind> kind;  // absent: an agent for the role agent, else a person
  Scope scope;  // for agents, when empty: the sessions they opened
  bool everything = false;  // an agent that reaches every session
  bool approves = false;
  bool browser = false;
  bool once = false;
  std::optional<std::int64_t> lifetime_ms;
  std::string created_by;
};

struct NewToken {
  Token token;
  std::string secret;  // "qd_…": this is the only time
};

Result<NewToken> create_token(const Places& places, TokenWanted wanted, TimeMs now);
// By id, or by name.
Result<Token> revoke_token(const Places& places, const std::string& id_or_name, TimeMs now);
// Oldest first, with those that are over.
Result<std::vector<Token>> list_tokens(const Places& places);
// Its line as JSON, without the hash.
std::string shown(const Token& token);
// "90d", "12h", "30m". Error: `invalid`.
Result<std::int64_t> lifetime_of(std::string_view text);
// 256 random bits of the kernel, base64url.
std::string random_secret();
std::string hex_sha256(std::string_view text);

// The file in memory. Whether it has changed is looked at with every question (one stat), so that what the command line
// changes holds at once. One loop.
class Tokens {
 public:
  Tokens(const Places& places, Clock& clock);

  // Whether anybody has, or had, a token: then nobody goes without a credential.
  bool any();
  // Null: no valid token has this secret.
  Who find(std::string_view secret);
  // The link's token, so that it can be used up. Empty: none.
  std::optional<Token> find_once(std::string_view secret);

 private:
  void refresh();
  const Token* lookup(std::string_view secret);
  struct Seen {
    std::int64_t inode = 0, size = -1, changed_ns = 0;
    bool operator==(const Seen&) const = default;
  };

  std::filesystem::path file_;
  Clock& clock_;
  Seen seen_;
  bool any_ = false;
  std::vector<Token> tokens_;
  std::unordered_map<std::string, std::pair<std::size_t, Who>> by_hash_;
};

}  // namespace quarterdeck::access
