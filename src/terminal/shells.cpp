// Which shells there are: /etc/shells, shells(5).
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

#include "terminal/terminals.hpp"

namespace quarterdeck::terminal {
namespace {

// Their language is another.
constexpr std::array<std::string_view, 2> kOthers{"fish", "nu"};

bool can_run(const std::string& path) { return path.starts_with('/') && ::access(path.c_str(), X_OK) == 0; }

std::string users_own() {
  const char* shell = std::getenv("SHELL");
  return shell && can_run(shell) ? shell : "";
}

void add(std::vector<Shell>& shells, const std::string& path) {
  if (!can_run(path) || std::ranges::find(shells, path, &Shell::path) != shells.end()) return;
  std::string name = std::filesystem::path(path).filename();
  const bool acceptable = std::ranges::find(kOthers, name) == kOthers.end();
  shells.push_back({.path = path, .name = std::move(name), .acceptable = acceptable});
}

}  // namespace

std::vector<Shell> installed_shells() {
  std::vector<Shell> shells;
  add(shells, users_own());
  std::ifstream file("/etc/shells");
  for (std::string line; std::getline(file, line);) add(shells, line);
  if (shells.empty()) add(shells, "/bin/sh");
  return shells;
}

std::string preferred_shell() {
  if (std::string own = users_own(); !own.empty()) return own;
  return can_run("/bin/bash") ? "/bin/bash" : "/bin/sh";
}

}  // namespace quarterdeck::terminal
