#include "tools/file_change.hpp"

#include "tools/arguments.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::tools {
namespace {

struct EditMetadata {
  std::string filepath;
  std::string diff;
};
template <class Io>
void describe(Io& io, EditMetadata& metadata) {
  io.field("filepath", metadata.filepath);
  io.field("diff", metadata.diff);
}

}  // namespace

FileDiff describe_change(const std::filesystem::path& file, std::string_view before, std::string_view after) {
  auto patch = diff::make_patch(file.string(), before, after);
  return {.file = file.string(),
          .patch = diff::trim_common_indent(patch.text),
          .additions = patch.additions,
          .deletions = patch.deletions};
}

Task<std::expected<void, ToolFailure>> ask_to_edit(Target target, std::string diff, ToolContext& context) {
  const EditMetadata metadata{.filepath = target.shown.string(), .diff = std::move(diff)};
  PermissionAsk ask{
      .permission = "edit", .patterns = {target.title}, .always = {"*"}, .metadata = wire::encode_json_text(metadata)};
  co_return co_await context.host.ask(std::move(ask));
}

Task<std::expected<FileLocks::Guard, ToolFailure>> guard_and_lock(Target target, std::shared_ptr<FileLocks> locks,
                                                                  ToolContext& context) {
  // Calls of one step come here in their order, and what follows may overtake: the place in the queue is taken at once.
  const FileLocks::Guard place =
      co_await locks->lock(context.loop, "as written: " + target.file.string(), context.stop);
  if (!place.held()) co_return std::unexpected(cancelled());
  const auto allowed = co_await guard(target.file, PathKind::file, context);
  if (!allowed) co_return std::unexpected(allowed.error());
  const auto resolve = [file = target.file] { return real_path(file).string(); };
  std::string real = co_await blocking(context.loop, context.pool, resolve);
  FileLocks::Guard lock = co_await locks->lock(context.loop, std::move(real), context.stop);
  if (!lock.held()) co_return std::unexpected(cancelled());
  co_return std::expected<FileLocks::Guard, ToolFailure>(std::move(lock));
}

}  // namespace quarterdeck::tools
