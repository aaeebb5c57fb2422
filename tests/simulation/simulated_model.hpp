// A model provider that plays all sessions' models: what it wants in step k of prompt n depends on the seed, n and k
// alone, so that a repeated call wants the same; whether and how a call fails is thrown anew each time. It keeps its
// contract (deadlines, stop) and checks the engine's: one call at a time a session, prompts in order, every tool call
// with one result.
#pragma once

#include "llm/provider.hpp"
#include "world.hpp"

namespace quarterdeck::simulation {

class SimulatedModel final : public llm::Provider {
 public:
  SimulatedModel(Loop& loop, Dice dice, World& world, const bool& dead)
      : loop_(loop), dice_(dice), world_(world), dead_(dead) {}

  using Answer = std::expected<llm::ModelFinish, llm::ModelError>;
  Task<Answer> stream(llm::ModelRequest request, llm::ModelSink& sink, std::stop_token stop) override;

 private:
  struct Step {
    int prompt = 0;
    int number = 0;
    std::string task = {};  // a subagent that it has heard of
  };
  Step check(const llm::ModelRequest& request);
  Task<Answer> play(Step step, SessionId session, llm::ModelSink& sink, std::stop_token stop);
  Task<Answer> fail_somehow(SessionId session, llm::ModelSink& sink, std::stop_token stop);
  Task<bool> say(std::string text, SessionId session, llm::ModelSink& sink, std::stop_token stop);
  Task<bool> call(Step step, int index, int kind, llm::ModelSink& sink, std::stop_token stop);
  std::string task(const Step& step, int index, Dice& wanted);
  Task<bool> pause(std::int64_t longest, std::stop_token stop);

  Loop& loop_;
  Dice dice_;
  World& world_;
  const bool& dead_;
  std::set<SessionId> calling_;
};

}  // namespace quarterdeck::simulation
