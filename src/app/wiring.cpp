#include "app/wiring.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "access/access.hpp"
#include "api/api.hpp"
#include "api/operations.hpp"
#include "app/known_models.hpp"
#include "app/numbers.hpp"
#include "base/log.hpp"
#include "base/redact.hpp"
#include "config/config.hpp"
#include "config/origins.hpp"
#include "config/roots.hpp"
#include "config/user_settings.hpp"
#include "feed/feed.hpp"
#include "fleet/fleet.hpp"
#include "fleet/limits.hpp"
#include "fleet/search.hpp"
#include "fleet/webhooks.hpp"
#include "llm/catalogue.hpp"
#include "llm/embedded/kDemoScenario.hpp"
#include "llm/local_endpoints.hpp"
#include "llm/measured.hpp"
#include "llm/protocols.hpp"
#include "llm/scripted_model.hpp"
#include "lsp/servers.hpp"
#include "mcp/servers.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "session/engine.hpp"
#include "session/host.hpp"
#include "session/instance.hpp"
#include "store/open.hpp"
#include "store/search.hpp"
#include "store/webhooks.hpp"
#include "terminal/terminals.hpp"
#include "tools/output_files.hpp"
#include "tools/tool.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {
namespace {

constexpr unsigned kPoolThreads = 4;
constexpr std::int64_t kShutdownGraceMs = 2'000;
constexpr std::int64_t kFirstCleaningMs = 60'000;
constexpr std::int64_t kCleaningMs = 3'600'000;
constexpr std::size_t kConnectionsMax = 16'000;
// Below this a server should get no new work.
constexpr std::uintmax_t kDiskBytesMin = 64'000'000;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string disk_problem(const std::filesystem::path& directory) {
  std::error_code error;
  const auto space = std::filesystem::space(directory, error);
  if (error) return fmt::format("{} cannot be reached: {}", directory.string(), error.message());
  if (space.available < kDiskBytesMin) {
    return fmt::format("{} MB are free in {}", space.available / 1'000'000, directory.string());
  }
  return {};
}

std::int64_t number_from(const char* name, std::int64_t otherwise) {
  const std::string text = environment(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0 ? number : otherwise;
}

// The user's, or what the environment says instead.
fleet::Limits fleet_limits(const Places& places) {
  fleet::Limits limits = fleet::limits_of(config::user_settings(places));
  for (const std::string& problem : limits.problems) log::warn("configuration: {}", problem);
  const auto all = number_from("QUARTERDECK_MODEL_SLOTS", 0);
  if (all > 0) limits.requests.all = static_cast<std::size_t>(all);
  const auto each = number_from("QUARTERDECK_MODEL_SLOTS_PER_PROVIDER", 0);
  if (each > 0) limits.requests.per_provider = static_cast<std::size_t>(each);
  return limits;
}

fleet::StallPolicy stall_policy() {
  fleet::StallPolicy policy;
  policy.model_silent_ms = number_from("QUARTERDECK_STALL_MODEL_MS", policy.model_silent_ms);
  policy.tool_hung_ms = number_from("QUARTERDECK_STALL_TOOL_MS", policy.tool_hung_ms);
  return policy;
}

// Where the service was given a control group of its own.
std::optional<fleet::CpuGroups> cpu_groups() {
  if (environment("QUARTERDECK_CPU_GROUPS") == "off") return std::nullopt;
  auto group = fleet::delegated_group();
  if (!group) return std::nullopt;  // `quarterdeck doctor` says why
  auto groups = fleet::CpuGroups::open(std::move(*group));
  if (!groups) {
    log::warn("commands get CPU by nice values: {}", groups.error().message);
    return std::nullopt;
  }
  log::info("commands get CPU by the weights of control groups below {}", groups->group().string());
  return std::move(*groups);
}

fleet::WebhookPolicy webhook_policy() {
  fleet::WebhookPolicy policy;
  policy.retry_ms = number_from("QUARTERDECK_WEBHOOK_RETRY_MS", policy.retry_ms);
  policy.disable_after_ms = number_from("QUARTERDECK_WEBHOOK_DISABLE_MS", policy.disable_after_ms);
  return policy;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

class WiredServer final : public Server {
 public:
  WiredServer(net::EventLoop& loop, const ServeOptions& options, const Places& places, process::Spawner spawner,
              Given given)
      : loop_(loop),
        options_(options),
        places_(places),
        given_(std::move(given)),
        pool_(make_blocking_pool(kPoolThreads)),
        ids_(system_clock(), system_random()),
        processes_(process::make_processes(loop, std::move(spawner), process::Spawner::start_again)) {}

  Result<void> start() {
    const std::string password = environment("OPENCODE_SERVER_PASSWORD");
    // Whoever opened the socket chose its address.
    if (given_.listener.valid()) options_.hostname = net::bound_address(given_.listener.get());
    const std::string named = environment("OPENCODE_SERVER_USERNAME");
    access_ = std::make_unique<access::Access>(
        places_, system_clock(), access::Password{.user = named.empty() ? "opencode" : named, .password = password});
    if (!is_loopback(options_.hostname) && !access_->closed()) {
      return fail(ErrorCode::invalid,
                  "refusing to listen on {} without a credential: whoever reaches the port owns every session. Set "
                  "OPENCODE_SERVER_PASSWORD, make a token (quarterdeck token create), or listen on 127.0.0.1",
                  options_.hostname);
    }

    store::SqliteOptions database{.directory = places_.data,
                                  .allow_network = environment("QUARTERDECK_ALLOW_NETWORK_FILESYSTEM") == "1"};
    TRY(store_, store::open_sqlite(loop_, system_clock(), system_random(), std::move(database)));
    TRY(const store::Seq last_seq, store_->query().last_seq());
    feed_ = std::make_unique<feed::Feed>(
        loop_, *pool_, system_clock(), system_random(),
        [this](store::Seq after, std::int64_t limit) { return store_->query().events_after(after, limit); }, last_seq);

    http_client_ = net::make_http_client(loop_);
    protocols_ = llm::make_protocols(loop_, *http_client_, system_clock(), system_random());
    TRY_VOID(start_scripted_model());
    mcp_ = mcp::make_hub(
        {.loop = loop_, .processes = *processes_, .http = *http_client_, .places = places_, .redirect_uri = [this] {
           return fmt::format("http://127.0.0.1:{}/mcp/oauth/callback", port());
         }});
    language_servers_ = lsp::make_hub({.loop = loop_,
                                       .pool = *pool_,
                                       .processes = *processes_,
                                       .experimental_ty = environment("OPENCODE_EXPERIMENTAL_LSP_TY") == "1"});
    // In our own folder there is no project.
    const config::Config user = config::load(places_, places_.config, places_.config);
    instances_ = std::make_unique<session::Instances>(
        loop_, *pool_, *processes_, places_, [this](config::Config config) { return providers(std::move(config)); },
        [this](const session::Instance& instance) { return mcp_servers(instance); },
        [this](const session::Instance& instance) { return language_servers(instance); },
        config::unload_after_ms(user));

    fleet::Limits limits = fleet_limits(places_);
    slots_.emplace(loop_, system_clock(), std::move(limits.requests));
    tools_.emplace(tools::builtin(*http_client_));
    // As much as tool outputs: 2 GB together.
    snapshots_.emplace(loop_, *pool_, *processes_, places_, workspace::SnapshotLimits{.quota_bytes = 1ull << 30});
    TRY(workspace::Roots allowed, roots(user));
    engine_.emplace(session::Engine{
        .loop = loop_,
        .pool = *pool_,
        .clock = system_clock(),
        .ids = ids_,
        .store = store_->events(),
        .query = store_->query(),
        .feed = *feed_,
        .protocols = measured(protocols()),
        .tools = *tools_,
        .processes = *processes_,
        .instances = *instances_,
        .places = places_,
        .options = {.version = QD_VERSION, .recovery = recovery(), .roots = std::move(allowed)},
        .snapshots = &*snapshots_,
        .shutdown = stopping_.get_token(),
    });
    host_ = std::make_unique<session::Host>(*engine_);
    fleet_ = std::make_unique<fleet::Fleet>(*engine_, *host_, &*slots_,
                                            fleet::FleetOptions{.stalls = stall_policy(),
                                                                .sessions = std::move(limits.sessions),
                                                                .budgets = budgets(),
                                                                .settings = config::user_settings(places_),
                                                                .cpu_groups = cpu_groups()});
    search_ = std::make_unique<fleet::Search>(*fleet_, search_index(last_seq));
    if (auto hooks = store::open_webhooks(places_.data)) {
      webhooks_ = std::make_unique<fleet::Webhooks>(*fleet_, *http_client_, std::move(*hooks), webhook_policy());
    } else {
      log::error("no webhook is told: {}", hooks.error().message);
    }
    terminals_ = std::make_unique<terminal::Terminals>(
        loop_, *processes_, system_clock(), ids_, system_random(),
        [this](const terminal::Place& place, std::string type, std::string properties) {
          feed_->publish(feed::Notice{.directory = place.directory.string(),
                                      .project_id = place.project_id,
                                      .type = std::move(type),
                                      .properties = std::move(properties)});
        });

    if (auto origins = config::user_origins(places_)) {
      options_.cors.insert(options_.cors.end(), origins->begin(), origins->end());
    } else {
      log::warn("no origin of the configuration is let in: {}", origins.error().message);
    }
    std::vector<std::string> hosts;
    if (auto answered = config::user_hosts(places_)) {
      hosts = std::move(*answered);
    } else {
      log::warn("no host name of the configuration is answered to: {}", answered.error().message);
    }
    api_ = std::make_unique<api::Api>(
        api::Services{.engine = *engine_,
                      .host = *host_,
                      .background = keeping_house_,
                      .directory = std::filesystem::current_path(),
                      .readiness = readiness(),
                      .terminals = terminals_.get(),
                      .fleet = fleet_.get(),
                      .search = search_.get(),
                      .webhooks = webhooks_.get(),
                      .access = access_.get()},
        api::GuardOptions{
            .loopback = is_loopback(options_.hostname), .origins = options_.cors, .hosts = std::move(hosts)});
    net::ServerOptions http{
        .host = options_.hostname, .port = options_.port, .inherited_socket = given_.listener.release()};
    // The rest is for the store, models, tools and files.
    http.limits.connections_max = std::min<std::size_t>(kConnectionsMax, given_.descriptors_max / 4 * 3);
    TRY(http_server_,
        net::listen(loop_, std::move(http), [this](net::Request request) { return answer(std::move(request)); }));
    listen_on_socket();
    numbers_ = numbers_of(
        {.http = *http_server_, .feed = *feed_, .host = *host_, .processes = *processes_, .instances = *instances_});
    return {};
  }

  // Where nobody names any, projects that were worked on before stay within reach. A mistake in the configuration must not
  // open more than was meant: the server does not start.
  Result<workspace::Roots> roots(const config::Config& user) const {
    const std::filesystem::path start = std::filesystem::current_path();
    std::vector<std::filesystem::path> folders;
    for (const std::string& each : options_.roots) folders.push_back(start / each);
    if (folders.empty()) {
      TRY(folders, config::user_roots(user, places_));
    }
    if (folders.empty()) {
      folders = config::usual_roots(places_, start);
      TRY(const auto projects, store_->query().projects());
      for (const domain::Project& each : projects) {
        if (each.worktree != "/") folders.emplace_back(each.worktree);
      }
    }
    folders.push_back(places_.data);  // the sessions' own worktrees
    return workspace::Roots(std::move(folders));
  }

  std::uint16_t port() const override { return http_server_->port(); }

  std::string model_line() const override { return model_line_; }

  Task<void> recover() override {
    const auto recovered = co_await host_->recover();
    if (!recovered) log::error("recovery: {}", recovered.error().message);
    if (const auto known = co_await fleet_->recover(); !known) log::error("the fleet: {}", known.error().message);
    search_->start();
    if (webhooks_) co_await webhooks_->start(config::user_settings(places_));
    recovered_ = true;
    keeping_house_.spawn(keep_house());
    for (const auto& go_on : std::exchange(early_requests_, {})) go_on(Unit{});
    const auto instance = co_await instances_->open(std::filesystem::current_path());
    if (instance->default_model) {
      const auto* provider = instance->find_provider(instance->default_model->provider_id);
      const auto* model = instance->find_model(*instance->default_model);
      if (provider && model) model_line_ = fmt::format("{} · {}", provider->name, model->name);
    }
  }

  Task<void> shutdown() override {
    stopping_.request_stop();
    http_server_->stop_accepting();
    if (local_server_) local_server_->stop_accepting();
    co_await keeping_house_.join();
    co_await terminals_->shutdown();
    if (webhooks_) co_await webhooks_->shutdown();
    co_await search_->shutdown();
    co_await fleet_->shutdown();
    co_await host_->shutdown();
    co_await snapshots_->shutdown();
    co_await mcp_->close();
    co_await language_servers_->close();
    feed_->close();
    if (local_server_) co_await local_server_->shutdown(0);
    co_await http_server_->shutdown(kShutdownGraceMs);
    co_await api_->shutdown();
    if (scripted_) co_await scripted_->shutdown();
  }

 private:
  // A request that comes before the unfinished sessions are taken up waits for that (milliseconds): until then nobody
  // could be told the truth about them.
  Task<net::Response> answer(net::Request request) {
    if (!recovered_ && !api::is_operations_path(request.path)) {
      OneShot<Unit> go_on(loop_);
      early_requests_.push_back(go_on.setter());
      co_await go_on;
    }
    co_return co_await api_->handle(std::move(request));
  }

  // For this user's own programs, which need no credential there. The data directory is ours: what is left of an earlier
  // server goes.
  void listen_on_socket() {
    net::ServerOptions local{.unix_path = (places_.data / "quarterdeck.sock").string()};
    auto listening =
        net::listen(loop_, std::move(local), [this](net::Request request) { return answer(std::move(request)); });
    if (listening) {
      local_server_ = std::move(*listening);
    } else {
      log::warn("no unix socket: {}", listening.error().message);
    }
  }

  // Once soon after the start, then every hour.
  Task<void> keep_house() {
    bool waited = co_await sleep_ms(loop_, kFirstCleaningMs, stopping_.get_token());
    while (waited) {
      const auto directory = places_.data / "tool-output";
      const TimeMs now = system_clock().now_ms();
      auto clean = [directory, now] { return tools::clean_outputs(directory, {}, now); };
      const tools::Cleaned cleaned = co_await blocking(loop_, *pool_, clean);
      if (cleaned.removed > 0) log::info("removed {} old tool outputs", cleaned.removed);
      waited = co_await sleep_ms(loop_, kCleaningMs, stopping_.get_token());
    }
  }

  api::Readiness readiness() {
    return {{{"recovery", [this] { return recovered_ ? std::string() : "unfinished sessions are being taken up"; }},
             {"shutdown", [this] { return stopping_.stop_requested() ? "the server is stopping" : std::string(); }},
             {"store", [this] { return store_problem(); }},
             {"disk", [this] { return disk_problem(places_.data); }}}};
  }

  // Without one nothing can be searched; everything else works.
  std::unique_ptr<store::SearchIndex> search_index(store::Seq newest) {
    if (!config::searching(places_)) {
      store::remove_search(places_.data);
      return nullptr;
    }
    auto index = store::open_search(places_.data, newest);
    if (index) return std::move(*index);
    log::warn("nothing can be searched: {}", index.error().message);
    return nullptr;
  }

  std::string store_problem() {
    const auto admitted = store_->events().admits();
    return admitted ? std::string() : admitted.error().message;
  }

  std::map<std::string, llm::Provider*> measured(std::map<std::string, llm::Provider*> protocols) {
    for (auto& [name, protocol] : protocols) {
      protocol = measured_.emplace_back(llm::make_measured(*protocol)).get();
      protocol = measured_.emplace_back(slots_->wrap(*protocol)).get();
    }
    return protocols;
  }

  fleet::SharedLimits budgets() const {
    std::vector<std::string> problems;
    auto limits = fleet::shared_limits_of(config::user_settings(places_), problems);
    for (const std::string& problem : problems) log::warn("configuration: {}", problem);
    return limits;
  }

  static session::Recovery recovery() {
    return environment("QUARTERDECK_RECOVERY") == "end" ? session::Recovery::end : session::Recovery::resume;
  }

  std::map<std::string, llm::Provider*> protocols() const {
    std::map<std::string, llm::Provider*> all;
    for (const auto& [name, provider] : protocols_) all.emplace(name, provider.get());
    return all;
  }

  // The scripted model answers when nothing else can: real HTTP on its own port, like any provider.
  Result<void> start_scripted_model() {
    llm::ScriptedModelOptions scripted;
    if (options_.scenario) {
      scripted.scenario_file = *options_.scenario;
    } else {
      scripted.scenario_text = llm::kDemoScenario;
    }
    TRY(scripted_, llm::start_scripted_model(loop_, std::move(scripted)));
    return {};
  }

  std::shared_ptr<mcp::Servers> mcp_servers(const session::Instance& instance) {
    const std::string directory = instance.location.directory.string();
    const auto tell = [this, directory, project = instance.location.project.id](std::string server) {
      feed_->publish(feed::Notice{.directory = directory,
                                  .project_id = project,
                                  .type = "mcp.tools.changed",
                                  .properties = fmt::format("{{\"server\":{}}}", wire::quoted(server))});
    };
    return mcp_->open(instance.location.directory, instance.config.mcp, tell);
  }

  std::shared_ptr<lsp::Servers> language_servers(const session::Instance& instance) {
    const auto& location = instance.location;
    const auto tell = [this, directory = location.directory.string(), project = location.project.id] {
      feed_->publish(feed::Notice{.directory = directory, .project_id = project, .type = "lsp.updated"});
    };
    const lsp::Place place{location.directory, location.worktree, instance.config.trusted};
    return language_servers_->open(place, instance.config.language_servers, tell);
  }

  Task<std::vector<domain::ProviderInfo>> providers(config::Config config) {
    for (const auto& [id, provider] : config.providers) add_secret(provider.api_key.value_or(""));
    if (options_.scenario) co_return std::vector{scripted_->provider()};
    const auto environment = config::process_environment();
    const Places places = places_;
    auto read = [places] { return read_known(places); };
    const auto known = co_await blocking(loop_, *pool_, read);
    const llm::Known all{known->catalogue, known->credentials, system_clock().now_ms()};
    auto connected = llm::connected_providers(config, environment, {}, all);
    if (!connected.empty()) co_return connected;
    auto local = co_await llm::probe_local_endpoints(loop_, *http_client_, llm::usual_local_endpoints());
    if (local.empty()) local.push_back(scripted_->provider());
    co_return llm::connected_providers(config, environment, std::move(local), all);
  }

  net::EventLoop& loop_;
  ServeOptions options_;
  Places places_;
  Given given_;
  std::string model_line_;
  std::stop_source stopping_;
  TaskGroup keeping_house_{loop_};
  bool recovered_ = false;
  std::vector<OneShot<Unit>::Setter> early_requests_;

  // In the order of construction; destroyed the other way round.
  std::unique_ptr<BlockingPool> pool_;
  IdSource ids_;
  std::unique_ptr<process::Processes> processes_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<feed::Feed> feed_;
  std::unique_ptr<net::HttpClient> http_client_;
  std::map<std::string, std::unique_ptr<llm::Provider>> protocols_;
  std::optional<fleet::Slots> slots_;
  std::vector<std::unique_ptr<llm::Provider>> measured_;
  std::unique_ptr<llm::ScriptedModel> scripted_;
  std::unique_ptr<mcp::Hub> mcp_;
  std::unique_ptr<lsp::Hub> language_servers_;
  std::unique_ptr<session::Instances> instances_;
  std::optional<tools::Registry> tools_;
  std::optional<workspace::Snapshots> snapshots_;
  std::optional<session::Engine> engine_;
  std::unique_ptr<session::Host> host_;
  std::unique_ptr<fleet::Fleet> fleet_;
  std::unique_ptr<fleet::Search> search_;
  std::unique_ptr<fleet::Webhooks> webhooks_;
  std::unique_ptr<terminal::Terminals> terminals_;
  std::unique_ptr<access::Access> access_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<net::HttpServer> http_server_;
  std::unique_ptr<net::HttpServer> local_server_;  // none where the path is too long for a socket
  std::vector<std::unique_ptr<metrics::Shown>> numbers_;
};

}  // namespace

Result<std::unique_ptr<Server>> make_server(net::EventLoop& loop, const ServeOptions& options, const Places& places,
                                            process::Spawner spawner, Given given) {
  auto server = std::make_unique<WiredServer>(loop, options, places, std::move(spawner), std::move(given));
  TRY_VOID(server->start());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace quarterdeck::app
