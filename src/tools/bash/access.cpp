#include "tools/bash/access.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "permission/shell.hpp"
#include "process/process.hpp"
#include "tools/path_guard.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::tools::bash {
namespace {

struct OutsideMetadata {
  std::string command;
  std::vector<std::string> directories;
  std::vector<std::string> patterns;
};
template <class Io>
void describe(Io& io, OutsideMetadata& metadata) {
  io.field("command", metadata.command);
  io.field("directories", metadata.directories);
  io.field("patterns", metadata.patterns);
}

struct CommandMetadata {
  std::string command;
};
template <class Io>
void describe(Io& io, CommandMetadata& metadata) {
  io.field("command", metadata.command);
}

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

bool changes_directory(const permission::SimpleCommand& command) {
  if (command.words.empty()) return false;
  const std::string& name = command.words[0];
  return name == "cd" || name == "pushd" || name == "popd";
}

// Where an argument of a file command leads as far as can be told without running it: up to the first wildcard.
std::optional<std::filesystem::path> place_of(std::string argument, const std::filesystem::path& workdir,
                                              const std::string& home) {
  if (argument == "~" || argument.starts_with("~/")) argument.replace(0, 1, home);
  for (const std::string_view name : {"$HOME", "${HOME}"}) {
    if (argument == name || argument.starts_with(std::string(name) + "/")) argument.replace(0, name.size(), home);
  }
  if (argument.contains('$') || argument.contains('`') || argument.contains('\0')) return std::nullopt;
  argument.resize(std::min(argument.find_first_of("*?["), argument.size()));
  if (argument.empty()) return std::nullopt;
  return (workdir / argument).lexically_normal();
}

std::filesystem::path directory_of(const std::filesystem::path& place) {
  std::error_code error;
  const auto plain = place.has_filename() ? place : place.parent_path();
  return std::filesystem::is_directory(plain, error) ? plain : plain.parent_path();
}

std::vector<std::string> outside_directories(const permission::ShellLine& line, const std::filesystem::path& workdir,
                                             const std::string& home, const ToolContext& context) {
  std::vector<std::string> directories;
  const auto look_at = [&](const std::filesystem::path& place) {
    if (is_inside(place, context)) return;
    // Where a link leads is what a person must be asked about.
    const bool by_link = is_inside(place.parent_path(), context);
    add_once(directories, directory_of(by_link ? real_path(place) : place).string());
  };
  look_at(workdir);
  for (const auto& command : line.commands) {
    for (auto& argument : permission::path_arguments(command)) {
      if (const auto place = place_of(std::move(argument), workdir, home)) look_at(*place);
    }
  }
  return directories;
}

}  // namespace

Task<std::expected<void, ToolFailure>> ask_for(std::string command, std::filesystem::path workdir,
                                               ToolContext& context) {
  const auto line = permission::parse_shell(command);
  auto environment = process::tool_environment();
  const auto look = [&line, &context, workdir, home = environment["HOME"]] {
    return outside_directories(line, workdir, home, context);
  };
  const auto directories = co_await blocking(context.loop, context.pool, look);
  if (!directories.empty()) {
    std::vector<std::string> patterns;
    for (const auto& directory : directories) patterns.push_back((std::filesystem::path(directory) / "*").string());
    const OutsideMetadata metadata{.command = command, .directories = directories, .patterns = patterns};
    PermissionAsk ask{.permission = "external_directory",
                      .patterns = patterns,
                      .always = patterns,
                      .metadata = wire::encode_json_text(metadata)};
    auto allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return allowed;
  }

  PermissionAsk ask{.permission = "bash", .patterns = {}, .always = {}, .metadata = {}};
  for (const auto& simple : line.commands) {
    if (changes_directory(simple)) continue;
    add_once(ask.patterns, simple.text);
    // "Always" cannot mean anything for a line that was not understood.
    if (!simple.words.empty()) add_once(ask.always, permission::always_pattern(simple));
  }
  if (ask.patterns.empty()) co_return std::expected<void, ToolFailure>();
  const CommandMetadata metadata{.command = command};
  ask.metadata = wire::encode_json_text(metadata);
  co_return co_await context.host.ask(std::move(ask));
}

}  // namespace quarterdeck::tools::bash
