#include "workspace/snapshot.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "workspace/diff_output.hpp"
#include "workspace/snapshot/git_output.hpp"
#include "workspace/snapshot/restore.hpp"
#include "workspace/snapshot/side_repository.hpp"

namespace quarterdeck::workspace {

namespace fs = std::filesystem;
using namespace snapshot;

namespace {

constexpr std::size_t kOutputBytesMax = 64 * 1024 * 1024;
constexpr std::int64_t kGitTimeoutMs = 120'000;
constexpr std::size_t kPatchBytesMax = 256 * 1024;        // of one file
constexpr std::size_t kPatchesBytesMax = 2 * 1024 * 1024;  // of one answer
constexpr int kFailuresMax = 3;  // in a row; then the worktree is not covered until the server restarts

// Rows of /proc-like file names must stay apart: FNV-1a of the path.
std::string path_hash(const fs::path& path) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : path.string()) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return fmt::format("{:016x}", hash);
}

bool lies_in(const fs::path& path, const fs::path& directory) {
  const auto [end, rest] = std::ranges::mismatch(directory, path);
  return end == directory.end();
}

bool is_regular(const TreeEntry& entry) { return entry.mode.starts_with("100"); }

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

std::uintmax_t total_bytes(const std::vector<StoreSize>& sizes) {
  std::uintmax_t total = 0;
  for (const StoreSize& each : sizes) total += each.bytes;
  return total;
}

// Paths, each with a NUL behind it.
struct Chosen {
  std::string changed;
  std::string gone;  // a directory has taken the place of the file
};

Chosen choose_files(std::string_view listed, const fs::path& worktree, std::uintmax_t new_bytes_max) {
  Chosen chosen;
  for (const ListedFile& each : parse_listed(listed)) {
    if (each.file.ends_with('/')) continue;  // a repository of its own
    std::error_code error;
    const fs::path path = worktree / each.file;
    const auto status = fs::symlink_status(path, error);
    std::string* list = &chosen.changed;
    if (fs::is_regular_file(status)) {
      if (each.tag == '?' && fs::file_size(path, error) > new_bytes_max) continue;
      if (::access(path.c_str(), R_OK) != 0) continue;
    } else if (fs::is_directory(status)) {
      if (!fs::exists(path / ".git", error)) list = &chosen.gone;
    } else if (fs::exists(status) && !fs::is_symlink(status)) {
      continue;
    }
    *list += each.file;
    *list += '\0';
  }
  return chosen;
}

}  // namespace

struct Snapshots::Store {
  SidePlaces places;
  bool ready = false;
  int failures = 0;
  TreeId tree;  // what the index holds, when nothing has changed it since
  bool locked = false;
  std::vector<OneShot<Unit>::Setter> waiting;
};

// One at a time in a store: git's index has one owner.
class Snapshots::Guard {
 public:
  static Task<Guard> lock(Loop& loop, std::shared_ptr<Store> store) {
    while (store->locked) {
      OneShot<Unit> free(loop);
      store->waiting.push_back(free.setter());
      co_await free;
    }
    store->locked = true;
    co_return Guard(std::move(store));
  }
  Guard(Guard&& other) noexcept = default;
  ~Guard() {
    if (!store_) return;
    store_->locked = false;
    for (const auto& free : std::exchange(store_->waiting, {})) free(Unit{});
  }

 private:
  explicit Guard(std::shared_ptr<Store> store) : store_(std::move(store)) {}
  std::shared_ptr<Store> store_;
};

Snapshots::Snapshots(Loop& loop, BlockingPool& pool, process::Processes& processes, Places places,
                     SnapshotLimits limits)
    : loop_(loop), pool_(pool), processes_(processes), places_(std::move(places)), limits_(limits), background_(loop) {}
Snapshots::~Snapshots() = default;

bool Snapshots::covers(const Location& location) const {
  if (!location.project.vcs || location.worktree == "/") return false;
  if (lies_in(places_.home, location.worktree)) return false;  // a home directory, or what holds one
  const fs::path worktrees = places_.data / "worktree";
  return !lies_in(location.worktree, places_.data) ||
         (location.worktree != worktrees && lies_in(location.worktree, worktrees));
}

std::shared_ptr<Snapshots::Store> Snapshots::store_of(const Location& location) {
  auto& store = stores_[location.worktree];
  if (!store) {
    store = std::make_shared<Store>();
    store->places = {.git_dir = places_.data / "snapshot" / location.project.id / path_hash(location.worktree),
                     .worktree = location.worktree,
                     .project_git_dir = git_dir_of(location.worktree),
                     .project_common = common_git_dir(location.worktree),
                     .data = places_.data,
                     .home = places_.home};
  }
  return store;
}

// ------------------------------------------------------------------------------------------------ running git

Task<Result<process::Collected>> Snapshots::git(Store& store, std::vector<std::string> arguments, std::string input,
                                                std::string index) {
  process::Spawn spawn;
  spawn.argv = {"git"};
  spawn.argv.insert(spawn.argv.end(), std::make_move_iterator(arguments.begin()),
                    std::make_move_iterator(arguments.end()));
  std::error_code gone;  // the worktree may have been cleaned up; its store can still be asked
  spawn.directory = fs::exists(store.places.worktree, gone) ? store.places.worktree : store.places.git_dir;
  spawn.environment = process::tool_environment();
  std::erase_if(spawn.environment, [](const auto& entry) { return entry.first.starts_with("GIT_"); });
  spawn.environment["GIT_TERMINAL_PROMPT"] = "0";
  spawn.environment["GIT_DIR"] = store.places.git_dir.string();
  spawn.environment["GIT_WORK_TREE"] = store.places.worktree.string();
  spawn.environment["LC_ALL"] = "C";
  if (!index.empty()) spawn.environment["GIT_INDEX_FILE"] = index;
  spawn.input = std::move(input);
  spawn.merge_stderr = false;
  spawn.timeout_ms = kGitTimeoutMs;
  co_return co_await process::collect(processes_, std::move(spawn), kOutputBytesMax);
}

Task<Result<std::string>> Snapshots::said(Store& store, std::vector<std::string> arguments, std::string input,
                                          std::string index) {
  const std::string name = arguments.front();
  CO_TRY(auto done, co_await git(store, std::move(arguments), std::move(input), std::move(index)));
  if (done.exit.timed_out) co_return fail(ErrorCode::unavailable, "git {} took too long", name);
  if (done.exit.code != 0) co_return fail(ErrorCode::unavailable, "git {}: {}", name, first_line(done.error_output));
  if (done.truncated) co_return fail(ErrorCode::unavailable, "git {} said more than {} bytes", name, kOutputBytesMax);
  co_return std::move(done.output);
}

// ------------------------------------------------------------------------------------------------ taking one

Task<Result<TreeId>> Snapshots::take(Location location) {
  if (!covers(location)) co_return fail(ErrorCode::invalid, "no snapshots of {}", location.worktree.string());
  const std::shared_ptr<Store> store = store_of(location);
  const Guard guard = co_await Guard::lock(loop_, store);
  auto tree = co_await take_locked(store);
  const std::int64_t now_ms = system_clock().monotonic_ns() / 1'000'000;
  if (!maintaining_ && now_ms - maintained_ms_ > limits_.maintenance_ms) {
    // Not at the first step after a start, but soon.
    const bool first = std::exchange(maintained_ms_, now_ms) == 0;
    if (!first) background_.spawn(maintain());
  }
  co_return tree;
}

Task<Result<TreeId>> Snapshots::take_locked(std::shared_ptr<Store> store) {
  if (store->failures >= kFailuresMax) {
    co_return fail(ErrorCode::unavailable, "no snapshots of {} after {} failures", store->places.worktree.string(),
                   kFailuresMax);
  }
  if (!store->ready) {
    const SidePlaces places = store->places;
    auto make = [places]() -> Result<void> {
      remove_stale_locks(places.git_dir);
      remove_stale_packs(places.git_dir);
      return prepare(places);
    };
    CO_TRY_VOID(co_await blocking(loop_, pool_, make));
    store->ready = true;
  }
  auto tree = co_await write_tree(store);
  if (!tree) {
    // An index that git cannot use (copied in the middle of a merge, damaged): the files are all there is to know.
    log::info("snapshot of {}: {}; beginning anew", store->places.worktree.string(), tree.error().message);
    remove_stale_locks(store->places.git_dir);
    remove_index(store->places.git_dir);
    store->tree.clear();
    tree = co_await write_tree(store);
  }
  store->failures = tree ? 0 : store->failures + 1;
  if (!tree) log::warn("snapshot of {}: {}", store->places.worktree.string(), tree.error().message);
  co_return tree;
}

Task<Result<TreeId>> Snapshots::write_tree(std::shared_ptr<Store> store) {
  std::vector<std::string> list{"ls-files", "-t", "-z", "--modified", "--deleted", "--others", "--exclude-standard"};
  CO_TRY(const std::string listed, co_await said(*store, std::move(list)));
  const fs::path worktree = store->places.worktree;
  const auto new_bytes_max = limits_.new_file_bytes_max;
  auto choose = [listed, worktree, new_bytes_max] { return choose_files(listed, worktree, new_bytes_max); };
  Chosen chosen = co_await blocking(loop_, pool_, choose);
  if (!chosen.gone.empty()) {
    store->tree.clear();
    std::vector<std::string> remove{"update-index", "--force-remove", "-z", "--stdin"};
    CO_TRY_VOID(co_await said(*store, std::move(remove), std::move(chosen.gone)));
  }
  if (!chosen.changed.empty()) {
    store->tree.clear();
    std::vector<std::string> update{"update-index", "--add", "--remove", "--replace", "-z", "--stdin"};
    CO_TRY_VOID(co_await said(*store, std::move(update), std::move(chosen.changed)));
  }
  if (store->tree.empty()) {
    std::vector<std::string> write{"write-tree"};
    CO_TRY(const std::string tree, co_await said(*store, std::move(write)));
    store->tree = first_line(tree);
  }
  co_return store->tree;
}

// ------------------------------------------------------------------------------------------------ comparing

Task<Result<std::vector<std::string>>> Snapshots::changed_files(Location location, TreeId from, TreeId to) {
  if (from == to) co_return std::vector<std::string>();
  const std::shared_ptr<Store> store = store_of(location);
  const std::vector<StepTrees> step{{std::move(from), std::move(to)}};
  CO_TRY(const auto changes, co_await changes_of(*store, step));
  std::vector<std::string> files;
  for (const Change& change : changes.front()) files.push_back(change.file);
  co_return files;
}

Task<Result<std::vector<FileChange>>> Snapshots::diff(Location location, TreeId from, TreeId to) {
  if (from == to) co_return std::vector<FileChange>();
  const std::shared_ptr<Store> store = store_of(location);
  std::vector<std::string> summary{"diff-tree",     "-r", "--raw", "--numstat", "-z", "--no-renames", "--no-ext-diff",
                                   "--no-textconv", from, to};
  CO_TRY(const std::string summarized, co_await said(*store, std::move(summary)));
  std::vector<FileChange> found = parse_summary(summarized);
  if (found.empty()) co_return found;
  std::vector<std::string> full{
      "diff-tree",         "-r", "-p", "--no-color", "--no-renames", "--no-ext-diff", "--no-textconv",
      "--unified=1000000", from, to};
  // All of it or nothing: a change too long to show is still counted.
  const auto patches = co_await said(*store, std::move(full));
  if (!patches) co_return found;
  auto convert = [found = std::move(found), output = *patches]() mutable {
    const auto pieces = split_patch(output);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < std::min(pieces.size(), found.size()); ++i) {
      if (pieces[i].size() > kPatchBytesMax || bytes + pieces[i].size() > kPatchesBytesMax) continue;
      bytes += pieces[i].size();
      found[i].patch = indexed_patch(found[i].file, pieces[i]);
    }
    return std::move(found);
  };
  co_return co_await blocking(loop_, pool_, std::move(convert));
}

Task<Result<std::string>> Snapshots::patch(Location location, TreeId from, TreeId to) {
  if (from == to) co_return std::string();
  const std::shared_ptr<Store> store = store_of(location);
  std::vector<std::string> arguments{"diff-tree",     "-r", "-p", "--no-color", "--no-renames", "--no-ext-diff",
                                     "--no-textconv", from, to};
  CO_TRY(const std::string output, co_await said(*store, std::move(arguments)));
  std::string shown;
  for (const std::string_view piece : split_patch(output)) {
    if (shown.size() + piece.size() > kPatchesBytesMax) break;
    shown += piece;
  }
  while (shown.ends_with('\n')) shown.pop_back();
  co_return shown;
}

Task<Result<std::vector<std::vector<Snapshots::Change>>>> Snapshots::changes_of(Store& store,
                                                                                const std::vector<StepTrees>& steps) {
  std::vector<std::vector<Change>> changes;
  if (steps.empty()) co_return changes;
  std::string pairs;
  for (const StepTrees& step : steps) pairs += fmt::format("{} {}\n", step.before, step.after);
  std::vector<std::string> arguments{"diff-tree", "--stdin", "-r", "--raw", "-z", "--no-renames", "--no-abbrev"};
  CO_TRY(const std::string output, co_await said(store, std::move(arguments), std::move(pairs)));
  for (auto& step : parse_raw_changes(output)) {
    auto& out = changes.emplace_back();
    for (RawChange& change : step) {
      out.push_back({std::move(change.file), std::move(change.before), std::move(change.after)});
    }
  }
  if (changes.size() != steps.size()) co_return fail(ErrorCode::unavailable, "a snapshot is no longer there");
  co_return changes;
}

Task<Result<std::map<std::string, TreeEntry>>> Snapshots::entries(Store& store, TreeId tree) {
  std::vector<std::string> arguments{"ls-tree", "-r", "-z", std::move(tree)};
  CO_TRY(const std::string output, co_await said(store, std::move(arguments)));
  auto parse = [output] { return parse_entries(output); };
  co_return co_await blocking(loop_, pool_, parse);
}

// ------------------------------------------------------------------------------------------------ keeping

namespace {

// Of a repository that we made: files only.
std::string read_ref(const fs::path& git_dir, const std::string& ref) {
  if (const auto loose = read_file(git_dir / ref)) return first_line(*loose);
  const auto packed = read_file(git_dir / "packed-refs").value_or("");
  const auto at = packed.find(" " + ref + "\n");
  if (at == packed.npos) return {};
  const auto line = packed.rfind('\n', at);
  return packed.substr(line == packed.npos ? 0 : line + 1, at - (line == packed.npos ? 0 : line + 1));
}

}  // namespace

Task<std::string> Snapshots::kept(Location location, std::string ref) {
  auto read = [git_dir = store_of(location)->places.git_dir, ref] { return read_ref(git_dir, ref); };
  co_return co_await blocking(loop_, pool_, read);
}

Task<Result<std::string>> Snapshots::ask(Location location, std::vector<std::string> arguments) {
  const std::shared_ptr<Store> store = store_of(location);
  std::error_code none;
  if (!fs::exists(store->places.git_dir / "HEAD", none))
    co_return fail(ErrorCode::not_found, "no snapshots were taken");
  co_return co_await said(*store, std::move(arguments));
}

Task<Result<TreeId>> Snapshots::bring(Location from, std::string commit, Location to) {
  std::vector<std::string> look{"rev-parse", "--verify", "--quiet", "--end-of-options", commit + "^{tree}"};
  CO_TRY(const std::string looked, co_await ask(from, std::move(look)));
  const TreeId tree = first_line(looked);
  CO_TRY_VOID(co_await take(to));  // there is a store from now on
  const std::shared_ptr<Store> store = store_of(to);
  const Guard guard = co_await Guard::lock(loop_, store);
  std::vector<std::string> fetch{
      "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", store_of(from)->places.git_dir.string(), tree};
  CO_TRY_VOID(co_await said(*store, std::move(fetch)));
  co_return tree;
}

Task<Result<std::string>> Snapshots::keep(Location location, Keep keep) {
  const std::shared_ptr<Store> store = store_of(location);
  const Guard guard = co_await Guard::lock(loop_, store);  // git's packing of refs stays away meanwhile
  auto read = [git_dir = store->places.git_dir, ref = keep.ref] { return read_ref(git_dir, ref); };
  const std::string parent = co_await blocking(loop_, pool_, read);
  const std::string who = fmt::format("Quarterdeck <quarterdeck@localhost> {} +0000", keep.at_ms / 1000);
  std::string commit = fmt::format("tree {}\n", keep.tree);
  if (!parent.empty()) commit += fmt::format("parent {}\n", parent);
  commit += fmt::format("author {0}\ncommitter {0}\n\n{1}\n", who, keep.message);
  std::vector<std::string> hash{"hash-object", "-t", "commit", "-w", "--stdin"};
  CO_TRY(const std::string made, co_await said(*store, std::move(hash), std::move(commit)));
  const std::string id = first_line(made);
  auto write = [file = store->places.git_dir / keep.ref, id]() -> Result<void> {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) return fail(ErrorCode::unavailable, "cannot make {}: {}", file.parent_path().string(), error.message());
    return write_file_atomically(file, id + "\n", 0600);
  };
  CO_TRY_VOID(co_await blocking(loop_, pool_, write));
  co_return id;
}

// ------------------------------------------------------------------------------------------------ undoing

Task<Result<UndoPlan>> Snapshots::plan_undo(Location location, std::vector<StepTrees> steps, TreeId base) {
  const std::shared_ptr<Store> store = store_of(location);
  const Guard guard = co_await Guard::lock(loop_, store);
  std::erase_if(steps, [](const StepTrees& step) { return step.before == step.after; });
  CO_TRY(auto changes, co_await changes_of(*store, steps));
  co_return co_await undo_changes(*store, std::move(changes), std::move(base));
}

Task<Result<UndoPlan>> Snapshots::plan_redo(Location location, UndoPlan done, TreeId base) {
  const std::shared_ptr<Store> store = store_of(location);
  const Guard guard = co_await Guard::lock(loop_, store);
  std::vector<std::vector<Change>> steps(1);
  for (UndoPlan::File& file : done.files) {
    steps.front().push_back({std::move(file.file), std::move(file.from), std::move(file.to)});
  }
  co_return co_await undo_changes(*store, std::move(steps), std::move(base));
}

Task<Result<UndoPlan>> Snapshots::undo_changes(Store& store, std::vector<std::vector<Change>> steps, TreeId base) {
  UndoPlan plan;
  CO_TRY(const auto found, co_await entries(store, std::move(base)));
  std::map<std::string, TreeEntry> now;  // as far as the undo has come
  for (std::vector<Change>& step : steps) {
    for (Change& change : step) {
      const auto known = found.find(change.file);
      const auto [at, first] = now.try_emplace(change.file, known == found.end() ? TreeEntry{} : known->second);
      TreeEntry& current = at->second;
      if (std::ranges::find(plan.kept, change.file) != plan.kept.end() || current == change.before) continue;
      if (current == change.after) {
        current = change.before;
        continue;
      }
      auto merged = co_await merge(store, current, change.after, change.before);
      if (merged) {
        current = std::move(*merged);
      } else {
        plan.kept.push_back(change.file);
      }
    }
  }
  for (auto& [file, wanted] : now) {
    const auto known = found.find(file);
    const TreeEntry from = known == found.end() ? TreeEntry{} : known->second;
    if (from != wanted) plan.files.push_back({file, from, std::move(wanted)});
  }
  co_return plan;
}

// `current` without what turned `wanted` into `undone`; nothing when the same lines changed.
Task<std::optional<TreeEntry>> Snapshots::merge(Store& store, TreeEntry current, TreeEntry undone, TreeEntry wanted) {
  if (!is_regular(current) || !is_regular(undone) || !is_regular(wanted)) co_return std::nullopt;
  if (undone.id == wanted.id) {  // only its mode was changed
    current.mode = current.mode == undone.mode ? wanted.mode : current.mode;
    co_return current;
  }
  const fs::path scratch = store.places.git_dir / "merge";
  const std::string ids[] = {current.id, undone.id, wanted.id};
  const char* names[] = {"current", "undone", "wanted"};
  for (int i = 0; i < 3; ++i) {
    std::vector<std::string> show{"cat-file", "blob", ids[i]};
    const auto bytes = co_await said(store, std::move(show));
    if (!bytes) co_return std::nullopt;
    auto write = [file = scratch / names[i], text = *bytes] {
      std::error_code ignored;
      fs::create_directories(file.parent_path(), ignored);
      return write_file_atomically(file, text, 0600);
    };
    if (!co_await blocking(loop_, pool_, std::move(write))) co_return std::nullopt;
  }
  std::vector<std::string> arguments{"merge-file",
                                     "-p",
                                     "-q",
                                     (scratch / "current").string(),
                                     (scratch / "undone").string(),
                                     (scratch / "wanted").string()};
  auto merged = co_await said(store, std::move(arguments));
  if (!merged) co_return std::nullopt;
  std::vector<std::string> keep{"hash-object", "-w", "--stdin", "--no-filters"};
  const auto id = co_await said(store, std::move(keep), std::move(*merged));
  if (!id) co_return std::nullopt;
  co_return TreeEntry{current.mode, first_line(*id)};
}

Task<Result<std::vector<std::string>>> Snapshots::apply(Location location, UndoPlan plan) {
  const std::shared_ptr<Store> store = store_of(location);
  const Guard guard = co_await Guard::lock(loop_, store);
  if (plan.files.empty()) co_return std::move(plan.kept);
  CO_TRY(TreeId now, co_await take_locked(store));
  Restore wanted{.worktree = store->places.worktree, .staged = store->places.git_dir / "staged"};
  CO_TRY(wanted.current, co_await entries(*store, std::move(now)));

  // Everything that will be written is got first: nothing is touched when something is missing.
  std::error_code ignored;
  auto clear = [staged = wanted.staged] {
    std::error_code error;
    fs::remove_all(staged, error);
    fs::create_directories(staged, error);
    return 0;
  };
  co_await blocking(loop_, pool_, clear);
  std::string index_lines;
  for (const UndoPlan::File& file : plan.files) {
    if (file.to.mode.empty() || file.to.mode == "160000") continue;
    index_lines += fmt::format("{} {}\t{}", file.to.mode, file.to.id, file.file);
    index_lines += '\0';
  }
  if (!index_lines.empty()) {
    const std::string index = (store->places.git_dir / "staged.index").string();
    fs::remove(index, ignored);
    std::vector<std::string> fill{"update-index", "-z", "--index-info"};
    CO_TRY_VOID(co_await said(*store, std::move(fill), std::move(index_lines), index));
    std::vector<std::string> out{"checkout-index", "--all", "--force", "--quiet",
                                 "--prefix=" + wanted.staged.string() + "/"};
    CO_TRY_VOID(co_await said(*store, std::move(out), {}, index));
    fs::remove(index, ignored);
  }
  wanted.files = std::move(plan.files);
  auto write = [wanted = std::move(wanted)]() -> Result<std::vector<std::string>> {
    auto left = restore(wanted);
    std::error_code error;
    fs::remove_all(wanted.staged, error);
    return left;
  };
  CO_TRY(auto left, co_await blocking(loop_, pool_, std::move(write)));
  left.insert(left.end(), plan.kept.begin(), plan.kept.end());
  co_return left;
}

// ------------------------------------------------------------------------------------------------ upkeep

Task<void> Snapshots::maintain() {
  if (maintaining_) co_return;
  maintaining_ = true;
  for (const auto& [worktree, store] : std::map(stores_)) {
    if (!store->ready || background_.token().stop_requested()) continue;
    const Guard guard = co_await Guard::lock(loop_, store);
    // Unreachable objects are what snapshots are made of: they are packed with their age, not thrown away.
    std::vector<std::string> pack{"gc", "--quiet", "--cruft", "--prune=never"};
    const auto packed = co_await said(*store, std::move(pack));
    if (!packed) log::info("snapshots of {}: {}", worktree.string(), packed.error().message);
    auto sweep = [git_dir = store->places.git_dir] {
      remove_stale_packs(git_dir);
      return 0;
    };
    co_await blocking(loop_, pool_, sweep);
  }
  co_await hold_quota();
  maintaining_ = false;
}

Task<void> Snapshots::hold_quota() {
  const fs::path root = places_.data / "snapshot";
  auto measure = [root] { return stores_below(root); };
  std::vector<StoreSize> sizes = co_await blocking(loop_, pool_, measure);
  // What is old goes first, then whole stores, the longest unused ones first.
  for (const char* age : {"30.days.ago", "7.days.ago", "1.day.ago", "1.hour.ago"}) {
    if (total_bytes(sizes) <= limits_.quota_bytes) co_return;
    for (const auto& [worktree, store] : std::map(stores_)) {
      if (!store->ready) continue;
      const Guard guard = co_await Guard::lock(loop_, store);
      std::vector<std::string> prune{"gc", "--quiet", "--cruft", fmt::format("--prune={}", age)};
      const auto pruned = co_await said(*store, std::move(prune));
      if (!pruned) log::info("snapshots of {}: {}", worktree.string(), pruned.error().message);
    }
    sizes = co_await blocking(loop_, pool_, measure);
  }
  for (const StoreSize& oldest : std::vector(sizes)) {
    if (total_bytes(sizes) <= limits_.quota_bytes) co_return;
    std::optional<Guard> guard;
    for (const auto& [worktree, store] : std::map(stores_)) {
      if (store->places.git_dir != oldest.git_dir) continue;
      guard.emplace(co_await Guard::lock(loop_, store));
      store->ready = false;
      store->tree.clear();
    }
    auto remove = [git_dir = oldest.git_dir] {
      std::error_code ignored;
      return fs::remove_all(git_dir, ignored);
    };
    co_await blocking(loop_, pool_, remove);
    sizes.erase(sizes.begin());
    log::warn("snapshots: {} is gone, the quota of {} bytes is full", oldest.git_dir.string(), limits_.quota_bytes);
  }
}

Task<void> Snapshots::shutdown() {
  background_.stop();
  co_await background_.join();
}

}  // namespace quarterdeck::workspace
