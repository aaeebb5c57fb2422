#include "config/origins.hpp"

#include "wire/json.hpp"

namespace quarterdeck::config {
namespace {

constexpr std::size_t kOriginsMax = 100;

bool is_origin(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const std::string_view host = text.substr(scheme + 3);
  return !host.empty() && host.find_first_of("/?#*@ ") == std::string_view::npos;
}

}  // namespace

Result<std::vector<std::string>> user_origins(const Places& places, const Environment& environment) {
  // In our own folder there is no project.
  const Config config = load(places, places.config, places.config, environment);
  TRY(const wire::Json merged, wire::parse(config.public_text));
  const auto* server = wire::object_at(merged, "server");
  const wire::Json* list = server ? server->if_contains("cors") : nullptr;
  if (!list) return std::vector<std::string>{};
  if (!list->is_array() || list->get_array().size() > kOriginsMax) {
    return fail(ErrorCode::invalid, "Expected array of at most {} origins\n  at [\"server\"][\"cors\"]", kOriginsMax);
  }
  std::vector<std::string> origins;
  for (const wire::Json& entry : list->get_array()) {
    const std::string_view text = entry.is_string() ? std::string_view(entry.get_string()) : "";
    if (!is_origin(text)) {
      return fail(ErrorCode::invalid,
                  "Expected an origin like \"https://host:port\", got {}\n  at [\"server\"][\"cors\"][{}]",
                  wire::to_text(entry), origins.size());
    }
    origins.emplace_back(text);
  }
  return origins;
}

}  // namespace quarterdeck::config
