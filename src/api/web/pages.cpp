#include "api/web/pages.hpp"

#include <algorithm>
#include <array>

namespace quarterdeck::api::web {
namespace {

// First segments of the screens' addresses; web/src/route.ts has the same list. None is the API's.
constexpr std::array<std::string_view, 6> kScreens{"a", "new", "review", "s", "sessions", "settings"};

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; worker-src 'self'; media-src 'self' data: blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

constexpr std::string_view kNotBuilt =
    "<!doctype html><html lang=en><title>Quarterdeck</title><h1>Quarterdeck</h1>"
    "<p>This server was built without its web interface. Install npm (script/setup) and build it again.</p>";

bool is_screen(std::string_view path) {
  if (path == "/") return true;
  const std::string_view first = path.substr(1, path.find('/', 1) - 1);
  return std::ranges::find(kScreens, first) != kScreens.end();
}

const Asset* find(std::span<const Asset> assets, std::string_view path) {
  const auto found = std::ranges::lower_bound(assets, path, {}, &Asset::path);
  return found != assets.end() && found->path == path ? &*found : nullptr;
}

// "gzip, br;q=0" accepts gzip alone.
bool accepts(const net::Request& request, std::string_view coding) {
  const std::string* header = request.header("accept-encoding");
  if (!header) return false;
  std::string_view rest = *header;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view one = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
    const std::string_view name = one.substr(0, one.find_first_of(" \t;"));
    if (name == coding) return !one.ends_with("q=0");
  }
  return false;
}

net::Response answer(const net::Request& request, const Asset& asset) {
  net::Response response{
      .headers = {{"Content-Type", std::string(asset.type)},
                  {"ETag", std::string(asset.etag)},
                  {"Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache"},
                  {"Vary", "Accept-Encoding"},
                  {"X-Content-Type-Options", "nosniff"},
                  {"Referrer-Policy", "same-origin"},
                  {"Cross-Origin-Opener-Policy", "same-origin"},
                  {"Content-Security-Policy", std::string(kPolicy)}}};
  const std::string* seen = request.header("if-none-match");
  if (seen && seen->find(asset.etag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  std::string_view body = asset.plain;
  if (!asset.brotli.empty() && accepts(request, "br")) {
    body = asset.brotli;
    response.headers.push_back({"Content-Encoding", "br"});
  } else if (!asset.gzip.empty() && accepts(request, "gzip")) {
    body = asset.gzip;
    response.headers.push_back({"Content-Encoding", "gzip"});
  }
  response.body = std::string(body);
  return response;
}

}  // namespace

std::optional<net::Response> page(const net::Request& request, std::span<const Asset> assets) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  if (const Asset* asset = find(assets, request.path)) return answer(request, *asset);
  if (!is_screen(request.path)) return std::nullopt;
  if (const Asset* index = find(assets, "/")) return answer(request, *index);
  return net::Response{
      .headers = {{"Content-Type", "text/html; charset=utf-8"}, {"Content-Security-Policy", std::string(kPolicy)}},
      .body = std::string(kNotBuilt)};
}

}  // namespace quarterdeck::api::web
