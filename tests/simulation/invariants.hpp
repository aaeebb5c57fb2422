// What must hold whatever happens (docs/reliability.md, "Simulation").
#pragma once

#include "server.hpp"
#include "world.hpp"

namespace quarterdeck::simulation {

// After a restart, before anything is taken up: the tables, the log and what was witnessed agree, and no more of a
// streaming text is lost than was promised.
void check_stored(World& world, const Witness& witness, store::Query& query);
void check_cut_streams(World& world, const Witness& witness);

// After recovery: what was asked of a person is still asked.
struct Open {
  std::map<PermissionId, domain::PermissionRequest> requests;
  std::map<QuestionId, domain::QuestionRequest> questions;
};
void check_requests(World& world, const Witness& witness, store::Query& query, const Open& before);

// While it works: what the actors know is what was committed.
void check_memory(World& world, const Witness& witness, Server& server);

// When everything rests: every acknowledged prompt is there and has its one answer, in one order; nothing is open.
void check_at_rest(World& world, const Witness& witness, Server& server);

}  // namespace quarterdeck::simulation
