#include "session/instance.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "llm/catalogue.hpp"
#include "session/agents.hpp"
#include "session/model_call.hpp"
#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::size_t kFallbacksMax = 8;

std::optional<Recovery> recovery_of(const config::Config& config) {
  const auto ours = wire::parse(config.ours.text);
  const std::string policy = ours ? wire::string_at(*ours, "recovery") : "";
  if (policy == "resume") return Recovery::resume;
  if (policy == "end") return Recovery::end;
  if (!policy.empty())
    log::warn("configuration: quarterdeck.recovery: expected \"resume\" | \"end\", got \"{}\"", policy);
  return std::nullopt;
}

// {"fallback": {"provider/model": ["provider/model", …]}}
void read_fallbacks(const config::Config& config, Instance& instance) {
  instance.retry_wait_max_ms = kProvidersWaitMaxMs;
  const auto ours = wire::parse(config.ours.text);
  if (!ours) return;
  const auto wrong = [](std::string_view where, std::string_view expected) {
    log::warn("configuration: quarterdeck.{}: expected {}", where, expected);
  };
  if (const auto* chains = wire::value_at(*ours, "fallback")) {
    if (!chains->is_object()) return wrong("fallback", "an object of lists of \"provider/model\"");
    for (const auto& chain : chains->get_object()) {
      const std::string name(chain.key());
      const auto* models = chain.value().if_array();
      if (!models || !config::parse_model_ref(name)) {
        wrong("fallback." + name, "\"provider/model\" with a list of such");
        continue;
      }
      for (const auto& each : *models) {
        auto ref = each.is_string() ? config::parse_model_ref(std::string_view(each.get_string())) : std::nullopt;
        if (!ref) {
          wrong("fallback." + name, "\"provider/model\" in the list");
        } else if (instance.fallbacks[name].size() < kFallbacksMax) {
          instance.fallbacks[name].push_back(std::move(*ref));
        }
      }
    }
  }
  if (const auto* retry = wire::value_at(*ours, "retry")) {
    if (wire::value_at(*retry, "wait_max_s")) {
      const auto seconds = wire::int_at(*retry, "wait_max_s", -1);
      if (seconds < 0 || seconds > 7 * 24 * 3600) return wrong("retry.wait_max_s", "seconds, up to a week");
      instance.retry_wait_max_ms = seconds * 1000;
    }
    if (wire::value_at(*retry, "silence_s") && !silence_max_ms(config))
      wrong("retry.silence_s", "seconds, from 1 to 3600");
  }
}

// Wrong values are said once, and do not limit.
TaskLimits task_limits_of(const config::Config& config) {
  TaskLimits limits;
  const auto ours = wire::parse(config.ours.text);
  const wire::Json* task = ours ? wire::value_at(*ours, "task") : nullptr;
  if (!task) return limits;
  const auto number = [&](const char* name) -> std::optional<std::int64_t> {
    const wire::Json* value = wire::value_at(*task, name);
    if (!value || value->is_null()) return std::nullopt;
    const std::int64_t found = wire::int_at(*task, name);
    if (found > 0) return found;
    log::warn("configuration: quarterdeck.task.{}: expected a whole number above 0, got {}", name,
              wire::to_text(*value));
    return std::nullopt;
  };
  if (const auto seconds = number("deadline_seconds")) limits.deadline_ms = *seconds * 1000;
  if (const auto steps = number("steps")) limits.steps = static_cast<int>(std::min<std::int64_t>(*steps, 100'000));
  limits.tokens = number("tokens");
  return limits;
}

}  // namespace

const ProviderInfo* Instance::find_provider(std::string_view id) const {
  const auto found = std::ranges::find(providers, id, &ProviderInfo::id);
  return found == providers.end() ? nullptr : &*found;
}

const ModelInfo* Instance::find_model(const ModelRef& model) const {
  const ProviderInfo* provider = find_provider(model.provider_id);
  if (!provider) return nullptr;
  const auto found = provider->models.find(model.model_id);
  return found == provider->models.end() ? nullptr : &found->second;
}

const Agent* Instance::find_agent(std::string_view name) const { return session::find_agent(agents, name); }

Instances::Instances(Loop& loop, BlockingPool& pool, process::Processes& processes, Places places, Providers providers,
                     McpServers mcp_servers, LanguageServers language_servers, std::int64_t unload_after_ms)
    : loop_(loop),
      pool_(pool),
      processes_(processes),
      places_(std::move(places)),
      providers_(std::move(providers)),
      mcp_servers_(std::move(mcp_servers)),
      language_servers_(std::move(language_servers)),
      unload_after_ms_(unload_after_ms) {}

Task<std::shared_ptr<Instance>> Instances::open(std::filesystem::path directory) {
  if (const auto known = instances_.find(directory); known != instances_.end()) {
    known->second.asked_for = true;
    co_return known->second.instance;
  }
  if (const auto underway = loading_.find(directory); underway != loading_.end()) {
    OneShot<std::shared_ptr<Instance>> ready(loop_);
    underway->second.push_back(ready.setter());
    co_return co_await ready;
  }
  loading_[directory];
  std::shared_ptr<Instance> instance = co_await load(directory);
  instances_[directory] = {instance};
  if (!unloads_) unload_later();
  const auto waiting = std::move(loading_.extract(directory).mapped());
  for (const auto& set : waiting) set(instance);
  co_return instance;
}

Task<std::shared_ptr<Instance>> Instances::load(std::filesystem::path directory) {
  auto instance = std::make_shared<Instance>();
  instance->location = co_await workspace::locate(processes_, directory);
  const Places places = places_;
  const auto location_directory = instance->location.directory;
  const auto worktree = instance->location.worktree;
  auto read = [places, location_directory, worktree] { return config::load(places, location_directory, worktree); };
  instance->config = co_await blocking(loop_, pool_, read);
  for (const Error& error : instance->config.errors) {
    log::warn("configuration of {}: {}", directory.string(), error.message);
  }
  instance->recovery = recovery_of(instance->config);
  read_fallbacks(instance->config, *instance);
  instance->task_limits = task_limits_of(instance->config);
  const workspace::SkillPlaces skill_places{.directory = location_directory,
                                            .worktree = worktree,
                                            .paths = instance->config.skill_paths,
                                            .trusted = instance->config.trusted};
  auto find = [places, skill_places] { return workspace::find_skills(places, skill_places); };
  workspace::FoundSkills found = co_await blocking(loop_, pool_, find);
  for (const std::string& problem : found.problems) log::warn("skill {}", problem);
  instance->skills = std::move(found.skills);
  instance->providers = co_await providers_(instance->config);
  AgentPlaces agent_places{.data = places_.data, .worktree = worktree};
  for (const auto& skill : instance->skills) agent_places.skill_folders.push_back(skill.location.parent_path());
  instance->agents = make_agents(instance->config, agent_places);
  if (const auto problem = default_agent_problem(instance->config, instance->agents); !problem.empty()) {
    log::warn("configuration of {}: {}", directory.string(), problem);
  }
  instance->default_model = llm::choose_default_model(instance->config, instance->providers);
  instance->small_model = llm::choose_small_model(instance->config, instance->providers, instance->default_model);
  instance->formatters = format::make_formatters(
      {.loop = loop_, .pool = pool_, .processes = processes_},
      {.directory = location_directory, .worktree = worktree, .trusted = instance->config.trusted},
      instance->config.formatters);
  if (mcp_servers_) instance->mcp = mcp_servers_(*instance);
  if (language_servers_) instance->language_servers = language_servers_(*instance);
  co_return instance;
}

bool Instances::dispose(const std::filesystem::path& directory) { return instances_.erase(directory) > 0; }

std::vector<std::shared_ptr<Instance>> Instances::loaded() const {
  std::vector<std::shared_ptr<Instance>> out;
  for (const auto& [directory, each] : instances_) out.push_back(each.instance);
  return out;
}

void Instances::unload_later() {
  if (unload_after_ms_ > 0) unloads_ = loop_.after_ms(unload_after_ms_, [this] { unload_idle(); });
}

void Instances::unload_idle() {
  const auto is_idle = [](const auto& each) {
    const auto& [directory, loaded] = each;
    const bool held = loaded.instance.use_count() > 1;
    return !loaded.asked_for && !held && !(loaded.instance->mcp && loaded.instance->mcp->changed_by_hand());
  };
  std::vector<std::shared_ptr<Instance>> gone;  // they end their servers when the map is whole again
  for (auto each = instances_.begin(); each != instances_.end();) {
    if (is_idle(*each)) {
      log::debug("{} is unloaded: nobody has asked for it", each->first.string());
      gone.push_back(std::move(each->second.instance));
      each = instances_.erase(each);
    } else {
      each->second.asked_for = false;
      ++each;
    }
  }
  unloads_.reset();
  if (!instances_.empty()) unload_later();
}

}  // namespace quarterdeck::session
