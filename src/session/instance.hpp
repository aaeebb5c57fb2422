// What belongs to one directory: its project, its configuration, its agents, models and skills. Loaded on first use, shared by its sessions.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "domain/agent.hpp"
#include "domain/model.hpp"
#include "format/formatters.hpp"
#include "llm/retry.hpp"
#include "lsp/servers.hpp"
#include "mcp/servers.hpp"
#include "process/process.hpp"
#include "workspace/project.hpp"
#include "workspace/skills.hpp"

namespace quarterdeck::session {

// What happens after a crash to a turn that was running.
enum class Recovery { resume, end };

// What a subagent may use, from the configuration's "quarterdeck": {"task": {…}}.
struct TaskLimits {
  std::optional<std::int64_t> deadline_ms;  // "deadline_seconds"
  std::optional<int> steps;
  std::optional<std::int64_t> tokens;
};

struct Instance {
  workspace::Location location;
  config::Config config;
  std::vector<domain::ProviderInfo> providers;  // connected ones: with a key, or without need of one
  std::vector<domain::Agent> agents;  // the default one first
  std::optional<domain::ModelRef> default_model;
  std::optional<domain::ModelRef> small_model;
  std::map<std::string, std::vector<domain::ModelRef>> fallbacks;  // by "provider/model": who answers when it fails
  std::int64_t retry_wait_max_ms = llm::kRetryAfterMsMax;  // the configuration's "retry": {"wait_max_s"}
  std::shared_ptr<mcp::Servers> mcp;  // null where nobody starts such servers
  std::shared_ptr<format::Formatters> formatters;
  std::shared_ptr<lsp::Servers> language_servers;  // null where nobody starts such servers
  std::optional<Recovery> recovery;  // the configuration's "quarterdeck": {"recovery": "resume" | "end"}
  std::vector<workspace::Skill> skills;  // by name
  TaskLimits task_limits;

  const domain::ProviderInfo* find_provider(std::string_view id) const;
  const domain::ModelInfo* find_model(const domain::ModelRef& model) const;
  const domain::Agent* find_agent(std::string_view name) const;
};

class Instances {
 public:
  // Turns a configuration into its providers: the catalogue, the environment, local endpoints, the scripted model.
  // Injected, because it is the composition root that knows them all.
  using Providers = std::function<Task<std::vector<domain::ProviderInfo>>(config::Config)>;

  // Starts the MCP servers that an instance's configuration names.
  using McpServers = std::function<std::shared_ptr<mcp::Servers>(const Instance&)>;

  using LanguageServers = std::function<std::shared_ptr<lsp::Servers>(const Instance&)>;

  // An instance that nobody has asked for in `unload_after_ms` (and up to twice as long) is let go, unless somebody holds
  // it (a turn does) or its MCP servers were changed by hand. 0: never.
  Instances(Loop& loop, BlockingPool& pool, process::Processes& processes, Places places, Providers providers,
            McpServers mcp_servers = {}, LanguageServers language_servers = {}, std::int64_t unload_after_ms = 0);

  // `directory` is absolute; it need not exist (an instance of the global project then).
  Task<std::shared_ptr<Instance>> open(std::filesystem::path directory);
  // Forgets the instance; the next open() reads its configuration again. True when there was one.
  bool dispose(const std::filesystem::path& directory);
  // Those that are loaded.
  std::vector<std::shared_ptr<Instance>> loaded() const;
  std::size_t loaded_count() const { return instances_.size(); }

 private:
  Task<std::shared_ptr<Instance>> load(std::filesystem::path directory);

  Loop& loop_;
  BlockingPool& pool_;
  process::Processes& processes_;
  Places places_;
  Providers providers_;
  McpServers mcp_servers_;
  LanguageServers language_servers_;
  void unload_idle();
  void unload_later();

  struct Loaded {
    std::shared_ptr<Instance> instance;
    bool asked_for = true;  // since the last look
  };
  std::int64_t unload_after_ms_;
  std::unique_ptr<Loop::Handle> unloads_;  // armed while something is loaded
  std::map<std::filesystem::path, Loaded> instances_;
  std::map<std::filesystem::path, std::vector<OneShot<std::shared_ptr<Instance>>::Setter>> loading_;
};

}  // namespace quarterdeck::session
