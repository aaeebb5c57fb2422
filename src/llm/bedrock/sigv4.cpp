#include "llm/bedrock/sigv4.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "llm/bedrock/crypto_library.hpp"

namespace quarterdeck::llm::bedrock {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  crypto().hmac(crypto().sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &length);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

// RFC 3986: everything but the unreserved characters and, in paths, '/'.
std::string uri_encode(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    pairs.emplace_back(
        uri_encode(percent_decode(pair.substr(0, equals)), false),
        equals == std::string_view::npos ? "" : uri_encode(percent_decode(pair.substr(equals + 1)), false));
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [name, value] : pairs) out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, value);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Without the space around it, and one space where there were several.
std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == ' ' && (out.empty() || out.back() == ' ')) continue;
    out += c;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  crypto().digest(bytes.data(), bytes.size(), digest.data(), &length, crypto().sha256(), nullptr);
  return hex({reinterpret_cast<const char*>(digest.data()), length});
}

net::Headers sign(const SignedRequest& request, const AwsKeys& keys, const AwsScope& scope, TimeMs now_ms) {
  const std::time_t seconds = static_cast<std::time_t>(now_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  const auto day = fmt::format("{:04}{:02}{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
  const auto time = fmt::format("{}T{:02}{:02}{:02}Z", day, parts.tm_hour, parts.tm_min, parts.tm_sec);

  net::Headers added{{"X-Amz-Date", time}};
  if (!keys.session_token.empty()) added.push_back({"X-Amz-Security-Token", keys.session_token});
  std::map<std::string, std::string> covered{{"host", request.host}};
  for (const net::Headers* headers : {&request.headers, &std::as_const(added)}) {
    for (const auto& header : *headers) covered.insert_or_assign(lower(header.name), trimmed(header.value));
  }
  std::string canonical_headers;
  std::string names;
  for (const auto& [name, value] : covered) {
    canonical_headers += fmt::format("{}:{}\n", name, value);
    names += fmt::format("{}{}", names.empty() ? "" : ";", name);
  }
  const auto canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, uri_encode(request.path, true),
                  canonical_query(request.query), canonical_headers, names, sha256_hex(request.body));
  const auto place = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const auto to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, place, sha256_hex(canonical));
  const auto key =
      hmac(hmac(hmac(hmac("AWS4" + keys.secret_access_key, day), scope.region), scope.service), "aws4_request");
  added.push_back({"Authorization", fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                                                keys.access_key_id, place, names, hex(hmac(key, to_sign)))});
  return added;
}

}  // namespace quarterdeck::llm::bedrock
