#include "config/document.hpp"

#include "config/permission.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::config {
namespace {

using wire::Json;
using wire::Path;
using wire::Problem;
using wire::Reader;

// Members with a reading of their own.
const Json* member(Reader& io, std::string_view name) {
  const Json* value = io.raw().if_contains(name);
  return value && !value->is_null() && !io.problem().found() ? value : nullptr;
}

void one_of(Reader& io, std::string_view name, std::optional<std::string>& value,
            std::initializer_list<std::string_view> allowed) {
  io.field(name, value);
  if (!value || std::ranges::find(allowed, *value) != allowed.end()) return;
  std::string words;
  for (const auto word : allowed) words += fmt::format("{}{}", words.empty() ? "" : " | ", wire::quoted(word));
  io.problem().expected(words, *io.raw().if_contains(name), Path{&io.path(), name});
}

void model_ref(Reader& io, std::string_view name, std::optional<domain::ModelRef>& value) {
  std::optional<std::string> text;
  io.field(name, text);
  if (!text) return;
  value = parse_model_ref(*text);
  if (!value) io.problem().expected("\"provider/model\"", *io.raw().if_contains(name), Path{&io.path(), name});
}

template <class T>
void plain(Reader& io, std::string_view name, T& value) {
  std::optional<T> found;
  io.field(name, found);
  if (found) value = std::move(*found);
}

void permissions(Reader& io, domain::Ruleset& rules) {
  if (const Json* tools = member(io, "tools")) read_tools(*tools, Path{&io.path(), "tools"}, io.problem(), rules);
  if (const Json* json = member(io, "permission")) {
    read_permission(*json, Path{&io.path(), "permission"}, io.problem(), rules);
  }
}

}  // namespace
}  // namespace quarterdeck::config

namespace quarterdeck::domain {

// Found by argument-dependent lookup; a configuration's price list, whose members may be absent.
void describe(wire::Reader& io, Prices& value) {
  io.field("input", value.input);
  io.field("output", value.output);
  io.field_or("cache_read", value.cache_read, 0.0);
  io.field_or("cache_write", value.cache_write, 0.0);
}

}  // namespace quarterdeck::domain

namespace quarterdeck::config {

static void describe(Reader& io, AgentConfig& value) {
  model_ref(io, "model", value.model);
  io.field("variant", value.variant);
  if (value.model) value.model->variant = value.variant;
  io.field("prompt", value.prompt);
  io.field("description", value.description);
  one_of(io, "mode", value.mode, {"primary", "subagent", "all"});
  io.field("temperature", value.temperature);
  io.field("top_p", value.top_p);
  io.field("maxSteps", value.steps);
  if (io.has("steps")) io.field("steps", value.steps);
  io.field("disable", value.disable);
  io.field("hidden", value.hidden);
  io.field("color", value.color);
  plain(io, "options", value.options);
  permissions(io, value.permission);
}

static void describe(Reader& io, CommandConfig& value) {
  io.field("template", value.template_text);
  io.field("description", value.description);
  io.field("agent", value.agent);
  model_ref(io, "model", value.model);
  std::optional<std::string> variant;
  io.field("variant", variant);
  if (value.model) value.model->variant = variant;
  io.field("subtask", value.subtask);
}

static void describe(Reader& io, ModelConfig& value) {
  io.field("id", value.id);
  io.field("name", value.name);
  io.field("family", value.family);
  io.field("release_date", value.release_date);
  io.field("status", value.status);
  io.field("tool_call", value.tool_call);
  io.field("reasoning", value.reasoning);
  io.field("attachment", value.attachment);
  io.field("temperature", value.temperature);
  io.optional_object("limit", true, [&](auto& limit) {
    limit.field("context", value.context_tokens);
    limit.field("output", value.output_tokens);
  });
  io.optional_object("modalities", true, [&](auto& modalities) {
    std::optional<std::vector<std::string>> input;
    modalities.field("input", input);
    if (input && std::ranges::find(*input, "image") != input->end()) value.attachment = true;
    value.input = std::move(input);
  });
  io.field("cost", value.prices);
  io.field("options", value.options);
  plain(io, "variants", value.variants);
  if (const Json* interleaved = member(io, "interleaved"); interleaved && interleaved->is_object()) {
    io.object("interleaved", [&](auto& object) { object.field("field", value.interleaved); });
  }
  io.optional_object("provider", true, [&](auto& provider) {
    provider.field("npm", value.npm);
    provider.field("api", value.base_url);
  });
  plain(io, "headers", value.headers);
}

static void describe(Reader& io, ProviderConfig& value) {
  io.field("name", value.name);
  io.field("npm", value.npm);
  io.field("env", value.env);
  io.field("api", value.base_url);
  io.optional_object("options", true, [&](auto& options) {
    if (options.has("baseURL")) options.field("baseURL", value.base_url);
    options.field("apiKey", value.api_key);
    value.options = wire::to_json_text(Json(options.raw()));
    plain(options, "headers", value.headers);
  });
  plain(io, "models", value.models);
  io.field("whitelist", value.whitelist);
  plain(io, "blacklist", value.blacklist);
}

static void describe(Reader& io, McpServer& value) {
  std::optional<std::string> type;
  one_of(io, "type", type, {"local", "remote"});
  if (type == "local") io.field("command", value.command);
  if (type == "remote") io.field("url", value.url);
  // Another file may have named the server; this one only switches it on or off.
  io.field("cwd", value.cwd);
  plain(io, "environment", value.environment);
  plain(io, "headers", value.headers);
  io.field_or("enabled", value.enabled, true);
  io.field("timeout", value.timeout_ms);
  if (value.timeout_ms && *value.timeout_ms <= 0) {
    io.problem().expected("a number above 0", *io.raw().if_contains("timeout"), Path{&io.path(), "timeout"});
  }
  if (type == "local" && value.command.empty()) {
    io.problem().expected("a program", *io.raw().if_contains("command"), Path{&io.path(), "command"});
  }
  if (const Json* oauth = member(io, "oauth"); oauth && oauth->is_bool()) {
    value.oauth.enabled = oauth->get_bool();
    return;
  }
  io.optional_object("oauth", true, [&](auto& oauth) {
    oauth.field_or("clientId", value.oauth.client_id, std::string());
    oauth.field_or("clientSecret", value.oauth.client_secret, std::string());
    oauth.field_or("scope", value.oauth.scope, std::string());
    oauth.field_or("redirectUri", value.oauth.redirect_uri, std::string());
  });
}

static void describe(Reader& io, Formatter& value) {
  io.field_or("disabled", value.disabled, false);
  io.field("command", value.command);
  io.field("extensions", value.extensions);
  plain(io, "environment", value.environment);
}

static void describe(Reader& io, LanguageServer& value) {
  io.field_or("disabled", value.disabled, false);
  if (!value.disabled) io.field("command", value.command);
  if (!value.disabled && value.command.empty() && !io.problem().found()) {
    io.problem().expected("a program", *io.raw().if_contains("command"), Path{&io.path(), "command"});
  }
  io.field("extensions", value.extensions);
  plain(io, "env", value.environment);
  if (const Json* initialization = member(io, "initialization")) {
    if (!initialization->is_object()) {
      return io.problem().expected("object", *initialization, Path{&io.path(), "initialization"});
    }
    value.initialization = wire::to_json_text(*initialization);
  }
}

// bool | {name: …}
template <class T>
void switched(Reader& io, std::string_view name, std::optional<Named<T>>& value) {
  const Json* json = member(io, name);
  if (!json) return;
  if (json->is_bool()) {
    if (json->get_bool()) value.emplace();
  } else if (json->is_object()) {
    std::map<std::string, T> entries;
    plain(io, name, entries);
    value.emplace();
    for (const auto& member : json->get_object()) {
      const auto found = entries.find(std::string(member.key()));
      if (found != entries.end()) value->emplace_back(found->first, std::move(found->second));
    }
  } else {
    io.problem().expected("boolean | object", *json, Path{&io.path(), name});
  }
}

static void describe(Reader& io, ToolOutput& value) {
  io.field("max_lines", value.max_lines);
  io.field("max_bytes", value.max_bytes);
}

static void describe(Reader& io, Compaction& value) {
  io.field("auto", value.automatic);
  io.field("prune", value.prune);
  io.field("reserved", value.reserved);
}

static void describe(Reader& io, Config& value) {
  model_ref(io, "model", value.model);
  model_ref(io, "small_model", value.small_model);
  io.field("default_agent", value.default_agent);
  one_of(io, "share", value.share, {"manual", "auto", "disabled"});
  io.field("shell", value.shell);
  io.field("username", value.username);
  io.field("snapshot", value.snapshot);
  plain(io, "tool_output", value.tool_output);
  plain(io, "compaction", value.compaction);
  permissions(io, value.permission);
  plain(io, "mode", value.agents);  // the old name
  std::map<std::string, AgentConfig> agents;
  plain(io, "agent", agents);
  for (auto& [name, agent] : agents) value.agents.insert_or_assign(name, std::move(agent));
  plain(io, "command", value.commands);
  io.field("subagent_depth", value.subagent_depth);
  if (value.subagent_depth && *value.subagent_depth < 0) {
    io.problem().expected("a number of at least 0", *io.raw().if_contains("subagent_depth"),
                          Path{&io.path(), "subagent_depth"});
  }
  io.optional_object("experimental", true,
                     [&](auto& experimental) { plain(experimental, "primary_tools", value.primary_tools); });
  // A list of sources in newer configurations: not ours to understand.
  if (const Json* skills = member(io, "skills"); skills && skills->is_object()) {
    io.object("skills", [&](auto& object) { plain(object, "paths", value.skill_paths); });
  }
  plain(io, "provider", value.providers);
  plain(io, "mcp", value.mcp);
  switched(io, "formatter", value.formatters);
  switched(io, "lsp", value.language_servers);
  io.field("enabled_providers", value.enabled_providers);
  plain(io, "disabled_providers", value.disabled_providers);
  plain(io, "instructions", value.instructions);
  io.optional_object("quarterdeck", true, [&](auto& ours) { value.ours = wire::to_json_text(Json(ours.raw())); });
}

Result<Config> decode_document(const wire::JsonObject& document, const std::filesystem::path& home) {
  Config config;
  Problem problem;
  const Path root;
  Reader reader(document, root, problem);
  describe(reader, config);
  if (problem.found()) return std::unexpected(problem.take());
  expand_home(config.permission, home);
  for (auto& [name, agent] : config.agents) expand_home(agent.permission, home);
  return config;
}

}  // namespace quarterdeck::config
