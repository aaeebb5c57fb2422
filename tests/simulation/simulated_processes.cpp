#include "simulated_processes.hpp"

#include <charconv>

#include "base/async.hpp"

namespace quarterdeck::simulation {

Task<Result<process::Exit>> SimulatedProcesses::run(process::Spawn spawn, process::JobEvents events,
                                                    std::stop_token stop) {
  if (spawn.argv.at(0) != "job" || dead_) co_return fail(ErrorCode::not_found, "no such program: {}", spawn.argv[0]);
  std::int64_t lasts_ms = 0;
  std::from_chars(spawn.argv.at(1).data(), spawn.argv[1].data() + spawn.argv[1].size(), lasts_ms);
  const std::int64_t pid = world_.next_pid++;
  world_.processes[pid] = {.owner = spawn.owner};
  world_.note("process {} starts for {}", pid, spawn.owner);
  if (events.started) events.started(pid);
  if (events.output) events.output("begins\n");

  const bool in_time = spawn.timeout_ms == 0 || lasts_ms <= spawn.timeout_ms;
  const bool waited = co_await sleep_ms(loop_, in_time ? lasts_ms : spawn.timeout_ms, stop);
  // The tree is dead a moment after it was asked to be.
  if (!waited) co_await sleep_ms(loop_, 40);
  if (dead_) co_return process::Exit{.cancelled = true};
  if (!waited && world_.sabotage == Sabotage::surviving_process) {
    world_.processes[pid].stopped = true;
    co_return process::Exit{.signal = 9, .cancelled = true};
  }
  world_.processes.erase(pid);
  world_.note("process {} ends", pid);
  if (!waited) co_return process::Exit{.signal = 9, .cancelled = true};
  if (!in_time) co_return process::Exit{.signal = 9, .timed_out = true};
  if (spawn.argv.at(2) == "child" && spawn.keep_background) {
    world_.processes[world_.next_pid++] = {.owner = spawn.owner, .background = true};
  }
  if (events.output) events.output("ends\n");
  co_return process::Exit{.code = 0};
}

void SimulatedProcesses::kill_owner(const std::string& owner) {
  if (dead_ || world_.sabotage == Sabotage::surviving_process) return;
  std::erase_if(world_.processes, [&](const auto& entry) { return entry.second.owner == owner; });
}

}  // namespace quarterdeck::simulation
