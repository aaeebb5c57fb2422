#include "llm/catalogue.hpp"

#include <algorithm>

#include "llm/chat_completions.hpp"
#include "llm/embedded/kCatalogueJson.hpp"
#include "llm/protocols.hpp"
#include "llm/variants.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm {
namespace {

using domain::ModelInfo;
using domain::ModelRef;
using domain::ProviderInfo;

constexpr std::size_t kProvidersMax = 1'000;
constexpr std::size_t kModelsMax = 20'000;

// Which model answers when nobody chose one: the first that there is. Elsewhere the newest.
struct Preference {
  std::string_view provider;
  std::vector<std::string_view> models;
  std::vector<std::string_view> small;
};
const std::vector<Preference>& preferences() {
  static const std::vector<Preference> all{
      {"anthropic", {"claude-sonnet-5", "claude-sonnet-4-6", "claude-sonnet-4-5"}, {"claude-haiku-4-5"}},
      {"openai", {"gpt-5.6", "gpt-5.5", "gpt-5.1", "gpt-5"}, {"gpt-5.4-nano", "gpt-5-nano"}},
      {"google", {"gemini-3.8-flash", "gemini-3.5-flash", "gemini-2.5-pro"}, {"gemini-3.5-flash-lite", "gemini-2.5-flash-lite"}},
      {"openrouter", {"anthropic/claude-sonnet-5", "anthropic/claude-sonnet-4.5"}, {"anthropic/claude-haiku-4.5"}},
      {"deepseek", {"deepseek-v4-pro"}, {"deepseek-flash"}},
      {"groq", {"openai/gpt-oss-120b"}, {"openai/gpt-oss-20b"}},
      {"mistral", {"mistral-medium-latest"}, {"mistral-small-latest"}},
  };
  return all;
}

std::string preferred(const ProviderInfo& provider, const std::vector<std::string_view>& names) {
  for (const auto name : names) {
    if (provider.models.contains(std::string(name))) return std::string(name);
  }
  return {};
}

std::string newest(const ProviderInfo& provider) {
  const ModelInfo* best = nullptr;
  for (const auto& [id, model] : provider.models) {
    if (!best || model.release_date > best->release_date) best = &model;
  }
  return best ? best->id : "";
}

void choose(ProviderInfo& provider) {
  for (const auto& each : preferences()) {
    if (each.provider != provider.id) continue;
    provider.default_model = preferred(provider, each.models);
    provider.small_model = preferred(provider, each.small);
  }
  if (provider.default_model.empty()) provider.default_model = newest(provider);
  if (provider.small_model.empty()) provider.small_model = provider.default_model;
}

double number_at(const wire::Json& value, std::string_view name) {
  const auto* member = wire::value_at(value, name);
  const double number = member && member->is_number() ? member->to_number<double>() : 0;
  return std::clamp(number, 0.0, 1e6);
}
std::int64_t tokens_at(const wire::Json& value, std::string_view name) {
  const auto* member = wire::value_at(value, name);
  return member && member->is_number() ? static_cast<std::int64_t>(std::clamp(member->to_number<double>(), 0.0, 1e12))
                                       : 0;
}
bool flag_at(const wire::Json& value, std::string_view name) {
  const auto* member = wire::value_at(value, name);
  return member && member->is_bool() && member->get_bool();
}
std::vector<std::string> texts(const wire::JsonArray* list) {
  std::vector<std::string> out;
  for (std::size_t i = 0; list && i < list->size() && out.size() < 32; ++i) {
    if ((*list)[i].is_string()) out.emplace_back(std::string_view((*list)[i].get_string()));
  }
  return out;
}

ModelInfo model_of(const ProviderInfo& provider, std::string id, const wire::Json& json) {
  ModelInfo model{.id = id,
                  .provider_id = provider.id,
                  .api_id = id,
                  .name = wire::string_at(json, "name", id),
                  .family = wire::string_at(json, "family"),
                  .tool_call = flag_at(json, "tool_call"),
                  .reasoning = flag_at(json, "reasoning"),
                  .attachment = flag_at(json, "attachment"),
                  .temperature = flag_at(json, "temperature"),
                  .release_date = wire::string_at(json, "release_date"),
                  .status = wire::string_at(json, "status", "active")};
  if (const auto* limit = wire::value_at(json, "limit")) {
    model.context_tokens = tokens_at(*limit, "context");
    model.output_tokens = tokens_at(*limit, "output");
  }
  if (const auto* cost = wire::value_at(json, "cost")) {
    model.prices = {number_at(*cost, "input"), number_at(*cost, "output"), number_at(*cost, "cache_read"),
                    number_at(*cost, "cache_write")};
  }
  if (const auto* modalities = wire::value_at(json, "modalities")) model.input = texts(wire::array_at(*modalities, "input"));
  if (const auto* interleaved = wire::value_at(json, "interleaved")) model.interleaved = wire::string_at(*interleaved, "field");
  if (const auto* options = wire::array_at(json, "reasoning_options")) {
    for (const auto& option : *options) {
      if (wire::string_at(option, "type") == "effort") model.efforts = texts(wire::array_at(option, "values"));
    }
  }
  if (const auto* special = wire::value_at(json, "provider")) {
    model.npm = wire::string_at(*special, "npm");
    if (!model.npm.empty()) model.protocol = protocol_of_npm(model.npm);
    model.base_url = wire::string_at(*special, "api");
  }
  return model;
}

ProviderInfo provider_of(std::string id, const wire::Json& json, std::size_t& models) {
  ProviderInfo provider{.id = id,
                        .name = wire::string_at(json, "name", id),
                        .source = "builtin",
                        .env = texts(wire::array_at(json, "env")),
                        .npm = wire::string_at(json, "npm", "@ai-sdk/openai-compatible"),
                        .base_url = wire::string_at(json, "api")};
  provider.protocol = protocol_of_npm(provider.npm);
  if (provider.base_url.empty()) provider.base_url = base_url_of_npm(provider.npm);
  const auto* listed = wire::object_at(json, "models");
  for (auto at = listed ? listed->begin() : wire::JsonObject::const_iterator(); listed && at != listed->end(); ++at) {
    if (!at->value().is_object() || models >= kModelsMax) continue;
    auto model = model_of(provider, std::string(at->key()), at->value());
    // Agents need tools; what its vendor takes away is not offered.
    if (!model.tool_call || model.status == "deprecated") continue;
    ++models;
    provider.models.emplace(model.id, std::move(model));
  }
  choose(provider);
  return provider;
}

const ProviderInfo* listed(const std::vector<ProviderInfo>& all, std::string_view id) {
  const auto found = std::ranges::find(all, id, [](const ProviderInfo& p) { return std::string_view(p.id); });
  return found == all.end() ? nullptr : &*found;
}

template <class T>
void take(T& target, const std::optional<T>& configured) {
  if (configured) target = *configured;
}

ModelInfo bare_model(const std::string& provider, const std::string& id) {
  return {.id = id, .provider_id = provider, .api_id = id, .name = id};
}

void apply(ModelInfo& model, const config::ModelConfig& configured) {
  take(model.api_id, configured.id);
  take(model.name, configured.name);
  take(model.family, configured.family);
  take(model.release_date, configured.release_date);
  take(model.status, configured.status);
  take(model.tool_call, configured.tool_call);
  take(model.reasoning, configured.reasoning);
  take(model.attachment, configured.attachment);
  take(model.temperature, configured.temperature);
  take(model.context_tokens, configured.context_tokens);
  take(model.output_tokens, configured.output_tokens);
  take(model.prices, configured.prices);
  take(model.options, configured.options);
  take(model.input, configured.input);
  take(model.interleaved, configured.interleaved);
  take(model.base_url, configured.base_url);
  if (configured.npm) {
    model.npm = *configured.npm;
    model.protocol = protocol_of_npm(model.npm);
  }
  for (const auto& [name, value] : configured.headers) model.headers.insert_or_assign(name, value);
}

void apply(ProviderInfo& provider, const config::ProviderConfig& configured) {
  take(provider.name, configured.name);
  take(provider.env, configured.env);
  take(provider.base_url, configured.base_url);
  take(provider.api_key, configured.api_key);
  if (configured.npm) {
    provider.npm = *configured.npm;
    provider.protocol = protocol_of_npm(provider.npm);
  }
  for (const auto& [name, value] : configured.headers) provider.headers.insert_or_assign(name, value);
  for (const auto& [id, model] : configured.models) {
    const auto [place, fresh] = provider.models.emplace(id, bare_model(provider.id, id));
    apply(place->second, model);
  }
  std::erase_if(provider.models, [&](const auto& entry) {
    if (configured.whitelist && std::ranges::find(*configured.whitelist, entry.first) == configured.whitelist->end()) {
      return true;
    }
    return std::ranges::find(configured.blacklist, entry.first) != configured.blacklist.end();
  });
  // A provider of the user's own, of a known kind: the kind's address.
  if (provider.base_url.empty()) provider.base_url = base_url_of_npm(provider.npm);
  if (configured.options) provider.options = *configured.options;
}

// {"name": value} into the provider's options, where they do not say otherwise.
void default_option(ProviderInfo& provider, std::string_view name, const std::optional<std::string>& value) {
  if (!value || value->empty()) return;
  auto options = wire::parse(provider.options.text);
  wire::JsonObject object = options && options->is_object() ? options->get_object() : wire::JsonObject();
  if (!object.contains(name)) object[name] = *value;
  provider.options = wire::to_json_text(object);
}

bool has_option(const ProviderInfo& provider, std::string_view name) {
  const auto options = wire::parse(provider.options.text);
  return options && !wire::string_at(*options, name).empty();
}

// "https://host/${ACCOUNT}/v1"
std::string with_environment(std::string url, const config::Environment& environment) {
  for (auto at = url.find("${"); at != std::string::npos; at = url.find("${", at)) {
    const auto end = url.find('}', at);
    if (end == std::string::npos) break;
    const auto value = environment(url.substr(at + 2, end - at - 2)).value_or("");
    url.replace(at, end - at + 1, value);
    at += value.size();
  }
  return url;
}

// Amazon's and Microsoft's variables are more than a key.
void take_environment(ProviderInfo& provider, const config::Environment& environment, bool configured) {
  const auto key = [&](std::string_view name) {
    auto value = environment(name);
    if (!provider.api_key.empty() || !value || value->empty()) return;
    provider.api_key = *value;
    if (!configured) provider.source = "env";
  };
  if (provider.npm == "@ai-sdk/amazon-bedrock") {
    const bool signs = has_option(provider, "accessKeyId");
    if (!signs) key("AWS_BEARER_TOKEN_BEDROCK");
    default_option(provider, "region", environment("AWS_REGION"));
    default_option(provider, "region", environment("AWS_DEFAULT_REGION"));
    if (provider.api_key.empty() && !signs) {
      default_option(provider, "accessKeyId", environment("AWS_ACCESS_KEY_ID"));
      default_option(provider, "secretAccessKey", environment("AWS_SECRET_ACCESS_KEY"));
      default_option(provider, "sessionToken", environment("AWS_SESSION_TOKEN"));
    }
    return;
  }
  if (provider.npm == "@ai-sdk/azure") default_option(provider, "resourceName", environment("AZURE_RESOURCE_NAME"));
  for (const auto& name : provider.env) {
    // A name like AZURE_RESOURCE_NAME or …_ACCOUNT_ID holds no key.
    if (!name.ends_with("_NAME") && !name.ends_with("_ID") && !name.ends_with("_REGION")) key(name);
  }
}

void add_variants(ProviderInfo& provider, const config::ProviderConfig* configured) {
  for (auto& [id, model] : provider.models) {
    if (model.variants.empty()) model.variants = variants_of(provider, model);
    const auto own = configured ? configured->models.find(id) : std::map<std::string, config::ModelConfig>::const_iterator();
    if (!configured || own == configured->models.end()) continue;
    for (const auto& [name, options] : own->second.variants) {
      const auto parsed = wire::parse(options.text);
      if (parsed && flag_at(*parsed, "disabled")) {
        model.variants.erase(name);
      } else {
        model.variants.insert_or_assign(name, options);
      }
    }
  }
}

bool enabled(const config::Config& config, const std::string& id) {
  if (std::ranges::find(config.disabled_providers, id) != config.disabled_providers.end()) return false;
  return !config.enabled_providers ||
         std::ranges::find(*config.enabled_providers, id) != config.enabled_providers->end();
}

// The provider, if it can be used.
std::optional<ProviderInfo> connect(const std::string& id, const config::ProviderConfig* configured,
                                    const config::Environment& environment, const Known& known) {
  const auto* of_list = listed(known.providers, id);
  ProviderInfo provider =
      of_list ? *of_list
              : ProviderInfo{
                    .id = id, .name = id, .protocol = std::string(kOpenAiChat), .npm = "@ai-sdk/openai-compatible"};
  if (configured) {
    apply(provider, *configured);
    provider.source = "config";
  }
  if (const auto stored = known.credentials.find(id); stored != known.credentials.end() && provider.api_key.empty()) {
    provider.api_key = config::key_of(stored->second, known.now);
    if (!configured && !provider.api_key.empty()) provider.source = "api";
  }
  take_environment(provider, environment, configured != nullptr);
  provider.base_url = with_environment(std::move(provider.base_url), environment);
  const bool addressed = configured && configured->base_url;
  if (provider.api_key.empty() && !addressed && !has_option(provider, "secretAccessKey")) return std::nullopt;
  add_variants(provider, configured);
  return provider;
}

}  // namespace

Result<std::vector<ProviderInfo>> parse_catalogue(std::string_view text) {
  TRY(const auto json, wire::parse(text));
  if (!json.is_object()) return fail(ErrorCode::invalid, "the list of models is not an object of providers");
  std::vector<ProviderInfo> providers;
  std::size_t models = 0;
  for (const auto& member : json.get_object()) {
    if (providers.size() >= kProvidersMax || !member.value().is_object()) continue;
    auto provider = provider_of(std::string(member.key()), member.value(), models);
    if (!provider.models.empty()) providers.push_back(std::move(provider));
  }
  if (providers.empty()) return fail(ErrorCode::invalid, "the list of models names no model that can be used");
  return providers;
}

const std::vector<ProviderInfo>& builtin_catalogue() {
  static const std::vector<ProviderInfo> all = [] {
    auto parsed = parse_catalogue(kCatalogueJson);
    ASSERT(parsed.has_value(), "catalogue.json is part of the program and must be right");
    return *std::move(parsed);
  }();
  return all;
}

std::vector<ProviderInfo> refreshed(std::vector<ProviderInfo> newer) {
  std::vector<ProviderInfo> out;
  for (const auto& provider : builtin_catalogue()) {
    const auto found = std::ranges::find(newer, provider.id, &ProviderInfo::id);
    if (found == newer.end()) {
      out.push_back(provider);
    } else {
      out.push_back(std::move(*found));
      newer.erase(found);
    }
  }
  out.insert(out.end(), std::make_move_iterator(newer.begin()), std::make_move_iterator(newer.end()));
  return out;
}

std::vector<ProviderInfo> connected_providers(const config::Config& config, const config::Environment& environment,
                                              std::vector<ProviderInfo> extra, const Known& known_of) {
  std::vector<ProviderInfo> providers;
  const auto known = [&](const std::string& id) { return std::ranges::find(providers, id, &ProviderInfo::id); };
  const auto add = [&](std::optional<ProviderInfo> provider) {
    if (provider && known(provider->id) == providers.end()) providers.push_back(*std::move(provider));
  };
  for (const auto& [id, configured] : config.providers) {
    if (enabled(config, id)) add(connect(id, &configured, environment, known_of));
  }
  for (const auto& each : known_of.providers) {
    if (enabled(config, each.id) && !config.providers.contains(each.id)) {
      add(connect(each.id, nullptr, environment, known_of));
    }
  }
  for (auto& provider : extra) {
    if (enabled(config, provider.id)) add(std::move(provider));
  }
  const auto name_model = [&](const std::optional<ModelRef>& model) {
    if (!model) return;
    if (const auto provider = known(model->provider_id); provider != providers.end()) {
      provider->models.emplace(model->model_id, bare_model(model->provider_id, model->model_id));
    }
  };
  name_model(config.model);
  name_model(config.small_model);
  for (const auto& [name, agent] : config.agents) name_model(agent.model);
  return providers;
}

std::string default_model_of(const ProviderInfo& provider) {
  if (provider.models.contains(provider.default_model)) return provider.default_model;
  return newest(provider);
}

std::optional<ModelRef> choose_default_model(const config::Config& config, const std::vector<ProviderInfo>& providers) {
  if (config.model) return config.model;
  for (const auto& provider : providers) {
    if (auto model = default_model_of(provider); !model.empty()) return ModelRef{provider.id, std::move(model), {}};
  }
  return std::nullopt;
}

std::optional<ModelRef> choose_small_model(const config::Config& config, const std::vector<ProviderInfo>& providers,
                                           const std::optional<ModelRef>& default_model) {
  if (config.small_model) return config.small_model;
  if (!default_model) return std::nullopt;
  const auto provider = std::ranges::find(providers, default_model->provider_id, &ProviderInfo::id);
  if (provider != providers.end() && provider->models.contains(provider->small_model)) {
    return ModelRef{provider->id, provider->small_model, {}};
  }
  return default_model;
}

}  // namespace quarterdeck::llm
