#include <unistd.h>

#include <cstdlib>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/table.hpp"
#include "app/cli/terminal.hpp"
#include "app/known_models.hpp"
#include "base/clock.hpp"
#include "llm/catalogue.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::int64_t kRefreshMsMax = 60'000;

std::string list_url() {
  for (const char* name : {"QUARTERDECK_MODELS_URL", "OPENCODE_MODELS_URL"}) {
    if (const char* url = std::getenv(name); url && *url) return std::string(url) + "/api.json";
  }
  return "https://models.dev/api.json";
}

// Written only when it can be read again, so that a bad day of the network takes nothing away.
Task<int> refresh(Connected with, Places places) {
  net::ClientRequest request{.url = list_url(), .total_timeout_ms = kRefreshMsMax};
  const std::string url = request.url;
  const auto answer = co_await net::fetch_all(with.http, std::move(request), kModelListBytesMax);
  if (!answer || answer->status != 200) {
    complain(fmt::format("cannot read {}: {}", url,
                         answer ? fmt::format("HTTP {}", answer->status) : answer.error().message));
    co_return kExitFailed;
  }
  const auto parsed = llm::parse_catalogue(answer->body);
  if (!parsed) {
    complain(fmt::format("{}: {}; the list is left as it was", url, parsed.error().message));
    co_return kExitFailed;
  }
  std::error_code ignored;
  if (std::filesystem::create_directories(places.data, ignored)) {
    std::filesystem::permissions(places.data, std::filesystem::perms::owner_all, ignored);
  }
  const auto written = write_file_atomically(model_list_file(places), answer->body, 0600);
  if (!written) {
    complain(written.error().message);
    co_return kExitFailed;
  }
  std::size_t models = 0;
  for (const auto& provider : *parsed) models += provider.models.size();
  write_all(STDERR_FILENO, fmt::format("{} models of {} providers from {}\n", models, parsed->size(), url));
  // A server that runs reads the list again; whether there is one does not matter.
  Client::Call call{.method = "POST", .path = "/instance/dispose"};
  [[maybe_unused]] const auto told = co_await with.client.call(std::move(call));
  co_return kExitOk;
}

std::string dollars(double price) { return price > 0 ? fmt::format("{:g}", price) : "-"; }

int list(const ModelsOptions& options, const Places& places) {
  const auto known = read_known(places);
  const auto config = config::load(places, options.target.directory, options.target.directory);
  for (const auto& error : config.errors) complain(error.message);
  const llm::Known all{known->catalogue, known->credentials, system_clock().now_ms()};
  auto providers = llm::connected_providers(config, config::process_environment(), {}, all);
  if (options.all) {
    for (const auto& provider : known->catalogue) {
      if (std::ranges::find(providers, provider.id, &domain::ProviderInfo::id) == providers.end()) {
        providers.push_back(provider);
      }
    }
  }
  wire::JsonArray rows;
  Table table({"MODEL", "CONTEXT", "OUTPUT", "$/M IN", "$/M OUT", "VARIANTS"});
  for (const auto& provider : providers) {
    if (!options.provider.empty() && provider.id != options.provider) continue;
    for (const auto& [id, model] : provider.models) {
      std::string variants;
      wire::JsonArray names;
      for (const auto& [name, ignored] : model.variants) {
        variants += (variants.empty() ? "" : " ") + name;
        names.emplace_back(name);
      }
      const auto name = provider.id + "/" + id;
      rows.push_back(wire::JsonObject{{"model", name},
                                      {"name", model.name},
                                      {"context", model.context_tokens},
                                      {"output", model.output_tokens},
                                      {"input_price", model.prices.input},
                                      {"output_price", model.prices.output},
                                      {"variants", names}});
      table.add({{harmless(name)},
                 {std::to_string(model.context_tokens)},
                 {std::to_string(model.output_tokens)},
                 {dollars(model.prices.input)},
                 {dollars(model.prices.output)},
                 {harmless(variants)}});
    }
  }
  if (options.format == Format::json) {
    return write_all(STDOUT_FILENO, wire::to_text(rows) + "\n") ? kExitOk : kExitFailed;
  }
  if (rows.empty()) {
    complain("no models: no provider has a key (quarterdeck auth login PROVIDER), or none has that name");
    return kExitFailed;
  }
  return write_all(STDOUT_FILENO, table.text(style_of(STDOUT_FILENO))) ? kExitOk : kExitFailed;
}

}  // namespace

int models(const ModelsOptions& options) {
  const Places places = Places::from_environment();
  if (options.refresh) {
    const int code = on_loop(options.target, [&](Connected with) { return refresh(with, places); });
    if (code != kExitOk) return code;
  }
  return list(options, places);
}

}  // namespace quarterdeck::app
