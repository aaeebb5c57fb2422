#include "api/opencode/routes.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"
#include "workspace/changes.hpp"

namespace quarterdeck::api::opencode {
namespace {

constexpr std::int64_t kContextLinesMax = 10'000;

struct VcsRoutes {
  Services& services;

  Task<workspace::Location> location(const Call& call) const {
    std::filesystem::path directory = requested_directory(call.request, services.directory);
    const auto instance = co_await services.engine.instances.open(std::move(directory));
    co_return instance->location;
  }

  Task<Result<std::vector<workspace::FileChange>>> changes(workspace::Location location,
                                                           workspace::ChangeQuery query) const {
    co_return co_await workspace::changes(services.engine.loop, services.engine.pool, services.engine.processes,
                                          std::move(location), std::move(query));
  }

  Task<net::Response> get(Call call) const {
    const workspace::Location where = co_await location(call);
    if (!where.project.vcs) co_return json("{}");
    const std::string branch = workspace::current_branch(where.worktree);
    const std::string usual = co_await workspace::default_branch(services.engine.processes, where.worktree);
    std::string out = "{";
    if (!branch.empty()) out += fmt::format(R"("branch":{})", wire::quoted(branch));
    if (!usual.empty()) out += fmt::format(R"({}"default_branch":{})", branch.empty() ? "" : ",", wire::quoted(usual));
    co_return json(out + '}');
  }

  Task<net::Response> status(Call call) const {
    workspace::Location where = co_await location(call);
    const auto changed = co_await changes(std::move(where), {});
    if (!changed) co_return error_response(changed.error());
    co_return json(changes_json(*changed));
  }

  Task<net::Response> diff(Call call) const {
    const auto mode = call.request.query_value("mode");
    if (!mode) co_return bad_request("Missing key\n  at [\"mode\"]", Where::query);
    if (*mode != "git" && *mode != "branch") {
      co_return bad_request(fmt::format("Expected \"git\" | \"branch\", got {}\n  at [\"mode\"]", wire::quoted(*mode)),
                            Where::query);
    }
    workspace::Location where = co_await location(call);
    workspace::ChangeQuery query{.patches = true};
    if (const auto lines = query_number(call.request, "context"); lines && *lines >= 0) {
      query.context_lines = static_cast<int>(std::min(*lines, kContextLinesMax));
    }
    if (*mode == "branch" && where.project.vcs) {
      query.base = co_await workspace::branch_point(services.engine.processes, where.worktree);
      if (query.base.empty()) co_return json("[]");
    }
    const auto changed = co_await changes(std::move(where), std::move(query));
    if (!changed) co_return error_response(changed.error());
    co_return json(changes_json(*changed));
  }

  Task<net::Response> raw(Call call) const {
    workspace::Location where = co_await location(call);
    workspace::ChangeQuery query{.patches = true};
    const auto changed = co_await changes(std::move(where), std::move(query));
    if (!changed) co_return error_response(changed.error());
    std::string out;
    for (const auto& change : *changed) out += change.patch;
    co_return net::Response{.headers = {{"Content-Type", "text/x-diff; charset=utf-8"}}, .body = std::move(out)};
  }

  static std::string changes_json(const std::vector<workspace::FileChange>& changes) {
    std::string out = "[";
    for (const auto& change : changes) {
      if (out.size() > 1) out += ',';
      out += fmt::format(R"({{"file":{},)", wire::quoted(change.file));
      if (!change.patch.empty()) out += fmt::format(R"("patch":{},)", wire::quoted(change.patch));
      out += fmt::format(R"("additions":{},"deletions":{},"status":"{}"}})", change.additions, change.deletions,
                         change.status);
    }
    return out + ']';
  }
};

}  // namespace

std::vector<Route> vcs_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (VcsRoutes::*handler)(Call) const) {
    return [routes = VcsRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = VcsRoutes;
  const Query directory{"directory", "Working directory; x-opencode-directory says the same"};
  return {
      {"GET", "/vcs", "vcs.get", "The current branch and the default one", bind(&R::get), "Vcs", "", {directory}},
      {"GET",
       "/vcs/status",
       "vcs.status",
       "Files that differ from the last commit",
       bind(&R::status),
       "VcsFileStatusList",
       "",
       {directory}},
      {"GET",
       "/vcs/diff",
       "vcs.diff",
       "The differences, file by file",
       bind(&R::diff),
       "VcsFileDiffList",
       "",
       {directory,
        {"mode", "git: since the last commit; branch: since the default branch was left", true},
        {"context", "unchanged lines around a change; default 3"}}},
      {"GET",
       "/vcs/diff/raw",
       "vcs.diff.raw",
       "The same since the last commit, as one patch (text/x-diff)",
       bind(&R::raw),
       "RawDiff",
       "",
       {directory}},
  };
}

}  // namespace quarterdeck::api::opencode
