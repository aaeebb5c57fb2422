// The web interface: files that the build made from web/ and put into the program, compressed beforehand.
// Laws: only paths that no API has; a file under /assets/ has its hash in its name and never changes; pages are asked for
//       again each time, run no script and no style but our own files', and are shown in no frame. docs/web.md.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace quarterdeck::api::web {

struct Asset {
  std::string_view path;  // "/assets/app-1f2e3d.js"; "/" is the page of all screens
  std::string_view type;
  std::string_view etag;  // quoted
  bool immutable = false;
  std::string_view plain;
  std::string_view brotli;  // empty: not smaller
  std::string_view gzip;  // empty: not smaller
};

// Nothing when the path is none of the interface's, so that the API answers. `assets` in the order of their paths.
std::optional<net::Response> page(const net::Request& request, std::span<const Asset> assets);

// What is in the program; empty when it was built without the web interface.
std::span<const Asset> assets();

}  // namespace quarterdeck::api::web
