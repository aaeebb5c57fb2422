// session_simulation [--seed N] [--seeds M] [--trace] [--twice] [--sabotage NAME] [--verbose]
// Runs M seeds from N on. A failing seed is printed with what it violated; the same seed with --trace shows how.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/log.hpp"
#include "simulation.hpp"

namespace {

using namespace quarterdeck::simulation;

[[noreturn]] void usage(std::string_view why) {
  std::fprintf(stderr, "session_simulation: %.*s\n", static_cast<int>(why.size()), why.data());
  std::fprintf(stderr,
               "usage: session_simulation [--seed N] [--seeds M] [--trace] [--twice] [--sabotage NAME] [--log]\n");
  for (const auto& [name, sabotage] : sabotages()) {
    std::fprintf(stderr, "  --sabotage %.*s\n", static_cast<int>(name.size()), name.data());
  }
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t count = 1;
  bool twice = false;
  Options options;
  quarterdeck::log::set_level(quarterdeck::log::Level::off);
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const auto value = [&]() -> std::string_view {
      if (++i >= argc) usage("a value is missing after the last flag");
      return argv[i];
    };
    const auto number = [&] {
      const std::string_view text = value();
      std::uint64_t parsed = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
      if (error != std::errc{} || end != text.data() + text.size()) usage("expected a number");
      return parsed;
    };
    if (flag == "--seed")
      first = number();
    else if (flag == "--seeds")
      count = number();
    else if (flag == "--trace")
      options.trace = true;
    else if (flag == "--twice")
      twice = true;
    else if (flag == "--log")
      quarterdeck::log::set_level(quarterdeck::log::Level::debug);
    else if (flag == "--sabotage") {
      const std::string_view wanted = value();
      bool known = false;
      for (const auto& [name, sabotage] : sabotages()) {
        if (name == wanted) options.sabotage = sabotage, known = true;
      }
      if (!known) usage("there is no such sabotage");
    } else
      usage("unknown flag");
  }

  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t failed = 0;
  std::uint64_t callbacks = 0;
  std::int64_t virtual_ms = 0;
  std::map<std::string, std::uint64_t> counts;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    options.seed = seed;
    Report report = simulate(options);
    if (twice && simulate(options).trace_hash != report.trace_hash) {
      report.violations.push_back("the same seed took another course the second time");
    }
    callbacks += report.callbacks;
    virtual_ms += report.virtual_ms;
    for (const auto& [what, times] : report.counts) counts[what] += times;
    if (count == 1)
      std::printf("seed %llu: trace %016llx\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(report.trace_hash));
    if (report.violations.empty()) continue;
    ++failed;
    std::printf("seed %llu failed (trace %016llx):\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(report.trace_hash));
    for (const std::string& violation : report.violations) std::printf("  %s\n", violation.c_str());
    std::fflush(stdout);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%llu seeds, %llu failed; %.1f s, %.1f ms a seed; %.1f virtual days, %llu callbacks",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(failed), seconds,
              seconds * 1000 / static_cast<double>(count), static_cast<double>(virtual_ms) / 86'400'000.0,
              static_cast<unsigned long long>(callbacks));
  for (const auto& [what, times] : counts)
    std::printf(", %llu %s", static_cast<unsigned long long>(times), what.c_str());
  std::printf("\n");
  if (failed > 0) std::printf("show one: session_simulation --seed N --trace\n");
  return failed == 0 ? 0 : 1;
}
