#include "tools/write/write.hpp"

#include "tools/after_change.hpp"
#include "tools/arguments.hpp"
#include "tools/file_change.hpp"
#include "tools/text_file.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::string_view kDescription =
    R"(Writes a file: creates it, with the directories above it, or replaces everything that was in it.

Prefer edit for changing a part of an existing file. Read an existing file before you replace it, so that nothing is lost that you did not know of. The content is stored exactly as given. Write documentation files only when asked to.)";

constexpr std::string_view kParameters =
    R"({"type":"object","properties":{"content":{"type":"string","description":"All of the file's new content"},"filePath":{"type":"string","description":"The absolute path of the file to write"}},"required":["content","filePath"]})";

struct Arguments {
  std::string content;
  std::string file_path;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("content", arguments.content);
  io.field("filePath", arguments.file_path);
}

// Errors of this many other files are told.
constexpr int kOtherFilesMax = 5;

struct Metadata {
  domain::JsonText diagnostics{"{}"};
  std::string filepath;
  bool exists = false;
};
template <class Io>
void describe(Io& io, Metadata& metadata) {
  io.field("diagnostics", metadata.diagnostics);
  io.field("filepath", metadata.filepath);
  io.field("exists", metadata.exists);
}

class Write final : public Tool {
 public:
  explicit Write(std::shared_ptr<FileLocks> locks) : locks_(std::move(locks)) {}
  std::string_view name() const override { return "write"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }
  std::string_view permission() const override { return "edit"; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(std::move(arguments.error()));
    const Target target = resolve_path(arguments->file_path, context);
    auto lock = co_await guard_and_lock(target, locks_, context);
    if (!lock) co_return std::unexpected(lock.error());

    struct Before {
      std::expected<TextFile, std::string> old;
      bool exists = false;
      std::string diff;
    };
    bool mark = strip_byte_order_mark(arguments->content);
    const auto compare = [file = target.file, shown = target.shown, &text = arguments->content]() -> Before {
      Before before{.old = TextFile{}};
      const FileKind kind = kind_of(file);
      before.exists = kind != FileKind::missing && kind != FileKind::under_file;
      if (before.exists) before.old = load_text(file);
      if (before.old) before.diff = describe_change(shown, before.old->text, text).patch;
      return before;
    };
    Before before = co_await blocking(context.loop, context.pool, compare);
    if (!before.old) co_return failed(std::move(before.old.error()));
    const auto allowed = co_await ask_to_edit(target, std::move(before.diff), context);
    if (!allowed) co_return std::unexpected(allowed.error());

    mark = mark || before.old->byte_order_mark;
    const auto save = [&target, &text = arguments->content, mark] { return save_text(target.file, text, mark); };
    auto saved = co_await blocking(context.loop, context.pool, save);
    if (!saved) co_return failed(std::move(saved.error()));
    static_cast<void>(co_await format_written(target.file, mark, context));
    context.host.file_edited(target.file);
    *lock = FileLocks::Guard();  // others may change it while we wait for what its servers say
    const Diagnosed diagnosed = co_await diagnose({target.file}, context);
    const Metadata metadata{
        .diagnostics = diagnosed.metadata, .filepath = target.shown.string(), .exists = before.exists};
    co_return ToolOutput{.title = target.title,
                         .output = "Wrote file successfully." + errors_everywhere(diagnosed, target),
                         .metadata = wire::encode_json_text(metadata)};
  }

 private:
  static std::string errors_everywhere(const Diagnosed& diagnosed, const Target& target) {
    std::string text;
    int others = 0;
    for (const auto& each : diagnosed.all) {
      const bool this_file = each.file == target.file;
      if (!this_file && others >= kOtherFilesMax) continue;
      const std::string errors = lsp::report(this_file ? target.shown.string() : each.file.string(), each.list);
      if (errors.empty()) continue;
      if (!this_file) ++others;
      text += fmt::format("\n\nLSP errors detected in {}:\n{}", this_file ? "this file, please fix" : "other files",
                          errors);
    }
    return text;
  }

  std::shared_ptr<FileLocks> locks_;
};

}  // namespace

std::unique_ptr<Tool> make_write(std::shared_ptr<FileLocks> locks) { return std::make_unique<Write>(std::move(locks)); }

}  // namespace quarterdeck::tools
