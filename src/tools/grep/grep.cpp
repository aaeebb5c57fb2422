#include "tools/grep/grep.hpp"

#include "tools/arguments.hpp"
#include "tools/path_guard.hpp"
#include "tools/read/line_window.hpp"
#include "tools/search/search.hpp"
#include "tools/text_file.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::size_t kLimit = 100;

constexpr std::string_view kDescription =
    R"(Searches the contents of files with a regular expression, in a project of any size, for instance "log.*Error" or "function\s+\w+". Look-around and matches over several lines are not supported. Narrow it with include ("*.js", "*.{ts,tsx}") or with path, a directory or one file. Answers with files, line numbers and lines, at most 100. To find files by name use glob; to count matches or to search in other ways use rg in bash.)";

constexpr std::string_view kParameters =
    R"json({"type":"object","properties":{"pattern":{"type":"string","description":"The regular expression to search for"},"path":{"type":"string","description":"The directory or file to search; leave it out for the session's directory"},"include":{"type":"string","description":"A glob that file names must match, such as *.js or *.{ts,tsx}"}},"required":["pattern"]})json";

struct Arguments {
  std::string pattern;
  std::optional<std::string> path;
  std::optional<std::string> include;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("pattern", arguments.pattern);
  io.field("path", arguments.path);
  io.field("include", arguments.include);
}

struct Metadata {
  std::int64_t matches = 0;
  bool truncated = false;
};
template <class Io>
void describe(Io& io, Metadata& metadata) {
  io.field("matches", metadata.matches);
  io.field("truncated", metadata.truncated);
}

std::string show(const std::vector<Line>& lines, bool truncated) {
  if (lines.empty()) return "No files found";
  std::string out = fmt::format("Found {} matches{}", lines.size(), truncated ? " (more matches available)" : "");
  const std::filesystem::path* file = nullptr;
  for (const Line& line : lines) {
    if (file == nullptr || *file != line.file) {
      out += fmt::format("{}\n{}:", file ? "\n" : "", line.file.string());
      file = &line.file;
    }
    const auto text = prefix_units(line.text, kLineUnitsMax);
    out += fmt::format("\n  Line {}: {}{}", line.number, text, text.size() < line.text.size() ? "..." : "");
  }
  if (truncated) out += "\n\n(Results truncated. Consider using a more specific path or pattern.)";
  return wire::valid_utf8(out);
}

class Grep final : public Tool {
 public:
  std::string_view name() const override { return "grep"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }
  bool idempotent() const override { return true; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    const auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(arguments.error());
    if (arguments->pattern.empty()) co_return failed("pattern is required");
    PermissionAsk ask{.permission = "grep",
                      .patterns = {arguments->pattern},
                      .always = {"*"},
                      .metadata = wire::encode_json_text(*arguments)};
    auto allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());

    const Target target = resolve_path(arguments->path.value_or(""), context);
    const auto look = [file = target.file] { return kind_of(file); };
    const FileKind kind = co_await blocking(context.loop, context.pool, look);
    const bool directory = kind == FileKind::directory;
    allowed = co_await guard(target.file, directory ? PathKind::directory : PathKind::file, context);
    if (!allowed) co_return std::unexpected(allowed.error());
    if (!directory && kind != FileKind::file) co_return failed("No such file or directory: " + target.shown.string());

    LineQuery query{.directory = directory ? target.file : target.file.parent_path(),
                    .only = directory ? "" : target.file.filename().string(),
                    .pattern = arguments->pattern,
                    .include = arguments->include.value_or(""),
                    .limit = kLimit};
    auto lines = co_await find_lines(std::move(query), context);
    if (context.stop.stop_requested()) co_return std::unexpected(cancelled());
    if (!lines) co_return failed(std::move(lines.error()));
    const Metadata metadata{.matches = std::ssize(*lines), .truncated = lines->size() == kLimit};
    co_return ToolOutput{.title = arguments->pattern,
                         .output = show(*lines, metadata.truncated),
                         .metadata = wire::encode_json_text(metadata)};
  }
};

}  // namespace

std::unique_ptr<Tool> make_grep() { return std::make_unique<Grep>(); }

}  // namespace quarterdeck::tools
