#include "tools/path_guard.hpp"

#include "wire/codec.hpp"

namespace quarterdeck::tools {
namespace {

std::filesystem::path without_trailing_slash(const std::filesystem::path& path) {
  return path.has_filename() || path == path.root_path() ? path : path.parent_path();
}

bool contains(const std::filesystem::path& directory, const std::filesystem::path& file) {
  const auto relative = file.lexically_relative(directory);
  return !relative.empty() && *relative.begin() != "..";
}

struct OutsideMetadata {
  std::string filepath;
  std::string parent;
};
template <class Io>
void describe(Io& io, OutsideMetadata& metadata) {
  io.field("filepath", metadata.filepath);
  io.field("parentDir", metadata.parent);
}

}  // namespace

Target resolve_path(std::string_view path, const ToolContext& context) {
  // A NUL would cut the path short on its way to the system: "a.txt\0b" must not open a.txt.
  const std::filesystem::path given(path.substr(0, path.find('\0')));
  Target target;
  target.file = without_trailing_slash((context.directory / given).lexically_normal());
  target.shown = given.is_absolute() ? given : target.file;
  target.title = relative_title(target.file, context);
  return target;
}

std::string relative_title(const std::filesystem::path& file, const ToolContext& context) {
  const auto relative = file.lexically_relative(context.worktree);
  return relative == "." ? "" : relative.string();
}

std::filesystem::path real_path(const std::filesystem::path& file) {
  std::error_code error;
  auto real = std::filesystem::weakly_canonical(file, error);
  // A loop of links leads nowhere: it is where it says it is.
  return error ? file.lexically_normal() : without_trailing_slash(real);
}

bool is_inside(const std::filesystem::path& file, const ToolContext& context) {
  const auto real = real_path(file);
  if (contains(real_path(context.directory), real)) return true;
  return context.worktree != "/" && !context.worktree.empty() && contains(real_path(context.worktree), real);
}

Task<std::expected<void, ToolFailure>> guard(std::filesystem::path file, PathKind kind, ToolContext& context) {
  struct Place {
    bool inside;
    std::filesystem::path directory;
  };
  const auto look = [&context, file, kind]() -> Place {
    if (is_inside(file, context)) return {true, {}};
    // Where a link leads is what a person must be asked about.
    const auto real = real_path(file);
    const auto shown = is_inside(file.parent_path(), context) ? real : file;
    return {false, kind == PathKind::directory ? shown : shown.parent_path()};
  };
  const Place place = co_await blocking(context.loop, context.pool, look);
  if (place.inside) co_return std::expected<void, ToolFailure>();
  const std::string pattern = (place.directory / "*").string();
  const OutsideMetadata metadata{.filepath = file.string(), .parent = place.directory.string()};
  PermissionAsk ask{.permission = "external_directory",
                    .patterns = {pattern},
                    .always = {pattern},
                    .metadata = wire::encode_json_text(metadata)};
  co_return co_await context.host.ask(std::move(ask));
}

}  // namespace quarterdeck::tools
