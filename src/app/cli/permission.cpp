#include <unistd.h>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/table.hpp"
#include "app/cli/terminal.hpp"
#include "base/encoding.hpp"

namespace quarterdeck::app {
namespace {

Task<int> list(Connected with, PermissionListOptions options) {
  Client::Call current{.path = "/project/current", .query = {{"directory", options.target.directory}}};
  auto project = co_await with.client.call(std::move(current));
  if (!project) co_return give_up(project.error(), options.target);
  Client::Call call{.path = "/api/permission/saved", .query = {{"projectID", wire::string_at(*project, "id")}}};
  auto saved = co_await with.client.call(std::move(call));
  if (!saved) co_return give_up(saved.error(), options.target);
  const wire::JsonArray* rules = wire::array_at(*saved, "data");
  if (options.format == Format::json) {
    co_return write_all(STDOUT_FILENO, (rules ? wire::to_text(*rules) : "[]") + "\n") ? kExitOk : kExitFailed;
  }
  if (rules == nullptr || rules->empty()) {
    complain(fmt::format("nothing is always allowed in {}", options.target.directory));
    co_return kExitOk;
  }
  Table table({"ID", "PERMISSION", "PATTERN"});
  for (const auto& rule : *rules) {
    table.add({{harmless(wire::string_at(rule, "id"))},
               {harmless(wire::string_at(rule, "action"))},
               {harmless(wire::string_at(rule, "resource"))}});
  }
  co_return write_all(STDOUT_FILENO, table.text(style_of(STDOUT_FILENO))) ? kExitOk : kExitFailed;
}

Task<int> remove(Connected with, PermissionRemoveOptions options) {
  Client::Call call{.method = "DELETE", .path = "/api/permission/saved/" + percent_encode(options.id)};
  auto removed = co_await with.client.call(std::move(call));
  if (!removed) co_return give_up(removed.error(), options.target);
  co_return write_all(STDOUT_FILENO, fmt::format("removed {}\n", options.id)) ? kExitOk : kExitFailed;
}

}  // namespace

int permission_list(const PermissionListOptions& options) {
  return on_loop(options.target, [&](Connected with) { return list(with, options); });
}

int permission_remove(const PermissionRemoveOptions& options) {
  return on_loop(options.target, [&](Connected with) { return remove(with, options); });
}

}  // namespace quarterdeck::app
