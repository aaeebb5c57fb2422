#include <algorithm>
#include <set>

#include "api/opencode/routes.hpp"
#include "session/instance.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/project.hpp"

namespace quarterdeck::api::opencode {
namespace {

constexpr std::size_t kNameBytesMax = 1024;
constexpr std::size_t kIconBytesMax = 256 * 1024;  // it may be a data: URL

struct ProjectRoutes {
  Services& services;

  static net::Response unknown(std::string_view id) {
    return tagged(404, "ProjectNotFoundError",
                  fmt::format(R"("projectID":{},"message":{})", wire::quoted(id),
                              wire::quoted(fmt::format("Project not found: {}", id))));
  }

  Task<net::Response> current(Call call) const {
    const auto found = co_await services.engine.instances.open(requested_directory(call.request, services.directory));
    const auto project = services.engine.query.project(found->location.project.id);
    // A project without sessions is not stored yet.
    co_return json(wire::encode_project(project ? *project : found->location.project));
  }

  // The stored ones, and those of loaded directories, of which the asked one is: the web app takes a project that is not
  // in here for one without git.
  Task<net::Response> list(Call call) const {
    co_await services.engine.instances.open(requested_directory(call.request, services.directory));
    auto all = services.engine.query.projects();
    if (!all) co_return error_response(all.error());
    for (const auto& instance : services.engine.instances.loaded()) {
      const domain::Project& project = instance->location.project;
      if (std::ranges::none_of(*all, [&](const domain::Project& known) { return known.id == project.id; }))
        all->push_back(project);
    }
    std::string out = "[";
    for (const domain::Project& project : *all) {
      if (out.size() > 1) out += ',';
      out += wire::encode_project(project);
    }
    co_return json(out + ']');
  }

  // The stored project, or that of a loaded directory without sessions.
  std::optional<domain::Project> find(const std::string& id) const {
    if (auto stored = services.engine.query.project(id)) return std::move(*stored);
    for (const auto& instance : services.engine.instances.loaded()) {
      if (instance->location.project.id == id) return instance->location.project;
    }
    return std::nullopt;
  }

  // Its checkouts: the main one, and those that are open.
  Task<net::Response> directories(Call call) const {
    const auto project = find(call.param("projectID"));
    if (!project) co_return json("[]");
    std::set<std::string> found(project->sandboxes.begin(), project->sandboxes.end());
    for (const auto& instance : services.engine.instances.loaded()) {
      if (instance->location.project.id == project->id && project->vcs)
        found.insert(instance->location.worktree.string());
    }
    found.erase(project->worktree);
    std::string out = fmt::format(R"([{{"directory":{}}})", wire::quoted(project->worktree));
    for (const std::string& directory : found) out += fmt::format(R"(,{{"directory":{}}})", wire::quoted(directory));
    co_return json(out + ']');
  }

  Task<net::Response> update(Call call) const {
    const auto body = wire::parse(call.request.body);
    if (!body) co_return error_response(body.error());
    if (!body->is_object()) co_return bad_request("Expected object", Where::payload);
    auto project = find(call.param("projectID"));
    if (!project) co_return unknown(call.param("projectID"));
    if (const wire::Json* name = wire::value_at(*body, "name")) {
      if (!name->is_string() || name->as_string().size() > kNameBytesMax) {
        co_return bad_request(fmt::format("Expected string of at most {} bytes\n  at [\"name\"]", kNameBytesMax),
                              Where::payload);
      }
      project->name = wire::string_at(*body, "name");
    }
    for (const auto& [name, member] :
         {std::pair{"icon", &domain::Project::icon}, std::pair{"commands", &domain::Project::commands}}) {
      const wire::Json* value = wire::value_at(*body, name);
      if (!value) continue;
      domain::JsonText text = wire::to_json_text(*value);
      if (!value->is_object() || text.text.size() > kIconBytesMax) {
        co_return bad_request(fmt::format("Expected object of at most {} bytes\n  at [\"{}\"]", kIconBytesMax, name),
                              Where::payload);
      }
      for (const std::string_view text_member : {"url", "override", "color", "start"}) {
        const wire::Json* given = wire::value_at(*value, text_member);
        if (given && !given->is_string()) {
          co_return bad_request(fmt::format("Expected string\n  at [\"{}\"][\"{}\"]", name, text_member),
                                Where::payload);
        }
      }
      (*project).*member = std::move(text);
    }
    project->updated = services.engine.clock.now_ms();
    if (project->created == 0) project->created = project->updated;
    const std::string text = wire::encode_project(*project);
    const auto stored = co_await services.engine.store.put_project(*project);
    if (!stored) co_return error_response(stored.error());
    services.engine.feed.publish(
        feed::Notice{.directory = "global", .project_id = project->id, .type = "project.updated", .properties = text});
    co_return json(text);
  }
};

}  // namespace

std::vector<Route> project_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (ProjectRoutes::*handler)(Call) const) {
    return [routes = ProjectRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = ProjectRoutes;
  const std::vector<Query> directory{{"directory", "Working directory; x-opencode-directory says the same"}};
  return {
      {"GET", "/project", "project.list", "Projects with sessions or loaded directories", bind(&R::list),
       "ProjectList"},
      {"GET", "/project/current", "project.current", "The project of the directory", bind(&R::current), "Project", "",
       directory},
      {"PATCH", "/project/:projectID", "project.update", "Give it a name, an icon or commands", bind(&R::update),
       "Project", "UpdateProject"},
      {"GET", "/project/:projectID/directories", "project.directories", "Its checkouts", bind(&R::directories),
       "ProjectDirectories"},
  };
}

}  // namespace quarterdeck::api::opencode
