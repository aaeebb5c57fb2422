#include "wire/agent.hpp"

#include "wire/codec.hpp"
#include "wire/describe/permission.hpp"

namespace quarterdeck::domain {

void describe(wire::Writer& io, Agent& agent) {
  io.field("name", agent.name);
  if (!agent.description.empty()) io.field("description", agent.description);
  io.field("mode", agent.mode);
  io.field("native", agent.native);
  if (agent.hidden) io.field("hidden", agent.hidden);
  io.field("topP", agent.top_p);
  io.field("temperature", agent.temperature);
  io.field("color", agent.color);
  io.field("permission", agent.permission);
  if (agent.model) {
    io.object("model", [&](wire::Writer& model) {
      model.field("providerID", agent.model->provider_id);
      model.field("modelID", agent.model->model_id);
    });
    io.field("variant", agent.model->variant);
  }
  io.field("prompt", agent.prompt);
  io.field("options", agent.options);
  io.field("steps", agent.steps);
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {

std::string encode_agent(const domain::Agent& agent) { return encode(agent); }
std::string encode_agents(const std::vector<domain::Agent>& agents) { return encode(agents); }

}  // namespace quarterdeck::wire
