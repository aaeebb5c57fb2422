#include "lsp/servers.hpp"

#include <algorithm>
#include <array>

#include "base/async.hpp"
#include "base/log.hpp"
#include "lsp/client.hpp"
#include "wire/json.hpp"

namespace quarterdeck::lsp {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kStableMs = 60'000;
constexpr std::int64_t kRequestMsMax = 10'000;
constexpr std::int64_t kLookAgainMs = 30'000;  // for a server that is not installed
constexpr std::int64_t kSilentWaitMs = 1'000;  // for one that has said nothing twice
constexpr int kFailuresMax = 4;
constexpr std::size_t kRootsMax = 64;

// A server that could be: of the table, or of the configuration.
struct Kind {
  std::string id;
  std::vector<std::string> extensions;
  const Known* known = nullptr;
  std::optional<config::LanguageServer> configured;
};

enum class State { absent, starting, connected, asleep, resting, broken };

// One kind at one root, and what became of it.
struct Server {
  const Kind* kind = nullptr;
  fs::path root;
  State state = State::asleep;
  std::shared_ptr<Client> client;  // while connected
  std::int64_t since_ms = 0;       // of the state
  std::int64_t used_ms = 0;
  std::int64_t again_ms = 0;  // absent, resting: when it may be tried again
  int failures = 0;
  int silent = 0;  // waits in a row in which it said nothing
  std::optional<Error> ended;
  std::stop_source stop;
  std::optional<OneShot<Unit>::Setter> wake;
  std::vector<OneShot<Unit>::Setter> starters;  // who waits for its start

  void notice() {
    if (const auto waiting = std::exchange(wake, std::nullopt)) (*waiting)(Unit{});
  }
};

std::vector<Kind> kinds_of(const std::optional<config::Named<config::LanguageServer>>& configured, bool ty) {
  std::vector<Kind> all;
  if (!configured) return all;
  for (const Known& known : known_servers()) {
    if (known.id == (ty ? "pyright" : "ty")) continue;
    all.push_back({.id = std::string(known.id), .extensions = words(known.extensions), .known = &known});
  }
  for (const auto& [name, entry] : *configured) {
    auto found = std::ranges::find(all, name, &Kind::id);
    if (entry.disabled) {
      if (found != all.end()) all.erase(found);
      continue;
    }
    if (found == all.end()) {
      if (!entry.extensions || entry.extensions->empty()) {
        log::warn("language server {}: For custom LSP servers, 'extensions' array is required.", name);
        continue;
      }
      found = all.insert(all.end(), Kind{.id = name, .known = find_known(name)});
    }
    if (entry.extensions) found->extensions = *entry.extensions;
    found->configured = entry;
  }
  return all;
}

class LiveServers final : public Servers, public std::enable_shared_from_this<LiveServers> {
 public:
  LiveServers(const Hub::Options& options, Place place,
              const std::optional<config::Named<config::LanguageServer>>& configured, std::function<void()> changed,
              std::function<bool()> make_room)
      : options_(options),
        place_(std::move(place)),
        kinds_(kinds_of(configured, options.experimental_ty)),
        changed_(std::move(changed)),
        make_room_(std::move(make_room)),
        tasks_(options.loop) {}

  bool enabled() const override { return !kinds_.empty(); }

  std::vector<ServerStatus> status() const override {
    std::vector<ServerStatus> all;
    for (const auto& server : servers_) {
      if (server->state != State::connected && server->state != State::broken) continue;
      std::string root = server->root.lexically_relative(place_.directory).string();
      all.push_back({server->kind->id, root == "." ? "" : root, server->state == State::connected});
    }
    return all;
  }

  void touch(fs::path file) override {
    if (enabled() && !closing_) tasks_.spawn(touch_one(std::move(file)));
  }

  Task<void> changed(std::vector<fs::path> files, std::stop_token stop) override {
    if (!enabled() || closing_ || files.empty()) co_return;
    OneShot<Unit> done(options_.loop);
    tasks_.spawn(tell_and_wait(std::move(files), done.setter()));
    const std::stop_callback on_stop(stop, [setter = done.setter()] { setter(Unit{}); });
    co_await done;
  }

  std::vector<FileDiagnostics> diagnostics() const override {
    std::vector<FileDiagnostics> all;
    for (const auto& server : servers_) {
      if (!server->client) continue;
      for (FileDiagnostics& each : server->client->diagnostics()) {
        const auto known = std::ranges::find(all, each.file, &FileDiagnostics::file);
        if (known == all.end()) {
          all.push_back(std::move(each));
        } else {
          std::ranges::move(each.list, std::back_inserter(known->list));
        }
      }
    }
    return all;
  }

  Task<bool> available(fs::path file) override {
    const auto servers = co_await servers_for(std::move(file));
    co_return std::ranges::any_of(
        servers, [](const auto& server) { return server->state != State::absent && server->state != State::broken; });
  }

  Task<std::vector<domain::JsonText>> ask(std::optional<fs::path> file, std::string method,
                                          domain::JsonText params) override {
    std::vector<std::shared_ptr<Server>> asked = servers_;
    if (file) asked = co_await started_for(*file);
    std::vector<domain::JsonText> answers;
    for (const auto& server : asked) {
      const auto client = server->client;
      if (!client) continue;
      use(*server);
      if (file) static_cast<void>(co_await client->tell(*file, Saved::no));
      const auto answer = co_await client->ask(method, params, kRequestMsMax);
      if (answer && answer->text != "null") answers.push_back(*answer);
    }
    co_return answers;
  }

  Task<void> close() {
    closing_ = true;
    for (const auto& server : servers_) end(*server);
    co_await tasks_.join();
  }

  // For the hub: what runs here, and ending what was unused for longest.
  std::size_t running() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        servers_, [](const auto& s) { return s->state == State::connected || s->state == State::starting; }));
  }
  std::shared_ptr<Server> least_used() const {
    std::shared_ptr<Server> least;
    for (const auto& server : servers_) {
      if (server->state == State::connected && (!least || server->used_ms < least->used_ms)) least = server;
    }
    return least;
  }
  static void end(Server& server) {
    server.stop.request_stop();
    server.notice();
  }

 private:
  static void use(Server& server) { server.used_ms = monotonic_ms(); }

  bool inside(const fs::path& file) const {
    const auto below = [&](const fs::path& top) {
      const auto relative = file.lexically_relative(top);
      return !relative.empty() && *relative.begin() != "..";
    };
    return below(place_.directory) || (place_.worktree.has_relative_path() && below(place_.worktree));
  }

  // Those that the file belongs to, whatever they do.
  Task<std::vector<std::shared_ptr<Server>>> servers_for(fs::path file) {
    std::vector<std::shared_ptr<Server>> found;
    std::vector<const Kind*> fitting;
    for (const Kind& kind : kinds_) {
      if (is_for(kind.extensions, file)) fitting.push_back(&kind);
    }
    if (fitting.empty() || closing_ || !inside(file)) co_return found;
    auto look = [fitting, file, place = place_] {
      std::vector<std::optional<fs::path>> roots;
      for (const Kind* kind : fitting) {
        roots.push_back(kind->known ? root_of(*kind->known, file, place) : std::optional(place.directory));
      }
      return roots;
    };
    const auto roots = co_await blocking(options_.loop, options_.pool, look);
    for (std::size_t i = 0; i < fitting.size(); ++i) {
      if (!roots[i]) continue;
      const auto same = [&](const auto& server) { return server->kind == fitting[i] && server->root == *roots[i]; };
      const auto known = std::ranges::find_if(servers_, same);
      if (known != servers_.end()) {
        found.push_back(*known);
      } else if (servers_.size() < kRootsMax) {
        servers_.push_back(std::make_shared<Server>(Server{.kind = fitting[i], .root = *roots[i]}));
        found.push_back(servers_.back());
      }
    }
    co_return found;
  }

  // Those that are connected, after the starts that this file asks for.
  Task<std::vector<std::shared_ptr<Server>>> started_for(fs::path file) {
    auto servers = co_await servers_for(std::move(file));
    for (const auto& server : servers) {
      const bool may_start =
          server->state == State::asleep ||
          ((server->state == State::absent || server->state == State::resting) && monotonic_ms() >= server->again_ms);
      if (!may_start || closing_ || !make_room_()) continue;
      set(*server, State::starting);
      server->stop = {};
      tasks_.spawn(live(server));
    }
    for (const auto& server : servers) {
      while (server->state == State::starting) {
        const std::int64_t left = server->since_ms + options_.start_wait_ms - monotonic_ms();
        if (left <= 0) break;
        OneShot<Unit> settled(options_.loop);
        server->starters.push_back(settled.setter());
        const auto timer = options_.loop.after_ms(left, [setter = settled.setter()] { setter(Unit{}); });
        co_await settled;
      }
    }
    std::erase_if(servers, [](const auto& server) { return server->client == nullptr; });
    co_return servers;
  }

  Task<void> touch_one(fs::path file) {
    const auto servers = co_await started_for(file);
    for (const auto& server : servers) {
      const auto client = server->client;
      if (!client) continue;
      use(*server);
      static_cast<void>(co_await client->tell(file, Saved::no));
    }
  }

  Task<void> tell_and_wait(std::vector<fs::path> files, OneShot<Unit>::Setter done) {
    std::vector<Task<bool>> waits;
    const std::int64_t began_ms = monotonic_ms();
    for (const fs::path& file : files) {
      const auto servers = co_await started_for(file);
      for (const auto& server : servers) {
        const auto client = server->client;
        if (!client) continue;
        use(*server);
        const auto told = co_await client->tell(file, Saved::yes);
        if (!told) continue;
        co_await client->refresh();
        const std::int64_t wait_ms = server->silent < 2 ? options_.diagnostics_wait_ms : kSilentWaitMs;
        waits.push_back(wait_for(server, client, file, *told, std::max(began_ms, told->at_ms) + wait_ms));
      }
    }
    static_cast<void>(co_await when_all(options_.loop, std::move(waits)));
    done(Unit{});
  }

  Task<bool> wait_for(std::shared_ptr<Server> server, std::shared_ptr<Client> client, fs::path file, Told told,
                      std::int64_t deadline_ms) {
    const bool said = co_await client->settled(std::move(file), told, deadline_ms);
    server->silent = said ? 0 : server->silent + 1;
    co_return said;
  }

  void set(Server& server, State state) {
    server.state = state;
    server.since_ms = monotonic_ms();
    if (state == State::starting) return;
    for (const auto& starter : std::exchange(server.starters, {})) starter(Unit{});
    if (changed_ && !closing_) changed_();
  }

  // From its start to its end.
  Task<void> live(std::shared_ptr<Server> server) {
    const Kind& kind = *server->kind;
    const std::stop_token stop = server->stop.get_token();
    auto look = [&kind, root = server->root, place = place_] { return launch_of(kind, root, place); };
    auto launch = co_await blocking(options_.loop, options_.pool, look);
    if (!launch || stop.stop_requested()) {
      server->again_ms = monotonic_ms() + kLookAgainMs;
      server->state = State::absent;
      for (const auto& starter : std::exchange(server->starters, {})) starter(Unit{});
      co_return;
    }
    auto environment = process::tool_environment();
    if (kind.configured) {
      for (const auto& [name, value] : kind.configured->environment) environment[name] = value;
    }
    ClientOptions options{.id = kind.id,
                          .root = server->root,
                          .command = std::move(launch->command),
                          .environment = std::move(environment),
                          .initialization = std::move(launch->initialization),
                          .owner = fmt::format("lsp {} {}", kind.id, server->root.string()),
                          .first_list_is_empty_talk = kind.id == "typescript",
                          .start_ms_max = options_.start_ms_max};
    server->ended.reset();
    const auto on_end = [weak = std::weak_ptr(server)](Error why) {
      const auto alive = weak.lock();
      if (!alive) return;
      alive->ended = std::move(why);
      alive->notice();
    };
    const auto client =
        std::make_shared<Client>(options_.loop, options_.pool, options_.processes, std::move(options), on_end);
    // An end may come while it does not answer.
    const std::stop_callback on_stop(stop, [client] { client->abandon(); });
    const auto opened = co_await client->open();
    if (opened && !stop.stop_requested()) {
      log::info("language server {} for {}", kind.id, server->root.string());
      server->client = client;
      server->silent = 0;
      use(*server);
      set(*server, State::connected);
      co_await until_over(*server, stop);
      server->client = nullptr;
    } else if (!opened && !server->ended) {
      server->failures = kFailuresMax;  // it is there, but does not speak with us
      server->ended = opened.error();
    }
    const std::int64_t lived_ms = monotonic_ms() - server->since_ms;
    if (server->ended && !stop.stop_requested()) {
      if (opened && lived_ms > kStableMs) server->failures = 0;
      ++server->failures;
      log::warn("{}", server->ended->message);
    }
    // From here on it may be started anew; this life only has to be cleared away.
    if (server->ended && !stop.stop_requested()) {
      const bool over = server->failures >= kFailuresMax || server->ended->code != ErrorCode::unavailable;
      server->again_ms = monotonic_ms() + (options_.rest_ms << std::min(server->failures - 1, 6));
      set(*server, over ? State::broken : State::resting);
    } else {
      set(*server, State::asleep);
    }
    co_await client->close();
  }

  // Ended by itself, stopped, or unused for long.
  Task<void> until_over(Server& server, std::stop_token stop) {
    while (!server.ended && !stop.stop_requested()) {
      const std::int64_t left = server.used_ms + options_.idle_ms - monotonic_ms();
      if (left <= 0) co_return;
      OneShot<Unit> happened(options_.loop);
      server.wake = happened.setter();
      const auto timer = options_.loop.after_ms(left, [setter = happened.setter()] { setter(Unit{}); });
      co_await happened;
    }
  }

  static std::optional<Launch> launch_of(const Kind& kind, const fs::path& root, const Place& place) {
    if (!kind.configured) return find_launch(*kind.known, root, place);
    if (kind.known && kind.known->runs_code_of_the_project && !place.trusted) return std::nullopt;
    return Launch{kind.configured->command, kind.configured->initialization.value_or(domain::JsonText{"{}"})};
  }

  Hub::Options options_;
  Place place_;
  std::vector<Kind> kinds_;
  std::function<void()> changed_;
  std::function<bool()> make_room_;
  std::vector<std::shared_ptr<Server>> servers_;  // in the order of their first file
  bool closing_ = false;
  TaskGroup tasks_;
};

class LiveHub final : public Hub {
 public:
  explicit LiveHub(const Options& options) : options_(options), closing_(options.loop) {}

  std::shared_ptr<Servers> open(Place place, std::optional<config::Named<config::LanguageServer>> configured,
                                std::function<void()> changed) override {
    std::erase_if(open_, [](const auto& weak) { return weak.expired(); });
    const auto servers = std::make_shared<LiveServers>(options_, std::move(place), configured, std::move(changed),
                                                       [this] { return make_room(); });
    open_.push_back(servers);
    // The last one to let go begins the end; the hub holds the servers until it is reached.
    return {servers.get(), [this, servers](Servers*) mutable { closing_.spawn(close_one(std::move(servers))); }};
  }

  Task<void> close() override {
    for (const auto& weak : std::exchange(open_, {})) {
      if (auto servers = weak.lock()) co_await servers->close();
    }
    co_await closing_.join();
  }

 private:
  // False when all that run were used just now.
  bool make_room() {
    std::size_t running = 0;
    std::shared_ptr<Server> least;
    for (const auto& weak : open_) {
      const auto servers = weak.lock();
      if (!servers) continue;
      running += servers->running();
      const auto candidate = servers->least_used();
      if (candidate && (!least || candidate->used_ms < least->used_ms)) least = candidate;
    }
    if (running < options_.running_max) return true;
    if (!least || monotonic_ms() - least->used_ms < kLookAgainMs) return false;
    LiveServers::end(*least);
    return true;
  }
  static Task<void> close_one(std::shared_ptr<LiveServers> servers) { co_await servers->close(); }

  Options options_;
  std::vector<std::weak_ptr<LiveServers>> open_;
  TaskGroup closing_;
};

}  // namespace

std::unique_ptr<Hub> make_hub(Hub::Options options) { return std::make_unique<LiveHub>(options); }

domain::JsonText workspace_symbols(const std::vector<domain::JsonText>& answers) {
  // Class, method, enum, interface, function, variable, constant, struct.
  constexpr std::array<std::int64_t, 8> kKinds{5, 6, 10, 11, 12, 13, 14, 23};
  constexpr int kOfOneMax = 10;
  wire::JsonArray all;
  for (const auto& answer : answers) {
    const auto list = wire::parse(answer.text);
    if (!list || !list->is_array()) continue;
    int taken = 0;
    for (const wire::Json& symbol : list->get_array()) {
      if (taken >= kOfOneMax) break;
      if (std::ranges::find(kKinds, wire::int_at(symbol, "kind")) == kKinds.end()) continue;
      const wire::Json* location = wire::value_at(symbol, "location");
      if (!location || !wire::value_at(*location, "range")) continue;
      all.push_back(symbol);
      ++taken;
    }
  }
  return wire::to_json_text(all);
}

}  // namespace quarterdeck::lsp
