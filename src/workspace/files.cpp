#include "workspace/files.hpp"

#include <algorithm>
#include <chrono>
#include <set>

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWalkFilesMax = 20'000;
constexpr int kWalkDepthMax = 16;
constexpr std::chrono::seconds kWalkTimeMax{3};

bool is_below(const fs::path& path, const fs::path& root) {
  const auto [in_root, in_path] = std::ranges::mismatch(root, path);
  return in_root == root.end();
}

std::vector<std::string> walk(const fs::path& root) {
  std::vector<std::string> files;
  const auto deadline = std::chrono::steady_clock::now() + kWalkTimeMax;
  std::error_code error;
  fs::recursive_directory_iterator at(root, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (files.size() >= kWalkFilesMax || std::chrono::steady_clock::now() > deadline) break;
    std::error_code ignored;
    const std::string name = at->path().filename().string();
    if (at->is_directory(ignored)) {
      const bool skipped = name.starts_with('.') || name == "node_modules" || at.depth() >= kWalkDepthMax;
      if (skipped || at->is_symlink(ignored)) at.disable_recursion_pending();
    } else {
      files.push_back(at->path().lexically_relative(root).string());
    }
  }
  return files;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

// Higher is better; below zero: no match. Both are in lower case.
int score(std::string_view query, std::string_view path) {
  if (query.empty()) return 0;
  std::string_view trimmed = path;
  if (trimmed.ends_with('/')) trimmed.remove_suffix(1);
  const std::string_view name = trimmed.substr(trimmed.rfind('/') + 1);
  if (name == query) return 4000;
  if (const auto at = name.find(query); at != name.npos)
    return at == 0 ? 3000 : 2500 - static_cast<int>(std::min<std::size_t>(at, 400));
  if (path.contains(query)) return 2000;
  std::size_t next = 0;
  std::size_t first = path.npos;
  std::size_t last = 0;
  for (std::size_t i = 0; i < path.size() && next < query.size(); ++i) {
    if (path[i] != query[next]) continue;
    if (next++ == 0) first = i;
    last = i;
  }
  if (next < query.size()) return -1;
  return 1000 - static_cast<int>(std::min<std::size_t>(last - first, 900));
}

}  // namespace

Result<fs::path> inside(const Location& location, std::string_view path) {
  if (path.contains('\0')) return fail(ErrorCode::invalid, "Expected a path without NUL\n  at [\"path\"]");
  std::error_code error;
  const fs::path root = fs::weakly_canonical(location.worktree == "/" ? location.directory : location.worktree, error);
  if (error) return fail(ErrorCode::invalid, "{}: {}", location.directory.string(), error.message());
  fs::path file = fs::weakly_canonical(location.directory / fs::path(path), error);
  if (error) return fail(ErrorCode::invalid, "{}: {}", path, error.message());
  if (file.has_relative_path() && !file.has_filename()) file = file.parent_path();
  if (!is_below(file, root)) return fail(ErrorCode::denied, "Access denied: path escapes project directory");
  return file;
}

Task<std::vector<std::string>> list_files(Loop& loop, BlockingPool& pool, process::Processes& processes,
                                          fs::path directory) {
  std::vector<std::string> arguments{"ls-files", "--cached", "--others", "--exclude-standard", "-z"};
  const auto listed = co_await git(processes, directory, std::move(arguments));
  if (!listed || listed->exit.code != 0) {
    auto read = [directory] { return walk(directory); };
    co_return co_await blocking(loop, pool, read);
  }
  std::vector<std::string> files;
  const std::string_view output = listed->output;
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = output.find('\0', at);
    if (end == output.npos) break;  // cut off
    files.emplace_back(output.substr(at, end - at));
    at = end + 1;
  }
  co_return files;
}

std::vector<std::string> directories_of(const std::vector<std::string>& files) {
  std::set<std::string, std::less<>> found;
  for (const std::string_view file : files) {
    for (std::size_t end = file.rfind('/'); end != file.npos && end > 0; end = file.rfind('/', end - 1)) {
      // Whoever put this one in has put in those above it, too.
      if (!found.emplace(file.substr(0, end + 1)).second) break;
    }
  }
  return {found.begin(), found.end()};
}

std::vector<std::string> best_matches(std::string_view query, const std::vector<std::string>& paths,
                                      std::size_t limit) {
  struct Match {
    int score;
    const std::string* path;
  };
  const std::string wanted = lowered(query);
  std::vector<Match> matches;
  for (const std::string& path : paths) {
    if (const int points = score(wanted, lowered(path)); points >= 0) matches.push_back({points, &path});
  }
  const auto better = [](const Match& a, const Match& b) {
    if (a.score != b.score) return a.score > b.score;
    if (a.path->size() != b.path->size()) return a.path->size() < b.path->size();
    return *a.path < *b.path;
  };
  limit = std::min(limit, matches.size());
  std::ranges::partial_sort(matches, matches.begin() + static_cast<std::ptrdiff_t>(limit), better);
  std::vector<std::string> best;
  for (std::size_t i = 0; i < limit; ++i) best.push_back(*matches[i].path);
  return best;
}

}  // namespace quarterdeck::workspace
