#include "simulation.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/log.hpp"
#include "clients.hpp"
#include "invariants.hpp"
#include "server.hpp"
#include "store/sqlite/connection.hpp"

namespace quarterdeck::simulation {
namespace {

constexpr std::uint64_t kCallbacksMax = 2'000'000;
// Longer than any sum of deadlines: retries, long Retry-After, steps. A session that is busy after that hangs.
constexpr std::int64_t kCalmMs = 24 * 60 * 60 * 1000;
constexpr std::int64_t kSettleEveryMs = 30'000;

// In memory where the machine has it: what is simulated is the crash of a process, which loses nothing that was written.
class Directory {
 public:
  Directory() {
    const std::filesystem::path shm = "/dev/shm";
    std::string pattern =
        ((::access(shm.c_str(), W_OK) == 0 ? shm : std::filesystem::temp_directory_path()) / "qd-sim-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// What a forgetful engine would leave in its tables.
void tamper(Sabotage sabotage, const std::filesystem::path& directory) {
  std::string sql;
  switch (sabotage) {
    case Sabotage::lost_queue: sql = "DELETE FROM inbox"; break;
    case Sabotage::reversed_queue: sql = "UPDATE inbox SET seq = 1000000 - seq"; break;
    case Sabotage::forgotten_step:
      sql =
          "DELETE FROM tail; DELETE FROM part WHERE (key >> 17) IN (SELECT key FROM message WHERE open);"
          "DELETE FROM message WHERE open";
      break;
    case Sabotage::forgotten_requests: sql = "UPDATE request SET reply = 'reject' WHERE reply IS NULL"; break;
    case Sabotage::forgotten_questions: sql = "UPDATE question SET open = 0 WHERE open"; break;
    case Sabotage::untold_task: sql = "UPDATE session SET background = 0"; break;
    case Sabotage::forgotten_turn: sql = "DELETE FROM turn WHERE reason IS NULL"; break;
    default: return;
  }
  const auto connection =
      store::sqlite::Connection::open({(directory / "quarterdeck.db").string(), ""}, store::sqlite::Access::read_write);
  (*connection)->execute(sql);
}

class Simulation {
 public:
  explicit Simulation(const Options& options)
      : world_(options.seed, options.trace, options.sabotage),
        clients_(world_, witness_),
        listener_(world_, witness_) {}

  Report run() {
    start();
    while (server_ && world_.violations.empty() && !done_) step();
    if (server_) end_server();
    return {.seed = world_.seed,
            .trace_hash = world_.trace_hash(),
            .callbacks = world_.callbacks,
            .virtual_ms = world_.now_ms,
            .counts = world_.counts,
            .violations = world_.violations};
  }

 private:
  void start() {
    open_before_.reset();
    server_ = std::make_unique<Server>(world_, witness_, directory_.path());
    if (!server_->start()) return;
    check_stored(world_, witness_, server_->query());
    check_cut_streams(world_, witness_);
    open_before_ = Open{world_.requests, world_.questions};
    listener_.attach(*server_);
    clients_.repeat_unknown(*server_);
    crash_now_ = false;
  }

  // The coroutines of the dead run out unseen.
  void end_server() {
    if (!server_->dead()) server_->kill();
    listener_.detach();
    if (!server_->run_out()) {
      (void)server_.release();  // it cannot be destroyed while its calls wait
      return;
    }
    server_.reset();
    tamper(world_.sabotage, directory_.path());
  }

  void restart(std::string_view how) {
    world_.note("{}", how);
    world_.counts[std::string(how)]++;
    world_.crashed_at_ms = world_.now_ms;
    ++crashes_;
    // Commits that were cut off with the server have no streams either.
    server_->kill();
    end_server();
    clients_.forget_aborts();
    if (world_.violations.empty()) start();
  }

  void step() {
    if (server_->dead()) return restart("crash at a commit");
    if (server_->stopped() && server_->calls() == 0) return restart("planned restart");
    if (world_.storm && crashes_ < world_.profile.crashes_max && !server_->stopping() &&
        world_.dice.chance(world_.profile.crash)) {
      if (!world_.dice.chance(world_.profile.planned_restart)) return restart("crash");
      server_->terminate();
    }
    if (server_->recovered() && open_before_) {
      check_requests(world_, witness_, server_->query(), *open_before_);
      open_before_.reset();
    }
    if (++world_.callbacks > kCallbacksMax) {
      return world_.violation("no end after {} callbacks", kCallbacksMax);
    }
    // A busy processor: time goes on although something is ready.
    const bool late = world_.storm && world_.dice.chance(20);
    if (!late && server_->loop().run_one()) return;
    pass_time(late ? std::optional(world_.now_ms + 1) : server_->loop().next_due());
  }

  void pass_time(std::optional<std::int64_t> due) {
    const std::int64_t next = std::min(due.value_or(next_act_ms_), next_act_ms_);
    server_->loop().advance_to(next);
    world_.now_ms = server_->loop().now_ms();
    clients_.check_aborts();
    if (world_.now_ms >= next_act_ms_) act();
  }

  void act() {
    if (!server_->dead()) check_memory(world_, witness_, *server_);
    if (world_.storm) {
      next_act_ms_ = world_.now_ms + world_.dice.delay_ms(world_.profile.pause_ms);
      if (!server_->stopping()) clients_.act(*server_);
      if (++acts_ < world_.profile.operations) return;
      world_.note("calm");
      world_.storm = false;
      calm_since_ms_ = world_.now_ms;
    }
    next_act_ms_ = world_.now_ms + kSettleEveryMs;
    if (server_->stopping()) return;
    if (resting()) {
      listener_.check(server_->query());
      check_at_rest(world_, witness_, *server_);
      done_ = true;
      return;
    }
    if (world_.now_ms > calm_since_ms_ + kCalmMs) {
      for (const auto& [id, status] : server_->host().busy()) world_.violation("session {} is busy for ever", id.value);
      return world_.violation("no rest: {} calls wait", server_->calls());
    }
    clients_.settle(*server_);
  }

  bool resting() {
    if (!server_->recovered() || server_->calls() > 0 || !server_->host().busy().empty()) return false;
    if (!witness_.unacknowledged.empty() || !world_.requests.empty() || !world_.questions.empty()) return false;
    return world_.now_ms > calm_since_ms_ + 2 * kSettleEveryMs;
  }

  Directory directory_;
  World world_;
  Witness witness_;
  Clients clients_;
  Listener listener_;
  std::unique_ptr<Server> server_;
  std::optional<Open> open_before_;
  bool crash_now_ = false;
  bool done_ = false;
  int crashes_ = 0;
  int acts_ = 0;
  std::int64_t next_act_ms_ = 0;
  std::int64_t calm_since_ms_ = 0;
};

}  // namespace

Report simulate(const Options& options) {
  Simulation simulation(options);
  return simulation.run();
}

}  // namespace quarterdeck::simulation
