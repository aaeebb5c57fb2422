// A terminal that somebody works in, in OpenCode's shape ("pty").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"

namespace quarterdeck::domain {

enum class PtyStatus { running, exited };

struct Pty {
  PtyId id;
  std::string title;
  std::string command;
  std::vector<std::string> args;
  std::string cwd;
  PtyStatus status = PtyStatus::running;
  std::int64_t pid = 0;
  std::optional<int> exit_code;  // of an exited one; 128 + the signal that ended it
  bool operator==(const Pty&) const = default;
};

struct CreatePty {
  std::optional<std::string> command;  // none: the user's shell
  std::vector<std::string> args;
  std::optional<std::string> cwd;  // relative to the directory asked for
  std::optional<std::string> title;
  std::map<std::string, std::string> env;
};

struct PtySize {
  int rows = 24;
  int cols = 80;
  bool operator==(const PtySize&) const = default;
};

struct UpdatePty {
  std::optional<std::string> title;
  std::optional<PtySize> size;
};

}  // namespace quarterdeck::domain
