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

bool is_host(std::string_view text) { return !text.empty() && text.find_first_of(":/?#*@ ") == std::string_view::npos; }

// "server": {`name`: […]} of the user's configuration; `wanted` says what each entry should look like.
Result<std::vector<std::string>> server_list(const Places& places, const Environment& environment,
                                             std::string_view name, bool (*good)(std::string_view),
                                             std::string_view wanted) {
  // In our own folder there is no project.
  const Config config = load(places, places.config, places.config, environment);
  TRY(const wire::Json merged, wire::parse(config.public_text));
  const auto* server = wire::object_at(merged, "server");
  const wire::Json* list = server ? server->if_contains(name) : nullptr;
  if (!list) return std::vector<std::string>{};
  if (!list->is_array() || list->get_array().size() > kOriginsMax) {
    return fail(ErrorCode::invalid, "Expected array of at most {} entries\n  at [\"server\"][\"{}\"]", kOriginsMax,
                name);
  }
  std::vector<std::string> entries;
  for (const wire::Json& entry : list->get_array()) {
    const std::string_view text = entry.is_string() ? std::string_view(entry.get_string()) : "";
    if (!good(text)) {
      return fail(ErrorCode::invalid, "Expected {}, got {}\n  at [\"server\"][\"{}\"][{}]", wanted,
                  wire::to_text(entry), name, entries.size());
    }
    entries.emplace_back(text);
  }
  return entries;
}

}  // namespace

Result<std::vector<std::string>> user_origins(const Places& places, const Environment& environment) {
  return server_list(places, environment, "cors", is_origin, "an origin like \"https://host:port\"");
}

Result<std::vector<std::string>> user_hosts(const Places& places, const Environment& environment) {
  return server_list(places, environment, "hosts", is_host, "a host name like \"box.example.com\"");
}

}  // namespace quarterdeck::config
