// The language servers that we know, as data: which files are theirs, where their project begins, what starts them.
// Blocking: root_of() and find_launch() look at files; call them on the pool.
// Source: OpenCode 1.18's table; what it downloads, we only use when it is installed.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/json_text.hpp"

namespace quarterdeck::lsp {

// Where a session works. `trusted`: servers that run the project's code (build scripts, plugins) may be started.
struct Place {
  std::filesystem::path directory;
  std::filesystem::path worktree;
  bool trusted = false;
};

enum class Root {
  directory,            // the session's
  marker_or_directory,  // the nearest directory with a marker, upwards to the session's directory; else that
  marker,               // … else the server is not for this file
};

struct Known {
  std::string_view id;
  std::string_view extensions;  // separated by spaces, with the dot; a whole name where there is none
  // "program arguments…", alternatives separated by '|'.
  std::string_view commands;
  Root root = Root::marker_or_directory;
  // File names separated by spaces, "*.x" for a suffix; groups separated by '|': an earlier group wins.
  std::string_view markers = {};
  std::string_view unless = {};  // markers of others: then it is not for this file
  bool runs_code_of_the_project = false;
  std::string_view initialization = {};
  std::string_view module = {};  // of node_modules, has to be there
};

std::span<const Known> known_servers();
const Known* find_known(std::string_view id);

// Whether a file with this extension is the server's; no extensions = every file.
bool is_for(const std::vector<std::string>& extensions, const std::filesystem::path& file);
std::vector<std::string> words(std::string_view text, char separator = ' ');

// Nothing: the server is not for this file.
std::optional<std::filesystem::path> root_of(const Known& known, const std::filesystem::path& file, const Place& place);

struct Launch {
  std::vector<std::string> command;
  domain::JsonText initialization{"{}"};
};
// Nothing: it is not installed, lacks what it needs, or the project is not trusted.
std::optional<Launch> find_launch(const Known& known, const std::filesystem::path& root, const Place& place);

// "cpp" for a.cc; "plaintext" for what nobody knows.
std::string_view language_of(const std::filesystem::path& file);

}  // namespace quarterdeck::lsp
