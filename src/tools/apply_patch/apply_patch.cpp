#include "tools/apply_patch/apply_patch.hpp"

#include <sys/stat.h>

#include <set>

#include "tools/after_change.hpp"
#include "tools/apply_patch/patch_text.hpp"
#include "tools/arguments.hpp"
#include "tools/file_change.hpp"
#include "tools/text_file.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::string_view kDescription =
    R"(Changes files by a patch. The patch has this form:

*** Begin Patch
*** Update File: src/a.py
*** Move to: src/b.py
@@ def total():
 a line that stays
-a line that goes
+a line that comes
*** Add File: new.txt
+every line of a new file starts with a plus
*** Delete File: old.txt
*** End Patch

"Move to" is only for renaming. Give about three unchanged lines before and after each change; when that is not enough to make the place unique, put a line that stands before it, such as the head of its function, after "@@". Paths are relative to the project.)";

constexpr std::string_view kParameters =
    R"({"type":"object","properties":{"patchText":{"type":"string","description":"The whole patch, from *** Begin Patch to *** End Patch"}},"required":["patchText"]})";

struct Arguments {
  std::string patch_text;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("patchText", arguments.patch_text);
}

struct ChangedFile {
  std::string file_path;
  std::string relative_path;
  std::string type;  // add | update | delete | move
  std::string patch;
  int additions = 0;
  int deletions = 0;
  std::optional<std::string> move_path;
};
template <class Io>
void describe(Io& io, ChangedFile& file) {
  io.field("filePath", file.file_path);
  io.field("relativePath", file.relative_path);
  io.field("type", file.type);
  io.field("patch", file.patch);
  io.field("additions", file.additions);
  io.field("deletions", file.deletions);
  io.field("movePath", file.move_path);
}

struct Metadata {
  std::optional<std::string> filepath;  // of the permission request: the sources
  std::string diff;
  std::vector<ChangedFile> files;
  domain::JsonText diagnostics{"{}"};
};
template <class Io>
void describe(Io& io, Metadata& metadata) {
  io.field("filepath", metadata.filepath);
  io.field("diff", metadata.diff);
  io.field("files", metadata.files);
  if (!metadata.filepath) io.field("diagnostics", metadata.diagnostics);
}

struct Change {
  Section section;
  Target source;
  std::optional<Target> move;
  std::string before;  // of an update
  std::string text;    // new content
  bool byte_order_mark = false;
  unsigned mode = 0644;  // of a file that moves
  ChangedFile shown;

  const Target& target() const { return move ? *move : source; }
};

std::string problem(std::string_view what) { return fmt::format("apply_patch verification failed: {}", what); }

// Fills in what the change does. `pending`: texts of files that earlier sections of the same patch change.
std::expected<void, std::string> plan(Change& change, std::map<std::filesystem::path, TextFile>& pending) {
  const auto& file = change.source.file;
  const std::string path = change.source.shown.string();
  change.shown = {.file_path = path, .relative_path = change.target().title};
  if (change.section.kind == Section::Kind::add) {
    change.text = change.section.content;
    change.byte_order_mark = strip_byte_order_mark(change.text);
    const FileKind kind = kind_of(file);
    if (kind == FileKind::directory) return std::unexpected(problem(file_problem("writeFile", path, EISDIR)));
    const FileDiff diff = describe_change(path, "", change.text);
    change.shown.type = "add";
    change.shown.patch = diff.patch;
    change.shown.additions = diff.additions;
    pending[file] = {.text = change.text, .byte_order_mark = change.byte_order_mark};
    return {};
  }

  TextFile before;
  if (const auto known = pending.find(file); known != pending.end()) {
    before = known->second;
  } else {
    const bool update = change.section.kind == Section::Kind::update;
    if (update && kind_of(file) != FileKind::file)
      return std::unexpected(problem("Failed to read file to update: " + path));
    auto loaded = load_text(file);
    if (!loaded) return std::unexpected(problem(loaded.error()));
    before = std::move(*loaded);
  }
  if (change.section.kind == Section::Kind::remove) {
    const FileDiff diff = describe_change(path, before.text, "");
    change.shown.type = "delete";
    change.shown.patch = diff.patch;
    change.shown.deletions = static_cast<int>(std::ranges::count(before.text, '\n')) + 1;
    pending.erase(file);
    return {};
  }
  auto text = before.text;
  if (!change.section.chunks.empty()) {
    auto changed = apply_chunks(before.text, change.section.chunks, path);
    if (!changed) return std::unexpected(problem(changed.error()));
    text = std::move(*changed);
  }
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0) change.mode = status.st_mode & 07777;
  const FileDiff diff = describe_change(path, before.text, text);
  change.before = std::move(before.text);
  change.text = std::move(text);
  change.byte_order_mark = before.byte_order_mark;
  change.shown.type = change.move ? "move" : "update";
  change.shown.patch = diff.patch;
  change.shown.additions = diff.additions;
  change.shown.deletions = diff.deletions;
  if (change.move) {
    change.shown.move_path = change.move->shown.string();
    pending.erase(file);
  }
  pending[change.target().file] = {.text = change.text, .byte_order_mark = change.byte_order_mark};
  return {};
}

std::expected<void, std::string> carry_out(const Change& change) {
  const auto remove = [&]() -> std::expected<void, std::string> {
    std::error_code error;
    std::filesystem::remove(change.source.file, error);
    if (error) return std::unexpected(file_problem("remove", change.source.shown, error.value()));
    return {};
  };
  if (change.section.kind == Section::Kind::remove) return remove();
  const auto saved = save_text(change.target().file, change.text, change.byte_order_mark, change.mode);
  if (!saved || !change.move || change.move->file == change.source.file) return saved;
  return remove();
}

class ApplyPatch final : public Tool {
 public:
  explicit ApplyPatch(std::shared_ptr<FileLocks> locks) : locks_(std::move(locks)) {}
  std::string_view name() const override { return "apply_patch"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }
  std::string_view permission() const override { return "edit"; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    const auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(arguments.error());
    auto sections = parse_patch(arguments->patch_text);
    if (!sections) co_return failed(std::move(sections.error()));

    std::vector<Change> changes;
    for (Section& section : *sections) {
      Change change{.section = std::move(section)};
      change.source = resolve_path(change.section.path, context);
      change.source.shown = change.source.file;  // a patch names files, it does not quote them
      if (!change.section.move_to.empty()) {
        change.move = resolve_path(change.section.move_to, context);
        change.move->shown = change.move->file;
      }
      changes.push_back(std::move(change));
    }
    auto locked = co_await guard_and_lock_all(changes, context);
    if (!locked) co_return std::unexpected(locked.error());

    // All of it must fit before anything is written.
    const auto plan_all = [&changes]() -> std::expected<void, std::string> {
      std::map<std::filesystem::path, TextFile> pending;
      for (Change& change : changes) {
        if (auto planned = plan(change, pending); !planned) return planned;
      }
      return {};
    };
    auto planned = co_await blocking(context.loop, context.pool, plan_all);
    if (!planned) co_return failed(std::move(planned.error()));

    Metadata metadata;
    PermissionAsk ask{.permission = "edit", .always = {"*"}};
    for (const Change& change : changes) {
      metadata.diff += change.shown.patch + "\n";
      metadata.files.push_back(change.shown);
      ask.patterns.push_back(change.source.title);
    }
    metadata.filepath = fmt::format("{}", fmt::join(ask.patterns, ", "));
    ask.metadata = wire::encode_json_text(metadata);
    const auto allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());

    for (const Change& change : changes) {
      const auto act = [&change] { return carry_out(change); };
      auto done = co_await blocking(context.loop, context.pool, act);
      if (!done) co_return failed(std::move(done.error()));
    }
    co_await format_all(changes, context);
    metadata.diff.clear();
    metadata.files.clear();
    for (const Change& change : changes) {
      context.host.file_edited(change.source.file);
      if (change.move) context.host.file_edited(change.move->file);
      metadata.diff += change.shown.patch + "\n";
      metadata.files.push_back(change.shown);
    }
    std::string output = "Success. Updated the following files:";
    for (const Change& change : changes) {
      const char mark = change.shown.type == "add" ? 'A' : change.shown.type == "delete" ? 'D' : 'M';
      output += fmt::format("\n{} {}", mark, change.shown.relative_path);
    }
    metadata.filepath.reset();
    locked->clear();  // others may change the files while we wait for what their servers say
    std::vector<std::filesystem::path> touched;
    for (const Change& change : changes) {
      if (change.move) touched.push_back(change.source.file);
      touched.push_back(change.target().file);
    }
    const Diagnosed diagnosed = co_await diagnose(std::move(touched), context);
    metadata.diagnostics = diagnosed.metadata;
    for (const Change& change : changes) {
      if (change.section.kind == Section::Kind::remove) continue;
      const std::string errors = diagnosed.errors_of(change.target().file, change.target().file.string());
      if (errors.empty()) continue;
      output += fmt::format("\n\nLSP errors detected in {}, please fix:\n{}", change.shown.relative_path, errors);
    }
    co_return ToolOutput{.title = output, .output = output, .metadata = wire::encode_json_text(metadata)};
  }

 private:
  // Once all is written: two sections may have changed one file. The picture of the last one is that of the result.
  static Task<void> format_all(std::vector<Change>& changes, ToolContext& context) {
    for (auto change = changes.begin(); change != changes.end(); ++change) {
      const auto same_file = [&](const Change& later) { return later.target().file == change->target().file; };
      if (change->section.kind == Section::Kind::remove) continue;
      if (std::any_of(change + 1, changes.end(), same_file)) continue;
      const auto formatted = co_await format_written(change->target().file, change->byte_order_mark, context);
      if (!formatted) continue;
      const auto compare = [&change, &formatted] {
        return describe_change(change->shown.file_path, change->before, *formatted);
      };
      const FileDiff diff = co_await blocking(context.loop, context.pool, compare);
      change->shown.patch = diff.patch;
      change->shown.additions = diff.additions;
      change->shown.deletions = diff.deletions;
    }
  }

  // Locks come in one order for all calls, so that two patches never wait for each other.
  Task<std::expected<std::vector<FileLocks::Guard>, ToolFailure>> guard_and_lock_all(const std::vector<Change>& changes,
                                                                                     ToolContext& context) {
    std::set<std::filesystem::path> files;
    for (const Change& change : changes) {
      const auto source = co_await guard(change.source.file, PathKind::file, context);
      if (!source) co_return std::unexpected(source.error());
      files.insert(change.source.file);
      if (!change.move) continue;
      const auto moved = co_await guard(change.move->file, PathKind::file, context);
      if (!moved) co_return std::unexpected(moved.error());
      files.insert(change.move->file);
    }
    const auto resolve = [&files] {
      std::set<std::string> real;
      for (const auto& file : files) real.insert(real_path(file).string());
      return real;
    };
    const auto real = co_await blocking(context.loop, context.pool, resolve);
    std::vector<FileLocks::Guard> guards;
    for (const auto& path : real) {
      guards.push_back(co_await locks_->lock(context.loop, path, context.stop));
      if (!guards.back().held()) co_return std::unexpected(cancelled());
    }
    co_return std::expected<std::vector<FileLocks::Guard>, ToolFailure>(std::move(guards));
  }

  std::shared_ptr<FileLocks> locks_;
};

}  // namespace

std::unique_ptr<Tool> make_apply_patch(std::shared_ptr<FileLocks> locks) {
  return std::make_unique<ApplyPatch>(std::move(locks));
}

}  // namespace quarterdeck::tools
