#include "server.hpp"

#include "session/instance.hpp"

namespace quarterdeck::simulation {
namespace {

constexpr int kStepsMax = 12;
constexpr std::uint64_t kRunOutCallbacksMax = 200'000;
constexpr std::int64_t kRunOutMs = 24 * 60 * 60 * 1000;

// Nothing of it exists: no file of this machine is read.
Places places() {
  return {.home = "/simulation/home",
          .data = "/simulation/data",
          .config = "/simulation/config",
          .opencode_config = "/simulation/opencode"};
}

Task<std::vector<domain::ProviderInfo>> providers(config::Config) {
  domain::ProviderInfo provider{.id = "simulated", .name = "Simulated", .protocol = "simulated"};
  provider.models["model"] = {
      .id = "model", .provider_id = "simulated", .api_id = "model", .prices = {.input = 1, .output = 2}};
  co_return std::vector{provider};
}

}  // namespace

Server::Server(World& world, Witness& witness, const std::filesystem::path& directory)
    : world_(world),
      witness_(witness),
      directory_(directory),
      dice_(world.dice.child()),
      loop_(dice_.child(), world.profile.order, world.now_ms),
      clock_(loop_, world.wall_offset_ms),
      pool_(loop_, dice_.child(), world.profile.pool_delay_ms, VirtualPool::Jobs::parallel),
      disk_(loop_, dice_.child(), world.profile.commit_delay_ms, VirtualPool::Jobs::serial),
      ids_(clock_, dice_),
      processes_(loop_, world, dead_),
      model_(loop_, dice_.child(), world, dead_),
      clients_(loop_) {}

Server::~Server() {
  host_.reset();
  feed_.reset();
  store_.reset();
}

bool Server::start() {
  store_ = std::make_unique<SimulatedStore>(loop_, dice_.child(), world_, witness_, dead_);
  if (const auto opened = store_->open(clock_, dice_, disk_, directory_); !opened) {
    world_.violation("the store cannot be opened: {}", opened.error().message);
    return false;
  }
  feed_ = std::make_unique<feed::Feed>(
      loop_, pool_, clock_, dice_,
      [this](store::Seq after, std::int64_t limit) { return store_->query().events_after(after, limit); },
      store_->query().last_seq().value_or(0));
  instances_ = std::make_unique<session::Instances>(loop_, pool_, processes_, places(), providers);
  tools_.emplace(simulated_tools(world_, dead_));
  engine_.emplace(
      session::Engine{.loop = loop_,
                      .pool = pool_,
                      .clock = clock_,
                      .ids = ids_,
                      .store = *store_,
                      .query = store_->query(),
                      .feed = *feed_,
                      .protocols = {{"simulated", &model_}},
                      .tools = *tools_,
                      .processes = processes_,
                      .instances = *instances_,
                      .places = places(),
                      .options = {.version = "simulation", .recovery = world_.profile.recovery, .steps_max = kStepsMax},
                      .shutdown = shutdown_.get_token()});
  host_ = std::make_unique<session::Host>(*engine_);
  reconcile(world_, witness_, store_->query());
  spawn(recover());
  return true;
}

Task<void> Server::guarded(Task<void> call) {
  try {
    co_await std::move(call);
  } catch (const std::exception& error) {
    if (!dead_) world_.violation("a call threw: {}", error.what());
  }
}

Task<void> Server::recover() {
  const auto recovered = co_await host_->recover();
  if (dead_) co_return;
  if (!recovered && !world_.disk_failed) world_.violation("recovery failed: {}", recovered.error().message);
  world_.note("recovered");
  recovered_ = true;
}

void Server::kill() {
  dead_ = true;
  world_.cut_streams = std::exchange(world_.streaming, {});
  world_.processes.clear();
}

void Server::terminate() {
  if (std::exchange(terminating_, true)) return;
  world_.note("terminate");
  spawn(shut_down());
}

Task<void> Server::shut_down() {
  shutdown_.request_stop();
  co_await host_->shutdown();
  feed_->close();
  stopped_ = true;
}

bool Server::run_out() {
  dead_ = true;
  if (!std::exchange(terminating_, true)) spawn(shut_down());
  const std::int64_t give_up_ms = loop_.now_ms() + kRunOutMs;
  for (std::uint64_t callbacks = 0; clients_.running() > 0; ++callbacks) {
    if (loop_.run_one()) {
      if (callbacks < kRunOutCallbacksMax) continue;
    } else if (const auto due = loop_.next_due(); due && *due <= give_up_ms) {
      loop_.advance_to(*due);
      continue;
    }
    world_.violation("the server did not stop: {} calls wait for ever", clients_.running());
    return false;
  }
  while (loop_.run_one()) {}
  return true;
}

}  // namespace quarterdeck::simulation
