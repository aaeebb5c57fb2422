#include "workspace/snapshot/side_repository.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

namespace quarterdeck::workspace::snapshot {
namespace {

namespace fs = std::filesystem;

// Highest precedence: no attribute of the project changes bytes on their way in or out.
constexpr std::string_view kAttributes = "* -text -ident !eol !filter !working-tree-encoding\n";
// A file that names one of these may hold other bytes than the project's objects do.
constexpr std::string_view kConverting[] = {"text", "crlf", "eol", "filter", "ident", "encoding", "binary"};
constexpr auto kStalePack = std::chrono::hours(1);

std::string text_of(const fs::path& file) { return read_file(file).value_or(""); }

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string config_text(const fs::path& worktree, bool sha256) {
  std::string quoted;
  for (const char c : worktree.string()) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format(
      "[core]\n\trepositoryformatversion = {}\n\tfilemode = true\n\tbare = false\n\tworktree = \"{}\"\n"
      "\tautocrlf = false\n\tsafecrlf = false\n\tsymlinks = true\n\tfsmonitor = false\n\tquotepath = false\n"
      "\thooksPath = /dev/null\n\tlogallrefupdates = false\n[gc]\n\tauto = 0\n[index]\n\tthreads = true\n{}",
      sha256 ? 1 : 0, quoted, sha256 ? "[extensions]\n\tobjectformat = sha256\n" : "");
}

bool converts(const std::string& attributes) {
  const std::string text = lower(attributes);
  return std::ranges::any_of(kConverting, [&](std::string_view word) { return text.contains(word); });
}

// The entries of a copied index stand for the project's objects; that holds only where a checkout changes no bytes.
bool may_seed(const SidePlaces& places, const std::string& index) {
  if (index.size() < 12 || !index.starts_with("DIRC")) return false;
  if (index[7] == 4) return false;  // names are compressed: cannot be searched for .gitattributes
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(places.project_git_dir, error)) {
    if (entry.path().filename().string().starts_with("sharedindex.")) return false;
  }
  const fs::path configs[] = {places.project_common / "config", places.project_git_dir / "config.worktree",
                              places.home / ".gitconfig", places.home / ".config/git/config"};
  for (const fs::path& file : configs) {
    const std::string config = lower(text_of(file));
    if (config.contains("autocrlf") || config.contains("attributesfile")) return false;
  }
  if (converts(text_of(places.worktree / ".gitattributes"))) return false;
  if (converts(text_of(places.project_common / "info/attributes"))) return false;
  if (converts(text_of(places.home / ".config/git/attributes"))) return false;
  return !index.contains("/.gitattributes");
}

// With its time: git compares files with it to know which of them it must read again.
void seed_index(const SidePlaces& places) {
  const fs::path from = places.project_git_dir / "index";
  struct stat info{};
  if (::stat(from.c_str(), &info) != 0) return;
  const auto index = read_file(from);
  if (!index || !may_seed(places, *index)) return;
  const fs::path to = places.git_dir / "index";
  if (!write_file_atomically(to, *index, 0600)) return;
  const timespec times[] = {info.st_mtim, info.st_mtim};
  if (::utimensat(AT_FDCWD, to.c_str(), times, 0) != 0) remove_index(places.git_dir);
}

// One line per path for gitignore: anchored, with its special characters escaped.
std::string exclude_line(const fs::path& below, const fs::path& root) {
  std::string line = "/";
  for (const char c : below.lexically_relative(root).string()) {
    if (c == '*' || c == '?' || c == '[' || c == '\\' || c == '#' || c == '!' || c == ' ') line += '\\';
    line += c;
  }
  return line + "\n";
}

bool lies_in(const fs::path& path, const fs::path& directory) {
  const auto [end, rest] = std::ranges::mismatch(directory, path);
  return end == directory.end();
}

std::uintmax_t bytes_below(const fs::path& directory) {
  std::uintmax_t bytes = 0;
  std::error_code ignored;
  for (auto at = fs::recursive_directory_iterator(directory, ignored); at != fs::recursive_directory_iterator();
       at.increment(ignored)) {
    if (at->is_regular_file(ignored) && !at->is_symlink(ignored)) bytes += at->file_size(ignored);
  }
  return bytes;
}

}  // namespace

Result<void> prepare(const SidePlaces& places) {
  std::error_code error;
  const bool fresh = !fs::exists(places.git_dir / "HEAD", error);
  if (fresh) {
    fs::create_directories(places.git_dir / "objects/info", error);
    fs::create_directories(places.git_dir / "refs", error);
    fs::create_directories(places.git_dir / "info", error);
    if (error) return fail(ErrorCode::unavailable, "cannot make {}: {}", places.git_dir.string(), error.message());
    const bool sha256 = lower(text_of(places.project_common / "config")).contains("objectformat = sha256");
    TRY_VOID(write_file_atomically(places.git_dir / "config", config_text(places.worktree, sha256), 0600));
    TRY_VOID(write_file_atomically(places.git_dir / "info/attributes", kAttributes, 0600));
    seed_index(places);
  }
  // The project may have moved, and its ignore file may have changed, since the last start.
  std::string excluded = text_of(places.project_common / "info/exclude");
  if (!excluded.empty() && !excluded.ends_with('\n')) excluded += '\n';
  if (lies_in(places.data, places.worktree)) excluded += exclude_line(places.data, places.worktree);
  TRY_VOID(write_file_atomically(places.git_dir / "info/exclude", excluded, 0600));
  const std::string objects = (places.project_common / "objects").string() + "\n";
  TRY_VOID(write_file_atomically(places.git_dir / "objects/info/alternates", objects, 0600));
  // Last: a git directory is one only with its HEAD.
  if (fresh) TRY_VOID(write_file_atomically(places.git_dir / "HEAD", "ref: refs/heads/none\n", 0600));
  return {};
}

void remove_stale_locks(const fs::path& git_dir) {
  std::error_code ignored;
  for (const char* name : {"index.lock", "gc.pid.lock", "gc.pid"}) fs::remove(git_dir / name, ignored);
}

void remove_stale_packs(const fs::path& git_dir) {
  std::error_code ignored;
  const auto now = fs::file_time_type::clock::now();
  for (const auto& entry : fs::directory_iterator(git_dir / "objects/pack", ignored)) {
    if (!entry.path().filename().string().starts_with("tmp_")) continue;
    if (now - entry.last_write_time(ignored) > kStalePack) fs::remove(entry.path(), ignored);
  }
}

void remove_index(const fs::path& git_dir) {
  std::error_code ignored;
  fs::remove(git_dir / "index", ignored);
}

std::vector<StoreSize> stores_below(const fs::path& root) {
  std::vector<std::pair<fs::file_time_type, StoreSize>> found;
  std::error_code ignored;
  for (const auto& project : fs::directory_iterator(root, ignored)) {
    for (const auto& store : fs::directory_iterator(project.path(), ignored)) {
      std::error_code missing;
      const auto used = fs::last_write_time(store.path() / "index", missing);
      found.emplace_back(missing ? fs::file_time_type::min() : used,
                         StoreSize{store.path(), bytes_below(store.path())});
    }
  }
  std::ranges::sort(found, {}, [](const auto& each) { return each.first; });
  std::vector<StoreSize> sizes;
  for (auto& [used, size] : found) sizes.push_back(std::move(size));
  return sizes;
}

}  // namespace quarterdeck::workspace::snapshot
