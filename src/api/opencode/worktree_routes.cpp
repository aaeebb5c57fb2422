// Extra checkouts of a project, patches to it, and a repository where there is none.
#include <algorithm>

#include "api/opencode/routes.hpp"
#include "base/log.hpp"
#include "session/instance.hpp"
#include "session/state.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/project.hpp"
#include "workspace/worktrees.hpp"

namespace quarterdeck::api::opencode {
namespace {

constexpr int kNameAttemptsMax = 20;
constexpr std::int64_t kStartCommandMs = 600'000;
constexpr std::size_t kStartOutputBytesMax = 64 * 1024;

net::Response failed(std::string_view name, std::string_view message) {
  return json(fmt::format(R"({{"name":"{}","data":{{"message":{}}}}})", name, wire::quoted(message)), 400);
}

net::Response cannot_apply(std::string_view message, std::string_view reason) {
  return json(
      fmt::format(R"({{"name":"VcsApplyError","data":{{"message":{},"reason":"{}"}}}})", wire::quoted(message), reason),
      400);
}

// The text member of a body that is an object; empty when it is absent.
Result<std::string> text_member(const std::string& body, std::string_view name, bool required) {
  if (body.empty() && !required) return std::string();
  if (body.empty()) return fail(ErrorCode::invalid, "Expected object, got undefined");
  TRY(const auto parsed, wire::parse(body));
  if (!parsed.is_object()) return fail(ErrorCode::invalid, "Expected object");
  const wire::Json* value = wire::value_at(parsed, name);
  if (!value && required) return fail(ErrorCode::invalid, "Missing key\n  at [{}]", wire::quoted(name));
  if (!value) return std::string();
  if (!value->is_string()) return fail(ErrorCode::invalid, "Expected string\n  at [{}]", wire::quoted(name));
  return std::string(value->as_string());
}

struct WorktreeRoutes {
  Services& services;

  Task<std::shared_ptr<session::Instance>> instance(const Call& call) const {
    std::filesystem::path directory = requested_directory(call.request, services.directory);
    co_return co_await services.engine.instances.open(std::move(directory));
  }
  static bool has_commits(const session::Instance& instance) {
    return instance.location.worktree != "/" && instance.location.project.vcs.has_value();
  }

  Task<net::Response> list(Call call) const {
    const auto found = co_await instance(call);
    if (!has_commits(*found)) co_return json("[]");
    const auto worktrees = co_await workspace::list_worktrees(services.engine.processes, found->location.worktree);
    if (!worktrees) co_return failed("WorktreeListFailedError", worktrees.error().message);
    std::string out = "[";
    for (const auto& worktree : *worktrees) {
      if (out.size() > 1) out += ',';
      wire::append_quoted(out, worktree.directory.string());
    }
    co_return json(out + ']');
  }

  Task<net::Response> create(Call call) const {
    const auto wanted = text_member(call.request.body, "name", false);
    if (!wanted) co_return bad_request(wanted.error().message, Where::payload);
    const auto start = text_member(call.request.body, "startCommand", false);
    if (!start) co_return bad_request(start.error().message, Where::payload);
    const auto found = co_await instance(call);
    if (!has_commits(*found)) co_return failed("WorktreeNotGitError", "Worktrees are only supported for git projects");
    const domain::Project& project = found->location.project;
    const auto parent = services.engine.places.data / "worktree" / project.id;
    std::error_code error;
    std::filesystem::create_directories(parent, error);
    if (error) co_return failed("WorktreeCreateFailedError", error.message());
    std::string name = workspace::worktree_name(*wanted);
    const std::string base = name;
    for (int attempt = 0; name.empty() || std::filesystem::exists(parent / name, error); ++attempt) {
      if (attempt == kNameAttemptsMax) co_return failed("WorktreeNameGenerationFailedError", "No name is free");
      name = base + (base.empty() ? "" : "-") + session::name_of(services.engine.ids.random());
    }
    const auto made =
        co_await workspace::add_worktree(services.engine.processes, found->location.worktree, parent / name, name);
    if (!made) co_return failed("WorktreeCreateFailedError", made.error().message);
    co_await note_sandboxes(found);
    const std::string described =
        fmt::format(R"("name":{},"branch":{})", wire::quoted(name), wire::quoted(made->branch));
    tell(*found, made->directory, "worktree.ready", fmt::format("{{{}}}", described));
    services.background.spawn(run_start(found, made->directory, *start));
    co_return json(fmt::format(R"({{{},"directory":{}}})", described, wire::quoted(made->directory.string())));
  }

  // The project's own start command, then the one of the request. As in OpenCode nobody waits for them: the first may
  // install everything. Unlike there, one that fails is told.
  Task<void> run_start(std::shared_ptr<session::Instance> found, std::filesystem::path directory,
                       std::string more) const {
    std::vector<std::string> commands;
    const auto project = services.engine.query.project(found->location.project.id);
    if (project && project->commands) {
      const auto parsed = wire::parse(project->commands->text);
      if (parsed) commands.push_back(wire::string_at(*parsed, "start"));
    }
    commands.push_back(std::move(more));
    for (std::string& command : commands) {
      if (command.empty()) continue;
      const Result<void> done = co_await run(directory, std::move(command));
      if (done || services.engine.shutting_down()) continue;
      log::warn("worktree: {}: {}", directory.string(), done.error().message);
      tell(*found, directory, "worktree.failed",
           fmt::format(R"({{"message":{}}})", wire::quoted(done.error().message)));
      co_return;
    }
  }

  Task<Result<void>> run(std::filesystem::path directory, std::string command) const {
    process::Spawn spawn{.argv = {"bash", "-lc", std::move(command)}, .directory = std::move(directory)};
    spawn.environment = process::tool_environment();
    spawn.timeout_ms = kStartCommandMs;
    CO_TRY(const auto said, co_await process::collect(services.engine.processes, std::move(spawn), kStartOutputBytesMax,
                                                      services.engine.shutdown));
    if (said.exit.code == 0) co_return Result<void>();
    const std::string how = said.exit.code ? fmt::format("failed with {}", *said.exit.code) : "was ended";
    co_return fail(ErrorCode::invalid, "The start command {}: {}", how, said.output);
  }

  // Clients show a project's checkouts.
  Task<void> note_sandboxes(std::shared_ptr<session::Instance> found) const {
    const auto worktrees = co_await workspace::list_worktrees(services.engine.processes, found->location.worktree);
    if (!worktrees) co_return;
    auto project = services.engine.query.project(found->location.project.id).value_or(found->location.project);
    project.sandboxes.clear();
    for (const auto& worktree : *worktrees) project.sandboxes.push_back(worktree.directory.string());
    project.updated = services.engine.clock.now_ms();
    if (project.created == 0) project.created = project.updated;
    const auto stored = co_await services.engine.store.put_project(project);
    if (!stored) co_return;
    services.engine.feed.publish(feed::Notice{.directory = "global",
                                              .project_id = project.id,
                                              .type = "project.updated",
                                              .properties = wire::encode_project(project)});
  }

  // Of the checkout, not of who asked for it: OpenCode's web app waits for it there.
  void tell(const session::Instance& found, const std::filesystem::path& checkout, std::string type,
            std::string properties) const {
    services.engine.feed.publish(feed::Notice{.directory = checkout.string(),
                                              .project_id = found.location.project.id,
                                              .type = std::move(type),
                                              .properties = std::move(properties)});
  }

  bool works_in(const std::filesystem::path& directory) const {
    return std::ranges::any_of(services.host.busy(), [&](const auto& busy) {
      const auto session = services.engine.query.session(busy.first);
      return session && session->directory == directory;
    });
  }

  // The linked worktree that a body names; nothing when there is none.
  Task<Result<std::optional<workspace::Worktree>>> named(std::shared_ptr<session::Instance> found,
                                                         std::filesystem::path directory) const {
    CO_TRY(const auto worktrees,
           co_await workspace::list_worktrees(services.engine.processes, found->location.worktree));
    const auto same = std::ranges::find(worktrees, directory.lexically_normal(), &workspace::Worktree::directory);
    if (same == worktrees.end()) co_return std::nullopt;
    co_return *same;
  }

  Task<net::Response> reset(Call call) const {
    constexpr std::string_view kFailed = "WorktreeResetFailedError";
    const auto directory = text_member(call.request.body, "directory", true);
    if (!directory) co_return bad_request(directory.error().message, Where::payload);
    const auto found = co_await instance(call);
    if (!has_commits(*found)) co_return failed("WorktreeNotGitError", "Worktrees are only supported for git projects");
    const auto worktree = co_await named(found, *directory);
    if (!worktree) co_return failed(kFailed, worktree.error().message);
    if (!*worktree && *directory == found->location.worktree) {
      co_return failed(kFailed, "Cannot reset the primary workspace");
    }
    if (!*worktree) co_return failed(kFailed, "Worktree not found");
    if (works_in(*directory)) co_return failed(kFailed, "A session works in it: stop the session first");
    const auto done = co_await workspace::reset_worktree(services.engine.processes, **worktree);
    if (!done) co_return failed(kFailed, done.error().message);
    services.background.spawn(run_start(found, *directory, ""));
    co_return json("true");
  }

  Task<net::Response> remove(Call call) const {
    constexpr std::string_view kFailed = "WorktreeRemoveFailedError";
    const auto directory = text_member(call.request.body, "directory", true);
    if (!directory) co_return bad_request(directory.error().message, Where::payload);
    const auto found = co_await instance(call);
    if (!has_commits(*found)) co_return failed("WorktreeNotGitError", "Worktrees are only supported for git projects");
    const auto worktree = co_await named(found, *directory);
    if (!worktree) co_return failed(kFailed, worktree.error().message);
    if (!*worktree) co_return json("true");  // gone already
    if (works_in(*directory)) co_return failed(kFailed, "A session works in it: stop the session first");
    const auto done =
        co_await workspace::remove_worktree(services.engine.processes, found->location.worktree, **worktree);
    if (!done) co_return failed(kFailed, done.error().message);
    services.engine.instances.dispose(*directory);
    co_await note_sandboxes(found);
    co_return json("true");
  }

  Task<net::Response> apply(Call call) const {
    auto patch = text_member(call.request.body, "patch", true);
    if (!patch) co_return bad_request(patch.error().message, Where::payload);
    const auto found = co_await instance(call);
    if (found->location.worktree == "/") {
      co_return cannot_apply("Patch can't be applied because the project is not git-based", "non-git");
    }
    const auto done =
        co_await workspace::apply_patch_text(services.engine.processes, found->location.worktree, std::move(*patch));
    if (done) co_return json(R"({"applied":true})");
    if (done.error().code != ErrorCode::invalid) co_return error_response(done.error());
    co_return cannot_apply("Patch can't be applied: " + done.error().message, "not-clean");
  }

  Task<net::Response> init(Call call) const {
    auto found = co_await instance(call);
    const std::filesystem::path directory = found->location.directory;
    if (found->location.worktree == "/") {
      std::vector<std::string> arguments{"init"};
      const auto said = co_await workspace::git(services.engine.processes, directory, std::move(arguments));
      if (!said) co_return bad_request(said.error().message, Where::params);
      if (said->exit.code != 0) co_return bad_request(said->error_output, Where::params);
      services.engine.instances.dispose(directory);
      found = co_await services.engine.instances.open(directory);
    }
    const auto stored = services.engine.query.project(found->location.project.id);
    domain::Project project = stored ? *stored : found->location.project;
    if (project.worktree == "/") {
      // Before its first commit a repository has no name of its own; clients are told where it is.
      project.worktree = (found->location.worktree == "/" ? directory : found->location.worktree).string();
      project.vcs = "git";
    }
    co_return json(wire::encode_project(project));
  }
};

}  // namespace

std::vector<Route> worktree_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (WorktreeRoutes::*handler)(Call) const) {
    return [routes = WorktreeRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = WorktreeRoutes;
  const std::vector<Query> directory{{"directory", "Working directory; x-opencode-directory says the same"}};
  return {
      {"GET", "/experimental/worktree", "worktree.list", "The project's extra checkouts", bind(&R::list), "StringList",
       "", directory},
      {"POST", "/experimental/worktree", "worktree.create", "A new checkout on a branch of its own", bind(&R::create),
       "Worktree", "WorktreeCreateInput", directory},
      {"DELETE", "/experimental/worktree", "worktree.remove", "Remove a checkout and its branch", bind(&R::remove),
       "Boolean", "WorktreeRemoveInput", directory},
      {"POST", "/experimental/worktree/reset", "worktree.reset", "Take a checkout back to the default branch",
       bind(&R::reset), "Boolean", "WorktreeResetInput", directory},
      {"POST", "/vcs/apply", "vcs.apply", "Apply a patch to the files, all of it or nothing", bind(&R::apply),
       "PatchApplied", "PatchInput", directory},
      {"POST", "/project/git/init", "project.initGit", "Make the directory a git repository", bind(&R::init), "Project",
       "", directory},
  };
}

}  // namespace quarterdeck::api::opencode
