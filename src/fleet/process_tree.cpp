#include "fleet/process_tree.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace quarterdeck::fleet {
namespace {

constexpr std::size_t kTreeMax = 2'000;

struct Seen {
  std::int64_t parent = 0;
  std::uint64_t ticks = 0;
  std::string name;
};

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// "pid (name) state ppid …": the name may hold blanks and brackets; fields 14 to 17 are the times.
bool parse_stat(const std::string& stat, Seen& seen) {
  const auto open = stat.find('(');
  const auto close = stat.rfind(')');
  if (open == stat.npos || close == stat.npos) return false;
  seen.name = stat.substr(open + 1, close - open - 1);
  std::size_t at = close + 2;
  for (int field = 3; at < stat.size() && field <= 17; ++field) {
    const auto end = std::min(stat.find(' ', at), stat.size());
    std::int64_t number = 0;
    std::from_chars(stat.data() + at, stat.data() + end, number);
    if (field == 4) seen.parent = number;
    if (field >= 14) seen.ticks += static_cast<std::uint64_t>(number);
    at = end + 1;
  }
  return seen.parent > 0;
}

std::uint64_t io_of(std::int64_t pid) {
  const std::string text = read("/proc/" + std::to_string(pid) + "/io");
  std::uint64_t sum = 0;
  for (const char* name : {"rchar: ", "wchar: "}) {
    const auto at = text.find(name);
    if (at == text.npos) continue;
    std::uint64_t number = 0;
    std::from_chars(text.data() + at + 7, text.data() + text.size(), number);
    sum += number;
  }
  return sum;
}

}  // namespace

std::map<std::int64_t, TreeSample> sample_trees(const std::vector<std::int64_t>& roots) {
  std::map<std::int64_t, Seen> all;
  std::map<std::int64_t, std::vector<std::int64_t>> children;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    std::int64_t pid = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (problem != std::errc() || end != name.data() + name.size()) continue;
    Seen seen;
    if (!parse_stat(read("/proc/" + name + "/stat"), seen)) continue;
    children[seen.parent].push_back(pid);
    all.emplace(pid, std::move(seen));
  }
  std::map<std::int64_t, TreeSample> samples;
  for (const std::int64_t root : roots) {
    TreeSample& sample = samples[root];
    bool only_sleep = true;
    std::vector<std::int64_t> tree;
    if (all.contains(root)) tree.push_back(root);
    for (std::size_t i = 0; i < tree.size() && tree.size() < kTreeMax; ++i) {
      const Seen& seen = all.at(tree[i]);
      sample.cpu_ticks += seen.ticks;
      sample.io_bytes += io_of(tree[i]);
      ++sample.processes;
      const auto below = children.find(tree[i]);
      if (below == children.end()) {
        only_sleep &= seen.name == "sleep";
      } else {
        tree.insert(tree.end(), below->second.begin(), below->second.end());
      }
    }
    sample.sleeps = sample.processes > 0 && only_sleep;
  }
  return samples;
}

}  // namespace quarterdeck::fleet
