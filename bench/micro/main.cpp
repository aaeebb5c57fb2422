// micro [Google Benchmark's options]      times of every case
// micro --list                            the names of the cases whose instructions can be counted
// micro --run NAME N                      one case N times, for callgrind (bench/quick)
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>

#include "bench/micro/cases.hpp"

using namespace quarterdeck::micro;

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const Case& each : cases()) {
      if (each.counted) std::puts(each.name.c_str());
    }
    return 0;
  }
  if (argc == 4 && std::strcmp(argv[1], "--run") == 0) {
    for (const Case& each : cases()) {
      if (each.name != argv[2]) continue;
      const auto operation = each.prepare();
      for (int i = std::atoi(argv[3]); i > 0; --i) operation();
      return 0;
    }
    std::fprintf(stderr, "micro: no case \"%s\"\n", argv[2]);
    return 2;
  }
  for (const Case& each : cases()) {
    benchmark::RegisterBenchmark(each.name.c_str(), [prepare = each.prepare](benchmark::State& state) {
      const auto operation = prepare();
      for ([[maybe_unused]] auto _ : state) operation();
    })->Unit(benchmark::kMicrosecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
