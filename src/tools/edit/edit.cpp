#include "tools/edit/edit.hpp"

#include "tools/after_change.hpp"
#include "tools/arguments.hpp"
#include "tools/edit/replace.hpp"
#include "tools/file_change.hpp"
#include "tools/text_file.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::string_view kDescription =
    R"(Replaces oldString by newString in a file.

Read the file first. oldString must be the file's own text, with its indentation and without the line numbers that read puts in front, and must stand there exactly once: take in enough lines around it, or set replaceAll to change every occurrence, for instance to rename something. With an empty oldString a new file is made from newString.)";

constexpr std::string_view kParameters =
    R"({"type":"object","properties":{"filePath":{"type":"string","description":"The absolute path of the file to change"},"oldString":{"type":"string","description":"The text to replace"},"newString":{"type":"string","description":"The text to put in its place; must differ from oldString"},"replaceAll":{"type":"boolean","description":"Replace every occurrence of oldString; default false"}},"required":["filePath","oldString","newString"]})";

struct Arguments {
  std::string file_path;
  std::string old_string;
  std::string new_string;
  std::optional<bool> replace_all;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("filePath", arguments.file_path);
  io.field("oldString", arguments.old_string);
  io.field("newString", arguments.new_string);
  io.field("replaceAll", arguments.replace_all);
}

struct Metadata {
  FileDiff filediff;
  domain::JsonText diagnostics{"{}"};
};
template <class Io>
void describe(Io& io, Metadata& metadata) {
  io.field("diagnostics", metadata.diagnostics);
  io.field("diff", metadata.filediff.patch);
  io.field("filediff", metadata.filediff);
}

struct Change {
  std::string before;
  std::string text;
  bool byte_order_mark = false;
  FileDiff diff;
};

// In the file's own line ends, without a byte order mark.
std::string as_in_file(std::string text, bool carriage_returns) {
  strip_byte_order_mark(text);
  text = with_line_feeds(text);
  if (!carriage_returns) return text;
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::expected<Change, std::string> create(const Target& target, const Arguments& arguments) {
  const FileKind kind = kind_of(target.file);
  if (kind != FileKind::missing && kind != FileKind::under_file) {
    return std::unexpected(
        "oldString cannot be empty when editing an existing file. Provide the exact text to replace, or use write for "
        "an "
        "intentional full-file replacement.");
  }
  Change change{.text = arguments.new_string};
  change.byte_order_mark = strip_byte_order_mark(change.text);
  change.diff = describe_change(target.shown, "", with_line_feeds(change.text));
  return change;
}

std::expected<Change, std::string> plan(const Target& target, const Arguments& arguments) {
  if (arguments.old_string.empty()) return create(target, arguments);
  const FileKind kind = kind_of(target.file);
  if (kind == FileKind::missing || kind == FileKind::under_file) {
    return std::unexpected(fmt::format("File {} not found", target.shown.string()));
  }
  if (kind == FileKind::directory) {
    return std::unexpected(fmt::format("Path is a directory, not a file: {}", target.shown.string()));
  }
  auto file = load_text(target.file);
  if (!file) return std::unexpected(std::move(file.error()));
  const bool carriage_returns = file->text.contains("\r\n");
  const auto occurrences = arguments.replace_all.value_or(false) ? Occurrences::all : Occurrences::one;
  auto text = replace_text(file->text, as_in_file(arguments.old_string, carriage_returns),
                           as_in_file(arguments.new_string, carriage_returns), occurrences);
  if (!text) return std::unexpected(std::move(text.error()));
  Change change{
      .before = with_line_feeds(file->text), .text = std::move(*text), .byte_order_mark = file->byte_order_mark};
  change.diff = describe_change(target.shown, change.before, with_line_feeds(change.text));
  return change;
}

class Edit final : public Tool {
 public:
  explicit Edit(std::shared_ptr<FileLocks> locks) : locks_(std::move(locks)) {}
  std::string_view name() const override { return "edit"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(std::move(arguments.error()));
    if (arguments->old_string == arguments->new_string) {
      co_return failed("No changes to apply: oldString and newString are identical.");
    }
    const Target target = resolve_path(arguments->file_path, context);
    auto lock = co_await guard_and_lock(target, locks_, context);
    if (!lock) co_return std::unexpected(lock.error());

    const auto make_plan = [&target, &arguments] { return plan(target, *arguments); };
    auto change = co_await blocking(context.loop, context.pool, make_plan);
    if (!change) co_return failed(std::move(change.error()));
    const auto allowed = co_await ask_to_edit(target, change->diff.patch, context);
    if (!allowed) co_return std::unexpected(allowed.error());

    const auto save = [&target, &change] { return save_text(target.file, change->text, change->byte_order_mark); };
    auto saved = co_await blocking(context.loop, context.pool, save);
    if (!saved) co_return failed(std::move(saved.error()));
    if (const auto formatted = co_await format_written(target.file, change->byte_order_mark, context)) {
      const auto compare = [&target, &change, &formatted] {
        return describe_change(target.shown, change->before, with_line_feeds(*formatted));
      };
      change->diff = co_await blocking(context.loop, context.pool, compare);
    }
    context.host.file_edited(target.file);
    *lock = FileLocks::Guard();  // others may change it while we wait for what its servers say
    Metadata metadata{.filediff = std::move(change->diff)};
    context.host.progress(std::nullopt, wire::encode_json_text(metadata));
    const Diagnosed diagnosed = co_await diagnose({target.file}, context);
    metadata.diagnostics = diagnosed.metadata;
    ToolOutput output{
        .title = target.title, .output = "Edit applied successfully.", .metadata = wire::encode_json_text(metadata)};
    if (const std::string errors = diagnosed.errors_of(target.file, target.shown.string()); !errors.empty()) {
      output.output += "\n\nLSP errors detected in this file, please fix:\n" + errors;
    }
    co_return output;
  }

 private:
  std::shared_ptr<FileLocks> locks_;
};

}  // namespace

std::unique_ptr<Tool> make_edit(std::shared_ptr<FileLocks> locks) { return std::make_unique<Edit>(std::move(locks)); }

}  // namespace quarterdeck::tools
