// One step's answer from a model: tried again where that may help, and from the next model of the fallback chain where
// it does not.
// Law: at most kRequestsMax requests a step, whatever the chain. Every wait is shown with the time when it ends.
#pragma once

#include <expected>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "domain/model.hpp"
#include "llm/provider.hpp"
#include "session/engine.hpp"

namespace quarterdeck::session {

inline constexpr int kRequestsMax = 6;

// How long the providers of a step may make it wait, unless "quarterdeck": {"retry": {"wait_max_s"}} says otherwise. So
// a step that gets no answer ends within ten minutes: six requests, each silent for a minute, and the pauses between
// them take seven.
inline constexpr std::int64_t kProvidersWaitMaxMs = 5 * 60 * 1000;

// How long a model may be silent, before and within an answer: "quarterdeck": {"retry": {"silence_s": 1 to 3600}}.
std::optional<std::int64_t> silence_max_ms(const config::Config& config);

// A model that can be asked: its provider is there too.
struct Candidate {
  const domain::ProviderInfo* provider = nullptr;
  const domain::ModelInfo* model = nullptr;
  std::optional<std::string> variant;
};

// The model itself and those that the configuration names for when it fails ("quarterdeck": {"fallback": {…}}). What is
// not available is left out.
std::vector<Candidate> candidates_for(const Instance& instance, const domain::ModelRef& model);

class ModelCall {
 public:
  struct Wait {
    int attempt = 1;
    const llm::ModelError& error;
    TimeMs resume_at = 0;
  };
  struct Hooks {
    std::function<llm::ModelRequest(const Candidate&)> request;
    std::function<void()> discard;  // what the failed attempt streamed is void
    std::function<void(const Wait&)> waiting;
    std::function<void()> going_on;
    std::function<void(const Candidate& to, const llm::ModelError& why)> fell_back;
  };
  // `candidates` has at least one; `wait_max_ms`: how long providers may make us wait, all
  // in all.
  ModelCall(Engine& engine, std::vector<Candidate> candidates, std::int64_t wait_max_ms, Hooks hooks);

  Task<std::expected<llm::ModelFinish, llm::ModelError>> run(llm::ModelSink& sink, std::stop_token stop);

 private:
  // Nothing: this model gets no further try.
  std::optional<std::int64_t> delay_ms(const llm::ModelError& error, int tries, int requests, bool last) const;

  Engine& engine_;
  std::vector<Candidate> candidates_;
  std::int64_t wait_left_ms_;
  Hooks hooks_;
};

}  // namespace quarterdeck::session
