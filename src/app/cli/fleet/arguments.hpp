// The supervisors' part of the command line: one table of verbs and one of options. The help, the parser and the shells'
// completion all come from them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/cli/fleet/options.hpp"

namespace CLI {
class App;
}

namespace quarterdeck::app {

// Where the options land while CLI11 reads.
struct FleetLine {
  FleetOptions options;
  std::vector<std::pair<FleetVerb, CLI::App*>> verbs;
};

// `url` and `directory` are where --attach and --directory land. All outlive the parsing.
void add_fleet(CLI::App& app, FleetLine& line, std::string& url, std::string& directory);
// What was asked for, when it was one of these; without its target.
std::optional<FleetOptions> fleet_of(const FleetLine& line);
// What is wrong with them; empty: nothing.
std::string problem_with(const FleetOptions& options);

}  // namespace quarterdeck::app
