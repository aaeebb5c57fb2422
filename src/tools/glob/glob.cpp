#include "tools/glob/glob.hpp"

#include "tools/arguments.hpp"
#include "tools/path_guard.hpp"
#include "tools/search/files_found.hpp"
#include "tools/search/search.hpp"
#include "tools/text_file.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::size_t kLimit = 100;

constexpr std::string_view kDescription =
    R"(Finds files by name, in a project of any size. The pattern is a glob: "*.ts" at any depth, "src/**/*.{js,ts}", "[ab]?.txt". Hidden and ignored files are found too. Answers with absolute paths, at most 100. To look for what is inside files use grep.)";

constexpr std::string_view kParameters =
    R"json({"type":"object","properties":{"pattern":{"type":"string","description":"The glob that file names must match"},"path":{"type":"string","description":"The directory to search; leave it out for the session's directory"}},"required":["pattern"]})json";

struct Arguments {
  std::string pattern;
  std::optional<std::string> path;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("pattern", arguments.pattern);
  io.field("path", arguments.path);
}

class Glob final : public Tool {
 public:
  std::string_view name() const override { return "glob"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }
  bool idempotent() const override { return true; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    const auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(arguments.error());
    PermissionAsk ask{.permission = "glob",
                      .patterns = {arguments->pattern},
                      .always = {"*"},
                      .metadata = wire::encode_json_text(*arguments)};
    auto allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());
    const Target target = resolve_path(arguments->path.value_or(""), context);
    allowed = co_await guard(target.file, PathKind::directory, context);
    if (!allowed) co_return std::unexpected(allowed.error());

    const auto look = [file = target.file] { return kind_of(file); };
    const FileKind kind = co_await blocking(context.loop, context.pool, look);
    if (kind == FileKind::missing || kind == FileKind::under_file) co_return failed("ripgrep execution failed");
    if (kind != FileKind::directory) co_return failed("glob path must be a directory: " + target.shown.string());

    FileQuery query{.directory = target.file, .pattern = arguments->pattern, .limit = kLimit};
    auto files = co_await find_files(std::move(query), context);
    if (context.stop.stop_requested()) co_return std::unexpected(cancelled());
    if (!files) co_return failed(std::move(files.error()));
    const FilesFound metadata{.count = std::ssize(*files), .truncated = files->size() == kLimit};
    std::string output = files->empty() ? "No files found" : "";
    for (const auto& file : *files) {
      if (!output.empty()) output += '\n';
      output += file.string();
    }
    if (metadata.truncated) {
      output +=
          "\n\n(Results are truncated: showing first 100 results. Consider using a more specific path or pattern.)";
    }
    co_return ToolOutput{
        .title = target.title, .output = wire::valid_utf8(output), .metadata = wire::encode_json_text(metadata)};
  }
};

}  // namespace

std::unique_ptr<Tool> make_glob() { return std::make_unique<Glob>(); }

}  // namespace quarterdeck::tools
