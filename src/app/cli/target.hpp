// Which server, and which directory's sessions.
#pragma once

#include <string>

namespace quarterdeck::app {

struct Target {
  std::string url;        // http(s)://host:port, without a trailing slash
  std::string directory;  // absolute
  bool operator==(const Target&) const = default;
};

}  // namespace quarterdeck::app
