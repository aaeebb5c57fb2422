// The configuration of one directory, as OpenCode's files say it (opencode.json, opencode.jsonc) plus our own under the
// key "quarterdeck". Plain values; reading is in load(), which blocks and never fails: what is wrong is in `errors`.
//
// Later files win, member by member; `instructions` and `plugin` add up:
//   user-wide        $XDG_CONFIG_HOME/opencode/{config.json,opencode.json,opencode.jsonc}
//   ours             $XDG_CONFIG_HOME/quarterdeck/{config.json,config.jsonc}
//   $OPENCODE_CONFIG
//   project          opencode.json(c) from the worktree down to the directory
//   .opencode        .opencode/opencode.json(c) likewise
// Beside the files of the user's and of .opencode directories: agents and commands in Markdown (markdown.hpp).
//   $OPENCODE_CONFIG_CONTENT
// In strings, {env:NAME} is the variable ("" when unset) and {file:path} the file's text, relative to the file it is in.
// What a project's own files say about secrets and programs counts only where the project is trusted (trust.hpp).
// Source: OpenCode's documentation, "Config"; observed behaviour.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/paths.hpp"
#include "base/result.hpp"
#include "domain/json_text.hpp"
#include "domain/model.hpp"
#include "domain/permission.hpp"

namespace quarterdeck::config {

struct AgentConfig {
  std::optional<domain::ModelRef> model;
  std::optional<std::string> prompt;
  std::optional<std::string> description;
  std::optional<std::string> mode;  // primary | subagent | all
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int> steps;
  std::optional<bool> disable;
  std::optional<bool> hidden;
  std::optional<std::string> color;
  std::optional<std::string> variant;
  domain::Ruleset permission;  // with what the old `tools` member says in front
  domain::JsonText options{"{}"};
  bool operator==(const AgentConfig&) const = default;
};

// A slash command: a prompt with places for arguments.
struct CommandConfig {
  std::string template_text;
  std::optional<std::string> description;
  std::optional<std::string> agent;
  std::optional<domain::ModelRef> model;
  std::optional<bool> subtask;
  bool from_project = false;  // its shell needs the project's trust
  bool operator==(const CommandConfig&) const = default;
};

// What is absent stays as the catalogue has it.
struct ModelConfig {
  std::optional<std::string> id;  // what the provider is asked for
  std::optional<std::string> name;
  std::optional<std::string> family;
  std::optional<std::string> release_date;
  std::optional<std::string> status;
  std::optional<bool> tool_call;
  std::optional<bool> reasoning;
  std::optional<bool> attachment;
  std::optional<bool> temperature;
  std::optional<std::int64_t> context_tokens;
  std::optional<std::int64_t> output_tokens;
  std::optional<domain::Prices> prices;
  std::optional<domain::JsonText> options;
  std::map<std::string, domain::JsonText> variants;  // by name; {"disabled": true} takes one away
  std::optional<std::vector<std::string>> input;  // modalities: text, image, pdf…
  std::optional<std::string> interleaved;  // where thoughts go back: reasoning_content | reasoning_details
  std::optional<std::string> npm;  // reached in another way than the provider's other models
  std::optional<std::string> base_url;
  std::map<std::string, std::string> headers;
  bool operator==(const ModelConfig&) const = default;
};

struct ProviderConfig {
  std::optional<std::string> name;
  std::optional<std::string> npm;
  std::optional<std::vector<std::string>> env;
  std::optional<std::string> base_url;
  std::optional<std::string> api_key;  // a secret
  std::optional<domain::JsonText> options;  // the whole member: region, resourceName…; may hold secrets
  std::map<std::string, std::string> headers;
  std::map<std::string, ModelConfig> models;
  std::optional<std::vector<std::string>> whitelist;  // only these models
  std::vector<std::string> blacklist;
  bool operator==(const ProviderConfig&) const = default;
};

// How to sign in to a remote MCP server; without an id, we register ourselves.
struct McpOAuth {
  bool enabled = true;
  std::string client_id;
  std::string client_secret;  // a secret
  std::string scope;
  std::string redirect_uri;
  bool operator==(const McpOAuth&) const = default;
};

// An MCP server: a program with its arguments, or an address.
struct McpServer {
  std::vector<std::string> command;
  std::optional<std::string> cwd;  // relative to the directory
  std::map<std::string, std::string> environment;
  std::string url;  // of a remote one
  std::map<std::string, std::string> headers;
  McpOAuth oauth;
  bool enabled = true;
  std::optional<std::int64_t> timeout_ms;  // of one answer
  bool operator==(const McpServer&) const = default;
};

// By name, in the order of the file: it is the order in which they work.
template <class T>
using Named = std::vector<std::pair<std::string, T>>;

// A formatter: one of ours, changed, or another one. What is absent stays as the table of format/ has it.
struct Formatter {
  bool disabled = false;
  std::optional<std::vector<std::string>> command;  // "$FILE" stands for the file
  std::optional<std::vector<std::string>> extensions;
  std::map<std::string, std::string> environment;
  bool operator==(const Formatter&) const = default;
};

// A language server, likewise (lsp/).
struct LanguageServer {
  bool disabled = false;
  std::vector<std::string> command;
  std::optional<std::vector<std::string>> extensions;
  std::map<std::string, std::string> environment;
  std::optional<domain::JsonText> initialization;  // an object
  bool operator==(const LanguageServer&) const = default;
};

struct ToolOutput {
  std::optional<std::int64_t> max_lines;
  std::optional<std::int64_t> max_bytes;
  bool operator==(const ToolOutput&) const = default;
};

struct Compaction {
  std::optional<bool> automatic;  // "auto", default true: when the context is full
  std::optional<bool> prune;  // default true: clear old tool output first
  std::optional<std::int64_t> reserved;  // tokens that stay free
  bool operator==(const Compaction&) const = default;
};

struct Config {
  std::optional<domain::ModelRef> model;
  std::optional<domain::ModelRef> small_model;
  std::optional<std::string> default_agent;
  std::optional<std::string> share;  // manual | auto | disabled
  std::optional<std::string> shell;
  std::optional<std::string> username;
  std::optional<bool> snapshot;
  ToolOutput tool_output;
  Compaction compaction;
  domain::Ruleset permission;
  std::map<std::string, AgentConfig> agents;
  std::map<std::string, CommandConfig> commands;
  std::optional<int> subagent_depth;  // how deep subagents may call subagents; 1 when absent
  std::vector<std::string> primary_tools;  // "experimental": tools that subagents do not get
  std::vector<std::string> skill_paths;  // "skills": {"paths"}
  std::map<std::string, ProviderConfig> providers;
  std::optional<std::vector<std::string>> enabled_providers;
  std::vector<std::string> disabled_providers;
  std::map<std::string, McpServer> mcp;
  // "formatter" and "lsp": absent or false = none run; true = those that we know, as {}.
  std::optional<Named<Formatter>> formatters;
  std::optional<Named<LanguageServer>> language_servers;
  std::vector<std::string> instructions;  // more instruction files: paths and globs
  domain::JsonText ours{"{}"};  // the member "quarterdeck"

  bool trusted = false;  // the directory, when this was loaded
  std::vector<std::filesystem::path> files;  // that were read, weakest first
  std::vector<Error> errors;  // file, place and expectation in the message

  // For GET /config: everything merged, unknown members too, {env:…} and {file:…} as they are written, secrets "***".
  std::string public_json() const { return public_text; }
  std::string public_text = "{}";
};

using Environment = std::function<std::optional<std::string>(std::string_view name)>;
Environment process_environment();

// `directory` lies in `worktree`, or the worktree is "/" (no repository): then only the directory itself is looked at,
// because what lies above it may be anybody's.
// Law: a file that cannot be understood never loosens anything: the rule "ask for everything" takes the place of the
// permissions that it may have held.
Config load(const Places& places, const std::filesystem::path& directory, const std::filesystem::path& worktree,
            const Environment& environment = process_environment());

// "provider/model"; the model's name may hold further slashes. Nothing for anything else.
std::optional<domain::ModelRef> parse_model_ref(std::string_view text);

}  // namespace quarterdeck::config
