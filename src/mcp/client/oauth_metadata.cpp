#include "mcp/client/oauth_metadata.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>

#include "base/digest.hpp"
#include "base/encoding.hpp"

namespace quarterdeck::mcp {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// "/a/b" of a URL, without a final slash; "" for the root.
std::string path_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == url.npos) return "";
  std::string_view path = url.substr(std::min(url.find('/', scheme + 3), url.size()));
  path = path.substr(0, path.find_first_of("?#"));
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

}  // namespace

std::map<std::string, std::string> challenge_parameters(std::string_view header) {
  std::map<std::string, std::string> parameters;
  const auto blank = header.find(' ');
  if (lower(header.substr(0, blank)) != "bearer" || blank == header.npos) return parameters;
  for (std::size_t at = blank; at < header.size();) {
    at = header.find_first_not_of(" ,\t", at);
    const auto equals = header.find('=', at);
    if (at == header.npos || equals == header.npos) break;
    const std::string name = lower(header.substr(at, equals - at));
    std::string value;
    at = equals + 1;
    if (at < header.size() && header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        if (header[at] == '\\' && at + 1 < header.size()) ++at;
        value += header[at];
      }
      ++at;
    } else {
      const auto end = std::min(header.find_first_of(", \t", at), header.size());
      value = header.substr(at, end - at);
      at = end;
    }
    parameters.emplace(name, value);
  }
  return parameters;
}

std::string origin_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == url.npos) return "";
  return std::string(url.substr(0, std::min(url.find_first_of("/?#", scheme + 3), url.size())));
}

std::vector<std::string> resource_metadata_urls(std::string_view resource) {
  const std::string base = origin_of(resource) + "/.well-known/oauth-protected-resource";
  const std::string path = path_of(resource);
  if (path.empty()) return {base};
  return {base + path, base};
}

std::vector<std::string> server_metadata_urls(std::string_view issuer) {
  const std::string origin = origin_of(issuer);
  const std::string path = path_of(issuer);
  std::vector<std::string> urls{origin + "/.well-known/oauth-authorization-server" + path,
                                origin + "/.well-known/openid-configuration" + path};
  if (!path.empty()) urls.push_back(origin + path + "/.well-known/openid-configuration");
  return urls;
}

std::string form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    if (!out.empty()) out += '&';
    out += percent_encode(name) + "=" + percent_encode(value);
  }
  return out;
}

Result<std::string> code_challenge(std::string_view verifier) {
  TRY(const std::string digest, sha256(verifier));
  return base64url(digest);
}

std::string random_secret() {
  std::array<char, 32> bytes{};
  ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == std::ssize(bytes), "the kernel has no randomness");
  return base64url({bytes.data(), bytes.size()});
}

}  // namespace quarterdeck::mcp
