// Runs every fuzz target over its corpus: fuzz_replay CORPUS_DIRECTORY [TARGET…]
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz_target.hpp"

namespace quarterdeck::fuzz {
namespace {

std::vector<const Target*>& targets() {
  static std::vector<const Target*> all;
  return all;
}

std::size_t replay(const Target& target, const std::filesystem::path& corpus) {
  std::size_t inputs = 0;
  target.run({});
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    // Named before it runs: a crash then says which input it was.
    std::fprintf(stderr, "%s\r", entry.path().c_str());
    target.run(bytes);
    ++inputs;
  }
  return inputs;
}

}  // namespace

Target::Target(const char* target_name, void (*target_run)(std::string_view)) : name(target_name), run(target_run) {
  targets().push_back(this);
}

}  // namespace quarterdeck::fuzz

int main(int argc, char** argv) {
  using namespace quarterdeck::fuzz;
  if (argc < 2) {
    std::fprintf(stderr, "usage: fuzz_replay CORPUS_DIRECTORY [TARGET…]\n");
    return 2;
  }
  std::size_t ran = 0;
  for (const Target* target : targets()) {
    bool wanted = argc == 2;
    for (int i = 2; i < argc; ++i) wanted = wanted || std::strcmp(argv[i], target->name) == 0;
    if (!wanted) continue;
    const std::size_t inputs = replay(*target, std::filesystem::path(argv[1]) / target->name);
    std::printf("%s: %zu inputs\n", target->name, inputs);
    if (inputs == 0) return 1;
    ++ran;
  }
  return ran > 0 ? 0 : 1;
}
