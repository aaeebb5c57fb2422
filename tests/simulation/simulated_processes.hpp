// Processes that are rows in a table: they run for a while, may leave a child behind, and die when they are stopped,
// when their time is over, with their owner, or with the server (a keeper's work in the real world).
//   argv: {"job", milliseconds, "plain" | "child"}; "child" leaves one running when the caller keeps it
#pragma once

#include "process/process.hpp"
#include "world.hpp"

namespace quarterdeck::simulation {

class SimulatedProcesses final : public process::Processes {
 public:
  SimulatedProcesses(Loop& loop, World& world, const bool& dead) : loop_(loop), world_(world), dead_(dead) {}
  Task<Result<process::Exit>> run(process::Spawn spawn, process::JobEvents events, std::stop_token stop) override;
  void kill_owner(const std::string& owner) override;
  std::size_t running() const override { return world_.processes.size(); }

 private:
  Loop& loop_;
  World& world_;
  const bool& dead_;
};

}  // namespace quarterdeck::simulation
