#include "api/fleet/routes.hpp"
#include "config/trust.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

struct TrustRoutes {
  Services& services;

  template <class Work>
  auto on_pool(Work work) const {
    return blocking(services.engine.loop, services.engine.pool, std::move(work));
  }

  Task<net::Response> list(Call) const {
    const Places places = services.engine.places;
    auto read = [places] { return config::trusted_directories(places); };
    const auto directories = co_await on_pool(read);
    if (!directories) co_return error_response(directories.error());
    std::string out = "[";
    for (const auto& entry : *directories) {
      if (out.size() > 1) out += ',';
      out += fmt::format(R"({{"directory":{},"since":{}}})", wire::quoted(entry.directory.string()), entry.since);
    }
    co_return json(out + ']');
  }

  // Instances whose configuration was read under another answer are forgotten: the next request reads it again.
  Task<void> reload() const {
    const Places places = services.engine.places;
    for (const auto& instance : services.engine.instances.loaded()) {
      const std::filesystem::path directory = instance->location.directory;
      auto read = [places, directory] { return config::is_trusted(places, directory); };
      const bool trusted = co_await on_pool(read);
      if (trusted == instance->config.trusted || !services.engine.instances.dispose(directory)) continue;
      services.engine.feed.publish(
          feed::Notice{.directory = directory.string(),
                       .project_id = instance->location.project.id,
                       .type = "server.instance.disposed",
                       .properties = fmt::format("{{\"directory\":{}}}", wire::quoted(directory.string()))});
    }
  }

  Task<net::Response> add(Call call) const {
    const auto body = wire::parse(call.request.body);
    if (!body) co_return error_response(body.error());
    const std::filesystem::path directory(wire::string_at(*body, "directory"));
    if (!directory.is_absolute()) {
      co_return bad_request("Expected an absolute path\n  at [\"directory\"]", Where::payload);
    }
    const Places places = services.engine.places;
    const TimeMs now = services.engine.clock.now_ms();
    auto write = [places, directory, now] { return config::trust(places, directory, now); };
    const auto trusted = co_await on_pool(write);
    if (!trusted) co_return error_response(trusted.error());
    co_await reload();
    co_return json(fmt::format(R"({{"directory":{}}})", wire::quoted(trusted->string())));
  }

  Task<net::Response> remove(Call call) const {
    const auto named = call.request.query_value("directory");
    if (!named || named->empty()) co_return bad_request("Missing key\n  at [\"directory\"]", Where::query);
    const std::filesystem::path directory = requested_directory(call.request, services.directory);
    const Places places = services.engine.places;
    auto write = [places, directory] { return config::distrust(places, directory); };
    const auto removed = co_await on_pool(write);
    if (!removed) co_return error_response(removed.error());
    // Also when it was not on the list any more: the command line takes it off the file itself.
    co_await reload();
    if (!*removed) co_return not_found(fmt::format("Not trusted: {}", directory.string()));
    co_return json("true");
  }
};

}  // namespace

std::vector<Route> trust_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (TrustRoutes::*handler)(Call) const) {
    return [routes = TrustRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = TrustRoutes;
  return {
      {"GET", "/fleet/trust", "fleet.trust.list", "Directories whose own files may run programs", bind(&R::list),
       "ObjectList"},
      {"POST", "/fleet/trust", "fleet.trust.add", "Trust a directory: the checkout that holds it", bind(&R::add),
       "Object", "Object"},
      {"DELETE",
       "/fleet/trust",
       "fleet.trust.remove",
       "Trust it no longer",
       bind(&R::remove),
       "Boolean",
       "",
       {{"directory", "The directory", true}}},
  };
}

}  // namespace quarterdeck::api::fleet
