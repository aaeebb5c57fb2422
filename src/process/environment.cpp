#include <algorithm>
#include <array>
#include <cctype>

#include "process/process.hpp"

extern char** environ;

namespace quarterdeck::process {
namespace {

// What commands of a session may see. PAGER is not among them: nobody is there to turn pages.
constexpr std::array<std::string_view, 17> kAllowed{
    "PATH",        "HOME",   "USER",   "LOGNAME", "SHELL",     "LANG",           "LANGUAGE",        "TZ",
    "TERM",        "TMPDIR", "EDITOR", "VISUAL",  "COLORTERM", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "SSL_CERT_FILE",
    "SSL_CERT_DIR"};
// Without these nothing can be installed behind a proxy; kept out when they hold a login.
constexpr std::array<std::string_view, 6> kProxies{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
                                                   "http_proxy", "https_proxy", "no_proxy"};

bool names_a_secret(std::string name) {
  for (char& letter : name) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  for (const auto* word : {"KEY", "TOKEN", "SECRET", "PASSWORD"}) {
    if (name.contains(word)) return true;
  }
  return name.starts_with("OPENCODE_") || name.starts_with("QUARTERDECK_");
}

bool allowed(std::string_view name, std::string_view value) {
  if (names_a_secret(std::string(name))) return false;
  if (std::ranges::find(kProxies, name) != kProxies.end()) return !value.contains('@');
  return name.starts_with("LC_") || std::ranges::find(kAllowed, name) != kAllowed.end();
}

}  // namespace

std::map<std::string, std::string> tool_environment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = text.substr(0, equals);
    const auto value = text.substr(equals + 1);
    if (allowed(name, value)) environment.emplace(name, value);
  }
  environment.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  environment["GIT_TERMINAL_PROMPT"] = "0";
  environment["PAGER"] = "cat";
  environment["GIT_PAGER"] = "cat";
  return environment;
}

}  // namespace quarterdeck::process
