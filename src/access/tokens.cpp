#include "access/tokens.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "base/digest.hpp"
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::access {

// Found by argument-dependent lookup.
template <class Io>
static void describe(Io& io, Scope& scope) {
  io.field_or("own", scope.own, false);
  io.field_or("sessions", scope.sessions, {});
  io.field_or("projects", scope.projects, {});
}

template <class Io>
static void describe_shown(Io& io, Token& token) {
  io.field("id", token.id);
  io.field("name", token.name);
  io.field("kind", token.kind);
  io.field("role", token.role);
  io.field("scope", token.scope);
  io.field_or("approves", token.approves, false);
  io.field_or("browser", token.browser, false);
  io.field_or("once", token.once, false);
  io.field("created", token.created);
  io.field_or("created_by", token.created_by, {});
  io.field("expires", token.expires);
  io.field("revoked", token.revoked);
}

template <class Io>
static void describe(Io& io, Token& token) {
  describe_shown(io, token);
  io.field("hash", token.hash);
}

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kValidMax = 1'000;
constexpr std::size_t kOverMax = 1'000;  // kept lines of tokens that are over; the oldest go
constexpr std::size_t kNameBytesMax = 100;
constexpr std::size_t kScopeMax = 200;
constexpr std::int64_t kYearsMax = 10;
constexpr std::int64_t kDayMs = 86'400'000;

struct TokenFile {
  std::vector<Token> tokens;
};
template <class Io>
void describe(Io& io, TokenFile& file) {
  io.field("tokens", file.tokens);
}
struct ShownToken {
  Token token;
};
template <class Io>
void describe(Io& io, ShownToken& shown) {
  describe_shown(io, shown.token);
}

fs::path folder_of(const Places& places) { return places.data / "access"; }
fs::path file_of(const Places& places) { return folder_of(places) / "tokens.json"; }

Result<TokenFile> read(const fs::path& file) {
  const auto text = read_file(file);
  if (!text) {
    if (text.error().code == ErrorCode::not_found) return TokenFile{};
    return std::unexpected(text.error());
  }
  auto decoded = wire::decode_text<TokenFile>(*text);
  if (!decoded) return std::unexpected(std::move(decoded).error().in("{}", file.string()));
  return decoded;
}

// The data directory may not be there yet when the command line comes first.
Result<UniqueFd> lock(const Places& places) {
  std::error_code error;
  if (fs::create_directories(places.data, error)) fs::permissions(places.data, fs::perms::owner_all, error);
  if (fs::create_directory(folder_of(places), error)) fs::permissions(folder_of(places), fs::perms::owner_all, error);
  UniqueFd lock(::open((folder_of(places) / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid() || ::flock(lock.get(), LOCK_EX) != 0) {
    return fail(ErrorCode::unavailable, "cannot write {}", file_of(places).string());
  }
  return lock;
}

void forget_oldest(std::vector<Token>& tokens, TimeMs now) {
  // Sign-ins and links that are over say nothing to anybody.
  std::erase_if(tokens, [&](const Token& token) { return (token.browser || token.once) && !token.valid_at(now); });
  auto over = std::ranges::count_if(tokens, [&](const Token& token) { return !token.valid_at(now); });
  std::erase_if(tokens, [&](const Token& token) {
    return over > static_cast<std::ptrdiff_t>(kOverMax) && !token.valid_at(now) && over-- > 0;
  });
}

Result<void> check_name(std::string_view name) {
  const bool printable = std::ranges::all_of(name, [](unsigned char c) { return c > 0x20 && c != 0x7f; });
  if (name.empty() || name.size() > kNameBytesMax || !printable) {
    return fail(ErrorCode::invalid, "Expected a name without spaces, at most {} bytes, got {}\n  at [\"name\"]",
                kNameBytesMax, wire::quoted(name));
  }
  return {};
}

Result<void> check_scope(const Scope& scope) {
  if (scope.sessions.size() + scope.projects.size() > kScopeMax) {
    return fail(ErrorCode::invalid, "Expected at most {} sessions and projects\n  at [\"scope\"]", kScopeMax);
  }
  for (std::size_t i = 0; i < scope.sessions.size(); ++i) {
    if (!scope.sessions[i].starts_with("ses_")) {
      return fail(ErrorCode::invalid,
                  "Expected a string starting with \"ses_\", got {}\n  at [\"scope\"][\"sessions\"][{}]",
                  wire::quoted(scope.sessions[i]), i);
    }
  }
  for (std::size_t i = 0; i < scope.projects.size(); ++i) {
    if (scope.projects[i].empty()) {
      return fail(ErrorCode::invalid, "Expected a project's id or an absolute path\n  at [\"scope\"][\"projects\"][{}]",
                  i);
    }
  }
  return {};
}

}  // namespace

Principal Token::principal() const {
  return {.credential = id, .name = name, .kind = kind, .role = role, .scope = scope, .approves = approves};
}

std::string random_secret() {
  char bytes[32];
  ASSERT(::getrandom(bytes, sizeof bytes, 0) == sizeof bytes, "32 bytes never come in pieces");
  return base64url({bytes, sizeof bytes});
}

std::string hex_sha256(std::string_view text) {
  const auto digest = sha256(text);
  if (!digest) {
    log::error("no credential can be checked: {}", digest.error().message);
    return {};
  }
  std::string out;
  for (const char c : *digest) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::string shown(const Token& token) { return wire::encode(ShownToken{token}); }

Result<std::int64_t> lifetime_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t unit_ms = unit == "d" ? kDayMs : unit == "h" ? 3'600'000 : unit == "m" ? 60'000 : 0;
  if (error != std::errc() || number <= 0 || unit_ms == 0 || number > kYearsMax * 366 * kDayMs / unit_ms) {
    return fail(ErrorCode::invalid, "Expected a time like 90d, 12h or 30m, at most {} years, got \"{}\"", kYearsMax,
                text);
  }
  return number * unit_ms;
}

Result<NewToken> create_token(const Places& places, TokenWanted wanted, TimeMs now) {
  TRY_VOID(check_name(wanted.name));
  TRY_VOID(check_scope(wanted.scope));
  Token token{.name = std::move(wanted.name),
              .kind = wanted.kind.value_or(wanted.role == Role::agent ? Kind::agent : Kind::person),
              .role = wanted.role,
              .scope = std::move(wanted.scope),
              .approves = wanted.approves,
              .browser = wanted.browser,
              .once = wanted.once,
              .created = now,
              .created_by = std::move(wanted.created_by)};
  if (token.role == Role::agent && !token.scope.bounded() && !wanted.everything) token.scope.own = true;
  if (token.role == Role::admin && token.scope.bounded()) {
    return fail(ErrorCode::invalid, "An admin has no limits: it could take them away\n  at [\"scope\"]");
  }
  if (wanted.lifetime_ms) token.expires = now + *wanted.lifetime_ms;
  const std::string secret = "qd_" + random_secret();
  token.hash = hex_sha256(secret);
  if (token.hash.empty()) return fail(ErrorCode::unavailable, "cannot hash a token: libcrypto is missing");
  token.id = "tok_" + token.hash.substr(0, 16);

  TRY(const UniqueFd held, lock(places));
  TRY(TokenFile file, read(file_of(places)));
  forget_oldest(file.tokens, now);
  std::size_t valid = 0;
  for (const Token& other : file.tokens) {
    if (!other.valid_at(now)) continue;
    ++valid;
    if (other.name == token.name && !other.browser && !other.once && !token.browser && !token.once) {
      return fail(ErrorCode::conflict, "There is a token \"{}\" already: revoke it first, or take another name",
                  token.name);
    }
  }
  if (valid >= kValidMax) return fail(ErrorCode::unavailable, "no more than {} tokens: revoke some", kValidMax);
  file.tokens.push_back(token);
  TRY_VOID(write_file_atomically(file_of(places), wire::encode(file) + "\n", 0600));
  return NewToken{std::move(token), secret};
}

Result<Token> revoke_token(const Places& places, const std::string& id_or_name, TimeMs now) {
  TRY(const UniqueFd held, lock(places));
  TRY(TokenFile file, read(file_of(places)));
  // Of one name, the one that is valid.
  const auto found = std::ranges::find_if(file.tokens, [&](const Token& token) {
    return token.id == id_or_name || (token.name == id_or_name && !token.browser && token.valid_at(now));
  });
  if (found == file.tokens.end()) return fail(ErrorCode::not_found, "No token: {}", id_or_name);
  if (found->revoked) return *found;
  found->revoked = now;
  Token revoked = *found;
  TRY_VOID(write_file_atomically(file_of(places), wire::encode(file) + "\n", 0600));
  return revoked;
}

Result<std::vector<Token>> list_tokens(const Places& places) {
  TRY(TokenFile file, read(file_of(places)));
  return std::move(file.tokens);
}

Tokens::Tokens(const Places& places, Clock& clock) : file_(file_of(places)), clock_(clock) { refresh(); }

void Tokens::refresh() {
  struct stat status{};
  Seen now;
  if (::stat(file_.c_str(), &status) == 0) {
    now = {static_cast<std::int64_t>(status.st_ino), status.st_size,
           status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
  }
  if (now == seen_) return;
  auto file = read(file_);
  tokens_.clear();
  by_hash_.clear();
  if (!file) {
    // Asked again with the next look: it may be repaired.
    seen_ = {};
    any_ = true;
    log::error("no token is valid: {}", file.error().message);
    return;
  }
  seen_ = now;
  tokens_ = std::move(file->tokens);
  any_ = std::ranges::any_of(tokens_, [](const Token& token) { return !token.browser && !token.once; });
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    by_hash_[tokens_[i].hash] = {i, std::make_shared<const Principal>(tokens_[i].principal())};
  }
}

bool Tokens::any() {
  refresh();
  return any_;
}

const Token* Tokens::lookup(std::string_view secret) {
  refresh();
  if (by_hash_.empty() || !secret.starts_with("qd_")) return nullptr;
  // How long the look takes says something about the hash, and nothing about the secret.
  const auto found = by_hash_.find(hex_sha256(secret));
  if (found == by_hash_.end()) return nullptr;
  const Token& token = tokens_[found->second.first];
  return token.valid_at(clock_.now_ms()) ? &token : nullptr;
}

Who Tokens::find(std::string_view secret) {
  const Token* token = lookup(secret);
  return token && !token->once ? by_hash_.at(token->hash).second : nullptr;
}

std::optional<Token> Tokens::find_once(std::string_view secret) {
  const Token* token = lookup(secret);
  return token && token->once ? std::optional(*token) : std::nullopt;
}

}  // namespace quarterdeck::access
