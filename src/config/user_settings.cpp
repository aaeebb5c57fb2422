#include "config/user_settings.hpp"

#include "base/log.hpp"
#include "wire/json.hpp"

namespace quarterdeck::config {

std::string user_settings(const Places& places, const Environment& environment) {
  // In our own folder there is no project.
  const Config config = load(places, places.config, places.config, environment);
  return config.ours.text.empty() ? "{}" : config.ours.text;
}

bool searching(const Places& places, const Environment& environment) {
  if (environment("QUARTERDECK_SEARCH") == "off") return false;
  const auto settings = wire::parse(user_settings(places, environment));
  const wire::Json* search = settings ? wire::value_at(*settings, "search") : nullptr;
  const wire::Json* enabled = search ? wire::value_at(*search, "enabled") : nullptr;
  if (!enabled) return true;
  if (enabled->is_bool()) return enabled->get_bool();
  log::warn("configuration: quarterdeck.search.enabled: expected true or false");
  return true;
}

}  // namespace quarterdeck::config
