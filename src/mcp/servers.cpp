#include "mcp/servers.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "mcp/client/connection.hpp"
#include "mcp/client/http_transport.hpp"
#include "mcp/client/oauth.hpp"
#include "mcp/client/remote_tool.hpp"
#include "mcp/client/stdio_transport.hpp"
#include "wire/json.hpp"

namespace quarterdeck::mcp {
namespace {

constexpr std::int64_t kTimeoutMs = 30'000;
constexpr std::int64_t kRestartMinMs = 1'000;
constexpr std::int64_t kRestartMaxMs = 60'000;
constexpr std::int64_t kStableMs = 60'000;
constexpr int kRestartsMax = 6;

using State = ServerStatus::State;

// One server and the task that keeps it.
struct Server {
  std::string name;
  config::McpServer config;
  ServerStatus status;
  std::shared_ptr<Connection> connection;  // while connected
  std::unique_ptr<OAuth> oauth;            // of a remote server, unless switched off
  std::vector<std::shared_ptr<tools::Tool>> tools;
  std::vector<RemoteResource> resources;
  std::vector<RemotePrompt> prompts;
  std::stop_source stop;
  // What happened since the keeper looked last.
  bool lists_changed = false;
  bool closed = false;
  std::optional<OneShot<Unit>::Setter> wake;

  std::int64_t timeout_ms() const { return config.timeout_ms.value_or(kTimeoutMs); }
  void notice() {
    if (const auto waiting = std::exchange(wake, std::nullopt)) (*waiting)(Unit{});
  }
};

class LiveServers final : public Servers {
 public:
  LiveServers(const Hub::Options& options, std::filesystem::path directory,
              std::map<std::string, config::McpServer> configured, std::function<void(std::string)> changed)
      : options_(options), directory_(std::move(directory)), changed_(std::move(changed)), tasks_(options.loop) {
    for (auto& [name, server] : configured) put(name, std::move(server));
  }

  std::map<std::string, ServerStatus> status() const override {
    std::map<std::string, ServerStatus> all;
    for (const auto& [name, server] : servers_) all.emplace(name, server->status);
    return all;
  }

  Task<void> settled(std::stop_token stop) override {
    while (!stop.stop_requested() &&
           std::ranges::any_of(servers_, [](const auto& s) { return s.second->status.state == State::connecting; })) {
      OneShot<Unit> changed(options_.loop);
      waiting_.push_back(changed.setter());
      const std::stop_callback on_stop(stop, [setter = changed.setter()] { setter(Unit{}); });
      co_await changed;
    }
  }

  std::vector<std::shared_ptr<tools::Tool>> tools() const override {
    std::vector<std::shared_ptr<tools::Tool>> all;
    for (const auto& [name, server] : servers_) {
      for (const auto& tool : server->tools) {
        const bool double_name = std::ranges::any_of(all, [&](const auto& t) { return t->name() == tool->name(); });
        if (!double_name) all.push_back(tool);
      }
    }
    return all;
  }

  std::vector<Resource> resources() const override {
    std::vector<Resource> all;
    for (const auto& [name, server] : servers_) {
      for (const RemoteResource& r : server->resources)
        all.push_back({name, r.name, r.uri, r.description, r.mime_type});
    }
    return all;
  }

  std::vector<Prompt> prompts() const override {
    std::vector<Prompt> all;
    for (const auto& [name, server] : servers_) {
      for (const RemotePrompt& p : server->prompts) all.push_back({name, p.name, p.description, p.arguments});
    }
    return all;
  }

  Task<Result<std::vector<ResourceContent>>> read(std::string name, std::string uri) override {
    CO_TRY(const auto server, find(name));
    CO_TRY(const auto connection, connected(*server));
    const domain::JsonText params = wire::to_json_text(wire::JsonObject{{"uri", uri}});
    auto answer = co_await connection->call("resources/read", params, server->timeout_ms(), {});
    if (!answer) co_return std::unexpected(std::move(answer).error());
    const auto json = wire::parse(answer->text);
    std::vector<ResourceContent> contents;
    const wire::JsonArray* list = json ? wire::array_at(*json, "contents") : nullptr;
    if (!list) co_return fail(ErrorCode::invalid, "the MCP server's answer to resources/read has no list \"contents\"");
    for (const wire::Json& entry : *list) {
      ResourceContent content{.text = wire::string_at(entry, "text")};
      const std::string mime = wire::string_at(entry, "mimeType");
      if (!mime.empty()) content.mime_type = mime;
      if (wire::value_at(entry, "blob")) {
        auto bytes = base64_decode(wire::string_at(entry, "blob"));
        if (!bytes) co_return fail(ErrorCode::invalid, "the MCP server's resource is not base64");
        content.bytes = std::move(*bytes);
      }
      contents.push_back(std::move(content));
    }
    co_return contents;
  }

  Task<Result<std::string>> prompt(std::string name, std::string prompt,
                                   std::map<std::string, std::string> arguments) override {
    CO_TRY(const auto server, find(name));
    CO_TRY(const auto connection, connected(*server));
    wire::JsonObject given;
    for (const auto& [key, value] : arguments) given[key] = value;
    const domain::JsonText params =
        wire::to_json_text(wire::JsonObject{{"name", prompt}, {"arguments", std::move(given)}});
    auto answer = co_await connection->call("prompts/get", params, server->timeout_ms(), {});
    if (!answer) co_return std::unexpected(std::move(answer).error());
    const auto json = wire::parse(answer->text);
    const wire::JsonArray* messages = json ? wire::array_at(*json, "messages") : nullptr;
    if (!messages) co_return fail(ErrorCode::invalid, "the MCP server's answer to prompts/get has no \"messages\"");
    std::string text;
    for (const wire::Json& message : *messages) {
      const wire::Json* content = wire::value_at(message, "content");
      if (!content || wire::string_at(*content, "type") != "text") continue;
      if (!text.empty()) text += "\n";
      text += wire::string_at(*content, "text");
    }
    co_return wire::valid_utf8(text);
  }

  bool changed_by_hand() const override { return changed_by_hand_; }

  void add(const std::string& name, config::McpServer config) override {
    changed_by_hand_ = true;
    put(name, std::move(config));
  }

  void put(const std::string& name, config::McpServer config) {
    if (const auto found = servers_.find(name); found != servers_.end()) end(*found->second);
    const auto server = std::make_shared<Server>();
    server->name = name;
    server->config = std::move(config);
    servers_[name] = server;
    if (!server->config.enabled) {
      server->status = {State::disabled, {}};
      return;
    }
    tasks_.spawn(keep(server));
  }

  Task<Result<void>> connect(std::string name) override {
    CO_TRY(const auto server, find(name));
    if (server->status.state != State::connected) {
      config::McpServer config = server->config;
      config.enabled = true;
      add(name, std::move(config));  // what it knows of a sign-in is in the file
    }
    co_await settled({});
    co_return Result<void>();
  }

  Task<Result<void>> disconnect(std::string name) override {
    CO_TRY(const auto server, find(name));
    changed_by_hand_ = true;
    end(*server);
    set(*server, {State::disabled, {}});
    co_return Result<void>();
  }

  Task<Result<SignIn>> start_sign_in(std::string name) override {
    CO_TRY(const auto server, find(name));
    CO_TRY(OAuth * oauth, oauth_of(*server));
    changed_by_hand_ = true;
    CO_TRY(auto started, co_await oauth->start(options_.redirect_uri ? options_.redirect_uri() : ""));
    co_return SignIn{std::move(started.authorization_url), std::move(started.state)};
  }

  Task<Result<void>> finish_sign_in(std::string name, std::string code) override {
    CO_TRY(const auto server, find(name));
    CO_TRY(OAuth * oauth, oauth_of(*server));
    CO_TRY_VOID(co_await oauth->finish(std::move(code)));
    co_return co_await connect(std::move(name));
  }

  Result<void> forget_sign_in(std::string name) override {
    TRY(const auto server, find(name));
    TRY(OAuth * oauth, oauth_of(*server));
    oauth->forget();
    return {};
  }

  std::string awaiting(std::string_view state) const override {
    for (const auto& [name, server] : servers_) {
      if (!state.empty() && server->oauth && server->oauth->state() == state) return name;
    }
    return "";
  }

  Task<void> close() {
    for (const auto& [name, server] : servers_) end(*server);
    co_await tasks_.join();
  }

 private:
  Result<std::shared_ptr<Server>> find(const std::string& name) const {
    const auto found = servers_.find(name);
    if (found == servers_.end()) return fail(ErrorCode::not_found, "MCP server not found: {}", name);
    return found->second;
  }
  static Result<std::shared_ptr<Connection>> connected(const Server& server) {
    if (server.connection) return server.connection;
    const std::string& why = server.status.error;
    return fail(ErrorCode::unavailable, "the MCP server {} is not connected{}{}", server.name, why.empty() ? "" : ": ",
                why);
  }

  Result<OAuth*> oauth_of(Server& server) const {
    if (server.config.url.empty() || !server.config.oauth.enabled) {
      return fail(ErrorCode::invalid, "MCP server {} does not support OAuth", server.name);
    }
    if (!server.oauth) {
      server.oauth = make_oauth({.loop = options_.loop,
                                 .http = options_.http,
                                 .server = server.name,
                                 .url = server.config.url,
                                 .config = server.config.oauth,
                                 .file = options_.places.data / "mcp-auth.json"});
    }
    return server.oauth.get();
  }

  void set(Server& server, ServerStatus status) {
    server.status = std::move(status);
    if (server.status.state == State::connecting) return;
    for (const auto& waiting : std::exchange(waiting_, {})) waiting(Unit{});
  }

  // Its keeper closes the connection.
  static void end(Server& server) {
    server.stop.request_stop();
    server.notice();
  }

  Task<void> keep(std::shared_ptr<Server> server) {
    const std::stop_token stop = server->stop.get_token();
    std::int64_t wait_ms = kRestartMinMs;
    for (int restarts = 0; !stop.stop_requested(); ++restarts) {
      set(*server, {State::connecting, {}});
      const std::int64_t began_ms = system_clock().now_ms();
      auto failed = co_await serve(server);
      if (stop.stop_requested()) break;
      if (system_clock().now_ms() - began_ms > kStableMs) {
        restarts = 0;
        wait_ms = kRestartMinMs;
      }
      log::warn("MCP server {}: {}", server->name, failed.message);
      const State state = failed.code != ErrorCode::denied                       ? State::failed
                          : server->oauth && server->oauth->needs_registration() ? State::needs_client_registration
                                                                                 : State::needs_auth;
      set(*server, {state, failed.message});
      // What cannot get better by waiting: a sign-in, a program that is not there, a revision that we do not speak.
      if (failed.code != ErrorCode::unavailable || restarts >= kRestartsMax) co_return;
      co_await sleep_ms(options_.loop, wait_ms, stop);
      wait_ms = std::min(wait_ms * 2, kRestartMaxMs);
    }
    if (server->status.state == State::connecting) set(*server, {State::disabled, {}});
  }

  // One life of the server, from its start to its end. Returns why it ended.
  Task<Error> serve(std::shared_ptr<Server> server) {
    server->closed = false;
    Error why{ErrorCode::unavailable, "the MCP server has gone", {}};
    const auto changed = [weak = std::weak_ptr(server)] {
      if (const auto alive = weak.lock()) {
        alive->lists_changed = true;
        alive->notice();
      }
    };
    ConnectionEvents events{.tools_changed = changed, .resources_changed = changed, .prompts_changed = changed};
    events.closed = [weak = std::weak_ptr(server), &why](Error error) {
      if (const auto alive = weak.lock()) {
        why = std::move(error);
        alive->closed = true;
        alive->notice();
      }
    };
    const auto connection =
        std::make_shared<Connection>(options_.loop, transport(*server), directory_.string(), std::move(events));
    const std::stop_token stop = server->stop.get_token();
    auto opened = co_await connection->open(server->timeout_ms(), stop);
    if (opened) opened = co_await load(server, *connection);
    if (opened) {
      server->connection = connection;
      set(*server, {State::connected, {}});
      if (changed_) changed_(server->name);
      while (!server->closed && !stop.stop_requested()) {
        if (std::exchange(server->lists_changed, false)) {
          const auto loaded = co_await load(server, *connection);
          if (!loaded) log::warn("MCP server {}: {}", server->name, loaded.error().message);
          if (changed_) changed_(server->name);
          continue;
        }
        OneShot<Unit> happened(options_.loop);
        server->wake = happened.setter();
        co_await happened;
      }
    } else if (!server->closed) {
      why = opened.error();
    }
    server->connection.reset();
    server->tools.clear();
    server->resources.clear();
    server->prompts.clear();
    co_await connection->close();
    co_return why;
  }

  Task<Result<void>> load(std::shared_ptr<Server> kept, Connection& connection) {
    Server& server = *kept;
    const std::stop_token stop = server.stop.get_token();
    CO_TRY(auto tools, co_await connection.tools(server.timeout_ms(), stop));
    CO_TRY(server.resources, co_await connection.resources(server.timeout_ms(), stop));
    CO_TRY(server.prompts, co_await connection.prompts(server.timeout_ms(), stop));
    server.tools.clear();
    const auto find_connection = [weak = std::weak_ptr(kept)]() -> Result<std::shared_ptr<Connection>> {
      if (const auto alive = weak.lock()) return connected(*alive);
      return fail(ErrorCode::unavailable, "the MCP server was removed");
    };
    for (RemoteTool& tool : tools) {
      server.tools.push_back(make_remote_tool(server.name, std::move(tool), server.timeout_ms(), find_connection));
    }
    co_return Result<void>();
  }

  std::unique_ptr<Transport> transport(Server& server) {
    const config::McpServer& config = server.config;
    if (!config.url.empty()) {
      const auto oauth = oauth_of(server);
      return make_http_transport(
          options_.loop, options_.http,
          {.url = config.url, .headers = config.headers, .authorization = oauth ? *oauth : nullptr});
    }
    auto environment = process::tool_environment();
    for (const auto& [name, value] : config.environment) environment[name] = value;
    return make_stdio_transport(options_.loop, options_.processes,
                                {.command = config.command,
                                 .directory = config.cwd ? directory_ / *config.cwd : directory_,
                                 .environment = std::move(environment),
                                 .owner = fmt::format("mcp {} {}", directory_.string(), server.name)});
  }

  Hub::Options options_;
  std::filesystem::path directory_;
  std::function<void(std::string)> changed_;
  bool changed_by_hand_ = false;
  std::map<std::string, std::shared_ptr<Server>> servers_;
  std::vector<OneShot<Unit>::Setter> waiting_;
  TaskGroup tasks_;
};

class LiveHub final : public Hub {
 public:
  explicit LiveHub(Options options) : options_(std::move(options)), closing_(options_.loop) {}

  std::shared_ptr<Servers> open(std::filesystem::path directory, std::map<std::string, config::McpServer> configured,
                                std::function<void(std::string)> changed) override {
    std::erase_if(open_, [](const auto& weak) { return weak.expired(); });
    const auto servers =
        std::make_shared<LiveServers>(options_, std::move(directory), std::move(configured), std::move(changed));
    open_.push_back(servers);
    // The last one to let go begins the end; the hub holds the servers until it is reached.
    return {servers.get(), [this, servers](Servers*) mutable { end(std::move(servers)); }};
  }

  Task<void> close() override {
    for (const auto& weak : std::exchange(open_, {})) {
      if (auto servers = weak.lock()) co_await servers->close();
    }
    co_await closing_.join();
  }

 private:
  void end(std::shared_ptr<LiveServers> servers) { closing_.spawn(close_one(std::move(servers))); }
  static Task<void> close_one(std::shared_ptr<LiveServers> servers) { co_await servers->close(); }

  Options options_;
  std::vector<std::weak_ptr<LiveServers>> open_;
  TaskGroup closing_;
};

}  // namespace

std::unique_ptr<Hub> make_hub(Hub::Options options) { return std::make_unique<LiveHub>(std::move(options)); }

}  // namespace quarterdeck::mcp
