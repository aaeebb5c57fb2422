// Completion in shells: a short script asks `quarterdeck __complete -- WORD…` at each tab, so that what is offered is what
// this program takes, and which sessions there are comes from the server.
#pragma once

#include <string>
#include <vector>

#include "app/cli/target.hpp"

namespace CLI {
class App;
}

namespace quarterdeck::app {

struct CompletionScript {
  std::string shell;  // bash | zsh | fish
  bool operator==(const CompletionScript&) const = default;
};

// What could come next.
struct CompletionQuestion {
  enum class Ask { nothing, sessions, requests };
  struct Candidate {
    std::string text;
    std::string help;
    bool operator==(const Candidate&) const = default;
  };
  Target target;
  Ask ask = Ask::nothing;  // of the server
  std::string begun;  // only what begins so
  std::vector<Candidate> candidates;
  bool operator==(const CompletionQuestion&) const = default;
};

// `words` are those after the program's name; the last one is being typed. Without the target.
CompletionQuestion completions(const CLI::App& app, const std::vector<std::string>& words);
// What --attach says among them; empty: nothing.
std::string server_in(const std::vector<std::string>& words);

}  // namespace quarterdeck::app
