#include "api/opencode/routes.hpp"
#include "llm/catalogue.hpp"
#include "session/instance.hpp"
#include "wire/agent.hpp"
#include "wire/json.hpp"
#include "wire/model.hpp"

namespace quarterdeck::api::opencode {
namespace {

struct InstanceRoutes {
  Services& services;

  Task<std::shared_ptr<session::Instance>> instance(Call call) const {
    co_return co_await services.engine.instances.open(requested_directory(call.request, services.directory));
  }

  Task<net::Response> config(Call call) const {
    const auto found = co_await instance(std::move(call));
    co_return json(found->config.public_json());
  }

  Task<net::Response> config_providers(Call call) const {
    const auto found = co_await instance(std::move(call));
    co_return json(
        fmt::format(R"({{"providers":{},"default":{}}})", wire::encode_providers(found->providers), defaults(*found)));
  }

  Task<net::Response> providers(Call call) const {
    const auto found = co_await instance(std::move(call));
    std::string connected;
    for (const auto& provider : found->providers) {
      if (!connected.empty()) connected += ',';
      wire::append_quoted(connected, provider.id);
    }
    co_return json(fmt::format(R"({{"all":{},"default":{},"connected":[{}]}})",
                               wire::encode_providers(found->providers), defaults(*found), connected));
  }

  // {"provider": "its default model"}
  static std::string defaults(const session::Instance& instance) {
    std::string out = "{";
    for (const auto& provider : instance.providers) {
      const std::string model = llm::default_model_of(provider);
      if (model.empty()) continue;
      if (out.size() > 1) out += ',';
      out += wire::quoted(provider.id) + ':' + wire::quoted(model);
    }
    return out + '}';
  }

  Task<net::Response> agents(Call call) const {
    const auto found = co_await instance(std::move(call));
    co_return json(wire::encode_agents(found->agents));
  }

  Task<net::Response> language_servers(Call call) const {
    const auto found = co_await instance(std::move(call));
    wire::JsonArray list;
    if (found->language_servers) {
      for (const lsp::ServerStatus& each : found->language_servers->status()) {
        list.push_back(wire::JsonObject{{"id", each.id},
                                        {"name", each.id},
                                        {"root", each.root},
                                        {"status", each.connected ? "connected" : "error"}});
      }
    }
    co_return json(wire::to_text(list));
  }

  Task<net::Response> formatters(Call call) const {
    const auto found = co_await instance(std::move(call));
    wire::JsonArray list;
    if (found->formatters) {
      for (const format::FormatterStatus& each : co_await found->formatters->status()) {
        wire::JsonArray extensions;
        for (const auto& extension : each.extensions) extensions.emplace_back(extension);
        list.push_back(
            wire::JsonObject{{"name", each.name}, {"extensions", std::move(extensions)}, {"enabled", each.enabled}});
      }
    }
    co_return json(wire::to_text(list));
  }

  Task<net::Response> path(Call call) const {
    const auto found = co_await instance(std::move(call));
    const Places& places = services.engine.places;
    co_return json(fmt::format(R"({{"home":{},"state":{},"config":{},"worktree":{},"directory":{}}})",
                               wire::quoted(places.home.string()), wire::quoted(places.data.string()),
                               wire::quoted(places.config.string()), wire::quoted(found->location.worktree.string()),
                               wire::quoted(found->location.directory.string())));
  }

  Task<net::Response> dispose(Call call) const {
    const auto directory = requested_directory(call.request, services.directory);
    const auto instance = co_await services.engine.instances.open(directory);
    services.engine.instances.dispose(directory);
    services.engine.feed.publish(
        feed::Notice{.directory = directory.string(),
                     .project_id = instance->location.project.id,
                     .type = "server.instance.disposed",
                     .properties = fmt::format("{{\"directory\":{}}}", wire::quoted(directory.string()))});
    co_return json("true");
  }

  Task<net::Response> tool_ids(Call) const {
    std::string out = "[";
    for (const auto& tool : services.engine.tools.all()) {
      if (out.size() > 1) out += ',';
      wire::append_quoted(out, tool->name());
    }
    co_return json(out + ']');
  }

  Task<net::Response> tools(Call call) const {
    for (const std::string_view name : {"provider", "model"}) {
      if (!call.request.query_value(name)) {
        co_return bad_request(fmt::format("Missing key\n  at [{}]", wire::quoted(name)), Where::query);
      }
    }
    std::string out = "[";
    for (const auto& tool : services.engine.tools.all()) {
      if (out.size() > 1) out += ',';
      out += fmt::format(R"({{"id":{},"description":{},"parameters":{}}})", wire::quoted(tool->name()),
                         wire::quoted(tool->description()), tool->parameters());
    }
    co_return json(out + ']');
  }
};

// What this version has none of; clients ask for it at start-up and take the empty answer.
auto constant(std::string_view body) {
  return [body](Call) -> Task<net::Response> {
    return [](std::string_view text) -> Task<net::Response> { co_return json(std::string(text)); }(body);
  };
}

}  // namespace

std::vector<Route> instance_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (InstanceRoutes::*handler)(Call) const) {
    return [routes = InstanceRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = InstanceRoutes;
  const std::vector<Query> directory{{"directory", "Working directory; x-opencode-directory says the same"}};
  return {
      {"GET", "/config", "config.get", "The merged configuration, without secrets", bind(&R::config), "Config", "",
       directory},
      {"GET", "/global/config", "global.config.get", "The same for the server's own directory", bind(&R::config),
       "Config"},
      {"GET", "/config/providers", "config.providers", "Providers that can be used, with their models",
       bind(&R::config_providers), "ConfigProviders", "", directory},
      {"GET", "/provider", "provider.list", "Providers, defaults and which are connected", bind(&R::providers),
       "ProviderList", "", directory},
      {"GET", "/provider/auth", "provider.auth", "Ways to sign in", constant("{}"), "Object"},
      {"GET", "/agent", "app.agents", "Agents, the default one first", bind(&R::agents), "AgentList", "", directory},
      {"GET", "/path", "path.get", "Directories of the server and the project", bind(&R::path), "Path", "", directory},
      {"POST", "/instance/dispose", "instance.dispose", "Forget the directory's configuration; it is read again",
       bind(&R::dispose), "Boolean", "", directory},
      {"GET", "/experimental/tool/ids", "tool.ids", "Names of all tools", bind(&R::tool_ids), "StringList"},
      {"GET",
       "/experimental/tool",
       "tool.list",
       "Tools with their schemas",
       bind(&R::tools),
       "ToolList",
       "",
       {{"provider", "provider id", true}, {"model", "model id", true}}},
      {"GET", "/lsp", "lsp.status", "Language servers that run, or were given up", bind(&R::language_servers),
       "LSPStatusList", "", directory},
      {"GET", "/formatter", "formatter.status", "Formatters, and whether they would run", bind(&R::formatters),
       "FormatterStatusList", "", directory},
      {"GET", "/experimental/capabilities", "experimental.capabilities.get", "What this server can do beyond the rest",
       constant(R"({"backgroundSubagents":false})"), "Object"},
      {"GET", "/experimental/console", "experimental.console.get", "Managed providers",
       constant(R"({"consoleManagedProviders":[],"switchableOrgCount":0})"), "Object"},
      {"GET", "/experimental/workspace", "experimental.workspace.list", "Remote workspaces", constant("[]"),
       "ObjectList"},
      {"GET", "/experimental/workspace/status", "experimental.workspace.status", "Their state", constant("[]"),
       "ObjectList"},
  };
}

}  // namespace quarterdeck::api::opencode
