#include "base/redact.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

namespace quarterdeck {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::size_t kSecretBytesMin = 6;
constexpr std::size_t kSecretsMax = 1000;
constexpr std::size_t kTokenBytesMin = 8;

struct Secrets {
  std::mutex mutex;
  std::vector<std::string> all;  // longest first: one may hold another
};
Secrets& secrets() {
  static auto* one = new Secrets;
  return *one;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_word(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_'; }
bool is_token(char c) {
  return is_word(c) || c == '-' || c == '.' || c == '~' || c == '+' || c == '/' || c == '=' || c == '%' || c == ':';
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::ranges::equal(text.substr(0, word.size()), word, {}, [](char c) { return lower(c); });
}

std::size_t token_length(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_token) - text.begin());
}

// What stands at `at` and hides what follows: how many bytes stay, and how many go. {0, 0} = nothing.
struct Cut {
  std::size_t keep = 0;
  std::size_t hide = 0;
};

Cut cut_at(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  const bool word_starts = at == 0 || !is_word(text[at - 1]);
  if (rest.starts_with("://")) {
    const std::size_t end = std::min(rest.find_first_of("/?# \t\"'\n", 3), rest.size());
    const std::size_t sign = rest.substr(0, end).rfind('@');
    if (sign != std::string_view::npos) return {3, sign - 3};
    return {};
  }
  if (!word_starts) return {};
  for (const std::string_view scheme : {"bearer ", "basic "}) {
    if (!starts_with_word(rest, scheme)) continue;
    const std::size_t length = token_length(rest.substr(scheme.size()));
    if (length >= kTokenBytesMin) return {scheme.size(), length};
  }
  for (const std::string_view prefix : {"sk-", "ghp_", "gho_", "ghs_", "github_pat_", "xoxb-", "xoxp-", "xapp-",
                                        "lin_api_", "AKIA", "AIza", "glpat-", "npm_"}) {
    if (!rest.starts_with(prefix)) continue;
    const std::size_t length = token_length(rest);
    if (length >= prefix.size() + kTokenBytesMin) return {prefix.size(), length - prefix.size()};
  }
  for (const std::string_view name : {"api_key", "api-key", "apikey", "x-api-key", "auth_token", "access_token",
                                      "token", "password", "passwd", "secret", "client_secret"}) {
    if (!starts_with_word(rest, name)) continue;
    std::size_t value = name.size();
    // name=value, name: value, "name":"value"
    if (value < rest.size() && rest[value] == '"') ++value;
    if (value >= rest.size() || (rest[value] != '=' && rest[value] != ':')) continue;
    ++value;
    while (value < rest.size() && (rest[value] == ' ' || rest[value] == '"')) ++value;
    const std::size_t length = token_length(rest.substr(value));
    if (length > 0) return {value, length};
  }
  return {};
}

}  // namespace

void add_secret(std::string_view secret) {
  if (secret.size() < kSecretBytesMin) return;
  Secrets& known = secrets();
  const std::lock_guard lock(known.mutex);
  if (known.all.size() >= kSecretsMax || std::ranges::find(known.all, secret) != known.all.end()) return;
  known.all.emplace_back(secret);
  std::ranges::sort(known.all, std::ranges::greater{}, &std::string::size);
}

std::string redact(std::string_view text) {
  std::string named(text);
  {
    Secrets& known = secrets();
    const std::lock_guard lock(known.mutex);
    for (const std::string& secret : known.all) {
      for (auto at = named.find(secret); at != std::string::npos; at = named.find(secret, at + kHidden.size())) {
        named.replace(at, secret.size(), kHidden);
      }
    }
  }
  std::string out;
  out.reserve(named.size());
  for (std::size_t at = 0; at < named.size();) {
    const Cut cut = cut_at(named, at);
    if (cut.hide == 0) {
      out += named[at++];
      continue;
    }
    out.append(named, at, cut.keep);
    out += kHidden;
    at += cut.keep + cut.hide;
  }
  return out;
}

}  // namespace quarterdeck
