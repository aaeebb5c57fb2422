#include "tools/read/read.hpp"

#include <cerrno>
#include <fstream>
#include <map>
#include <set>

#include "base/encoding.hpp"
#include "base/paths.hpp"
#include "lsp/servers.hpp"
#include "tools/arguments.hpp"
#include "tools/path_guard.hpp"
#include "tools/read/collate.hpp"
#include "tools/read/line_window.hpp"
#include "tools/read/media.hpp"
#include "tools/text_file.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::string_view kDescription =
    R"(Reads a file or a directory of this machine.

A file comes with a line number and ": " before each line; these are not part of it. Up to 2000 lines or 50 KB are shown at once; use offset and limit for the rest, and the grep tool to find a place in a large file. A directory comes as its names, directories with a slash. PNG, JPEG, GIF and WebP pictures and PDF files are shown to you as they are. Read several files at once when you are likely to need them.)";

constexpr std::string_view kParameters =
    R"({"type":"object","properties":{"filePath":{"type":"string","description":"The absolute path of the file or directory to read"},"offset":{"minimum":0,"type":"integer","description":"The line to start with, counted from 1"},"limit":{"minimum":0,"type":"integer","description":"How many lines to read at most; 2000 when not given"}},"required":["filePath"]})";

constexpr std::size_t kPreviewLines = 20;
constexpr std::size_t kEntriesMax = 100'000;
constexpr std::size_t kAttachmentBytesMax = 3'750'000;  // 5 MB as base64, what providers take
constexpr std::size_t kHeadBytes = 4096;
constexpr std::size_t kSessionsRemembered = 512;
constexpr std::string_view kOmitted = "\n\n[1 image omitted: could not be resized below the image size limit.]";

struct Arguments {
  std::string file_path;
  std::optional<std::int64_t> offset;
  std::optional<std::int64_t> limit;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("filePath", arguments.file_path);
  io.integer("offset", arguments.offset, {.value = 0});
  io.integer("limit", arguments.limit, {.value = 0});
}

struct FileDisplay {
  std::string type = "file";
  std::string path;
  std::string text;
  std::int64_t line_start = 1;
  std::int64_t line_end = 0;
  std::int64_t total_lines = 0;
  bool truncated = false;
};
template <class Io>
void describe(Io& io, FileDisplay& display) {
  io.field("type", display.type);
  io.field("path", display.path);
  io.field("text", display.text);
  io.field("lineStart", display.line_start);
  io.field("lineEnd", display.line_end);
  io.field("totalLines", display.total_lines);
  io.field("truncated", display.truncated);
}

struct DirectoryDisplay {
  std::string type = "directory";
  std::string path;
  std::vector<std::string> entries;
  std::int64_t offset = 1;
  std::int64_t total_entries = 0;
  bool truncated = false;
};
template <class Io>
void describe(Io& io, DirectoryDisplay& display) {
  io.field("type", display.type);
  io.field("path", display.path);
  io.field("entries", display.entries);
  io.field("offset", display.offset);
  io.field("totalEntries", display.total_entries);
  io.field("truncated", display.truncated);
}

struct Metadata {
  std::string preview;
  bool truncated = false;
  std::vector<std::string> loaded;  // instruction files that came with it
  std::optional<FileDisplay> file;
  std::optional<DirectoryDisplay> directory;
};
template <class Io>
void describe(Io& io, Metadata& metadata) {
  io.field("preview", metadata.preview);
  io.field("truncated", metadata.truncated);
  io.field("loaded", metadata.loaded);
  io.field("display", metadata.file);
  io.field("display", metadata.directory);
}

struct Media {
  std::string mime;
  std::string url;
};

struct Instructions {
  std::string file;
  std::string text;
};

// All that the pool found out.
struct Found {
  std::string output;
  Metadata metadata;
  std::optional<Media> media;
  std::vector<Instructions> instructions;  // nearest first
};
using Outcome = std::expected<Found, std::string>;

std::string join(std::span<const std::string> lines) { return fmt::format("{}", fmt::join(lines, "\n")); }

std::string preview_of(const std::vector<std::string>& lines) {
  return join(std::span(lines).first(std::min(lines.size(), kPreviewLines)));
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// Names the entries beside it whose name contains the missing one, or is contained in it.
std::string missing(const Target& target) {
  std::string message = "File not found: " + target.shown.string();
  const std::string wanted = lower(target.file.filename().string());
  std::vector<std::string> similar;
  std::error_code error;
  std::size_t seen = 0;
  for (std::filesystem::directory_iterator entry(target.file.parent_path(), error), end; !error && entry != end;
       entry.increment(error)) {
    if (++seen > kEntriesMax) break;
    const std::string name = entry->path().filename().string();
    if (lower(name).contains(wanted) || wanted.contains(lower(name))) similar.push_back(entry->path().string());
  }
  if (similar.empty()) return message;
  std::ranges::sort(similar, name_before);
  similar.resize(std::min<std::size_t>(similar.size(), 3));
  return message + "\n\nDid you mean one of these?\n" + join(similar);
}

Outcome read_directory(const Target& target, const Arguments& arguments) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(target.file, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    names.push_back(wire::valid_utf8(entry->path().filename().string()) + (entry->is_directory(ignored) ? "/" : ""));
    if (names.size() == kEntriesMax) break;
  }
  if (error) return std::unexpected(file_problem("readDirectory", target.shown, error.value()));
  std::ranges::sort(names, name_before);

  const std::size_t total = names.size();
  const std::size_t offset = static_cast<std::size_t>(std::max<std::int64_t>(arguments.offset.value_or(1), 1));
  const auto limit = static_cast<std::size_t>(arguments.limit.value_or(kReadLinesDefault));
  const std::size_t first = std::min(offset - 1, total);
  const std::size_t count = std::min(limit, total - first);
  const bool truncated = first + count < total;
  names = std::vector(names.begin() + static_cast<long>(first), names.begin() + static_cast<long>(first + count));

  Found found;
  const std::string foot =
      truncated ? fmt::format("(Showing {} of {} entries. Use 'offset' parameter to read beyond entry {})", count,
                              total, offset + count)
                : fmt::format("({} entries)", total);
  found.output = fmt::format("<path>{}</path>\n<type>directory</type>\n<entries>\n{}\n\n{}\n</entries>",
                             target.shown.string(), join(names), foot);
  found.metadata = {.preview = preview_of(names), .truncated = truncated};
  found.metadata.directory = DirectoryDisplay{.path = target.shown.string(),
                                              .entries = std::move(names),
                                              .offset = static_cast<std::int64_t>(offset),
                                              .total_entries = static_cast<std::int64_t>(total),
                                              .truncated = truncated};
  return found;
}

Outcome read_media(const Target& target, std::string_view mime) {
  Found found;
  const bool image = mime.starts_with("image/");
  found.output = image ? "Image read successfully" : "PDF read successfully";
  found.metadata.preview = found.output;
  std::error_code error;
  const auto size = std::filesystem::file_size(target.file, error);
  if (!error && !image && size > kAttachmentBytesMax) {
    return std::unexpected(
        fmt::format("PDF is too large to show ({} bytes at most): {}", kAttachmentBytesMax, target.shown.string()));
  }
  std::optional<std::string> bytes;
  if (!error && size <= kAttachmentBytesMax) {
    if (auto read = read_file(target.file)) bytes = std::move(*read);
  }
  if (bytes && (!image || is_whole_image(mime, *bytes))) {
    found.media = Media{.mime = std::string(mime), .url = fmt::format("data:{};base64,{}", mime, base64(*bytes))};
  } else {
    found.output += kOmitted;
  }
  return found;
}

// AGENTS.md of the directories between the session's and the file's: rules for this part of the project.
std::vector<Instructions> find_instructions(const std::filesystem::path& file, const std::filesystem::path& root) {
  constexpr std::size_t kBytesMax = 64 * 1024;
  std::vector<Instructions> found;
  for (auto directory = file.parent_path(); directory != root; directory = directory.parent_path()) {
    const auto relative = directory.lexically_relative(root);
    if (relative.empty() || *relative.begin() == ".." || !directory.has_relative_path()) return found;
    for (const std::string_view name : {"AGENTS.md", "CLAUDE.md", "CONTEXT.md"}) {
      const auto candidate = directory / name;
      if (kind_of(candidate) != FileKind::file) continue;
      if (candidate == file) break;
      if (auto text = load_text(candidate); text && !text->text.empty()) {
        if (text->text.size() > kBytesMax) text->text = wire::valid_utf8(text->text.substr(0, kBytesMax));
        found.push_back({.file = candidate.string(), .text = std::move(text->text)});
      }
      break;
    }
  }
  return found;
}

Outcome read_text(const Target& target, const Arguments& arguments, const std::stop_token& stop) {
  const std::int64_t start = std::max<std::int64_t>(arguments.offset.value_or(1), 1);
  auto window = read_lines(target.file, start, arguments.limit.value_or(kReadLinesDefault), stop);
  if (!window) return std::unexpected(file_problem("readFile", target.shown, window.error()));
  if (start > window->total && !(window->total == 0 && start == 1)) {
    return std::unexpected(fmt::format("Offset {} is out of range for this file ({} lines)", start, window->total));
  }
  const std::int64_t last = start + std::ssize(window->lines) - 1;
  std::string numbered;
  for (std::int64_t number = start; const auto& line : window->lines) {
    if (number > start) numbered += '\n';
    numbered += fmt::format("{}: {}", number++, line);
  }
  std::string foot;
  if (window->capped) {
    foot =
        fmt::format("(Output capped at 50 KB. Showing lines {}-{}. Use offset={} to continue.)", start, last, last + 1);
  } else if (window->more) {
    foot = fmt::format("(Showing lines {}-{} of {}. Use offset={} to continue.)", start, last, window->total, last + 1);
  } else {
    foot = fmt::format("(End of file - total {} lines)", window->total);
  }
  Found found;
  found.output = fmt::format("<path>{}</path>\n<type>file</type>\n<content>\n{}\n\n{}\n</content>",
                             target.shown.string(), numbered, foot);
  found.metadata = {.preview = preview_of(window->lines), .truncated = window->more};
  found.metadata.file = FileDisplay{.path = target.shown.string(),
                                    .text = join(window->lines),
                                    .line_start = start,
                                    .line_end = last,
                                    .total_lines = window->total,
                                    .truncated = window->more};
  return found;
}

Outcome look(const Target& target, const Arguments& arguments, const std::filesystem::path& root,
             const std::stop_token& stop) {
  switch (kind_of(target.file)) {
    case FileKind::missing: return std::unexpected(missing(target));
    case FileKind::under_file: return std::unexpected(file_problem("stat", target.shown, ENOTDIR));
    case FileKind::directory: return read_directory(target, arguments);
    // A pipe or a device may never end.
    case FileKind::other: return std::unexpected("Cannot read binary file: " + target.shown.string());
    case FileKind::file: break;
  }
  std::ifstream stream(target.file, std::ios::binary);
  if (!stream) return std::unexpected(file_problem("open", target.shown, EACCES));
  std::string head(kHeadBytes, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(stream.gcount()));

  Outcome found;
  if (const auto mime = media_type(target.file, head)) {
    found = read_media(target, *mime);
  } else if (is_binary(target.file, head)) {
    return std::unexpected("Cannot read binary file: " + target.shown.string());
  } else {
    found = read_text(target, arguments, stop);
  }
  if (found && !found->media) found->instructions = find_instructions(target.file, root);
  return found;
}

class Read final : public Tool {
 public:
  std::string_view name() const override { return "read"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }
  bool idempotent() const override { return true; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    const auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(arguments.error());
    const Target target = resolve_path(arguments->file_path, context);
    const auto is_directory = [&target] { return kind_of(target.file) == FileKind::directory; };
    const bool directory = co_await blocking(context.loop, context.pool, is_directory);
    auto allowed = co_await guard(target.file, directory ? PathKind::directory : PathKind::file, context);
    if (!allowed) co_return std::unexpected(allowed.error());
    PermissionAsk ask{.permission = "read", .patterns = {target.title}, .always = {"*"}};
    allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());

    const auto work = [&] { return look(target, *arguments, context.directory, context.stop); };
    Outcome found = co_await blocking(context.loop, context.pool, work);
    if (context.stop.stop_requested()) co_return std::unexpected(cancelled());
    if (!found) co_return failed(std::move(found.error()));
    if (context.language_servers && !directory && !found->media) context.language_servers->touch(target.file);
    add_instructions(*found, context.session_id);
    ToolOutput output{
        .title = target.title, .output = std::move(found->output), .metadata = wire::encode_json_text(found->metadata)};
    if (found->media) {
      output.attachments.push_back(
          {.id = context.ids.part(), .mime = std::move(found->media->mime), .url = std::move(found->media->url)});
    }
    co_return output;
  }

 private:
  // Each instruction file comes once in a session. Forgotten at a restart: then it comes once more, which does no harm.
  void add_instructions(Found& found, const SessionId& session) {
    if (found.instructions.empty()) return;
    if (shown_.size() >= kSessionsRemembered && !shown_.contains(session)) shown_.erase(shown_.begin());
    auto& shown = shown_[session];
    std::string reminder;
    for (const auto& [file, text] : found.instructions) {
      if (!shown.insert(file).second) continue;
      if (!reminder.empty()) reminder += "\n\n";
      reminder += fmt::format("Instructions from: {}\n{}", file, text);
      found.metadata.loaded.push_back(file);
    }
    if (!reminder.empty()) found.output += fmt::format("\n\n<system-reminder>\n{}\n</system-reminder>", reminder);
  }

  std::map<SessionId, std::set<std::string>> shown_;
};

}  // namespace

std::unique_ptr<Tool> make_read() { return std::make_unique<Read>(); }

}  // namespace quarterdeck::tools
