// Slash commands: templates of prompts. The built-in ones (init, review), the configured ones, the prompts of MCP servers
// (server:prompt), and every skill.
//   $ARGUMENTS  all of them, as typed      $1 … $N  words (quotes group); the last number takes the rest
//   !`command`  what it prints             @file    the file, as an attachment
// Without a placeholder for arguments they follow after a blank line.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "session/instance.hpp"

namespace quarterdeck::session {

// A prompt of an MCP server: the words after the command are its arguments, in their order.
struct McpPrompt {
  std::string server;
  std::string name;
  std::vector<std::string> arguments;
};

struct CommandInfo {
  std::string name;
  std::string description;
  std::string source;  // command | skill | mcp
  std::string text;  // the template; an MCP server tells it when the command is run
  std::optional<std::string> agent;
  std::optional<domain::ModelRef> model;
  std::optional<bool> subtask;
  bool from_project = false;
  std::vector<std::string> hints;
  std::optional<McpPrompt> prompt;
};

// By name.
std::vector<CommandInfo> commands_of(const Instance& instance);
const CommandInfo* find_command(const std::vector<CommandInfo>& commands, std::string_view name);

// The words after the command, one for each argument; the last one takes the rest.
std::map<std::string, std::string> named_arguments(const McpPrompt& prompt, std::string_view arguments);
// The placeholders of a template: "$1", "$2", "$ARGUMENTS".
std::vector<std::string> hints_of(std::string_view text);
// The template with its arguments filled in.
std::string expand(std::string_view text, std::string_view arguments);

// A place in a text that a command's output is to take.
struct ShellPlace {
  std::size_t at = 0;
  std::size_t length = 0;
  std::string command;
  bool operator==(const ShellPlace&) const = default;
};
std::vector<ShellPlace> shell_places(std::string_view text);

}  // namespace quarterdeck::session
