#include "api/scoped.hpp"

#include <algorithm>
#include <functional>

#include "api/opencode/routes.hpp"
#include "base/async.hpp"
#include "fleet/fleet.hpp"
#include "session/attachments.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api {
namespace {

namespace fs = std::filesystem;
using Reaches = std::function<bool(const std::string&)>;

constexpr int kDepthMax = 64;  // of sessions in sessions
constexpr std::string_view kSession = "ses_";

bool lies_in(const fs::path& above, const fs::path& below) {
  const auto relative = below.lexically_normal().lexically_relative(above.lexically_normal());
  return !relative.empty() && *relative.begin() != "..";
}

// Behind symbolic links, too.
bool really_in(const fs::path& above, const fs::path& below) {
  std::error_code error;
  const fs::path real_above = fs::weakly_canonical(above, error);
  if (error) return false;
  const fs::path real_below = fs::weakly_canonical(below, error);
  return !error && lies_in(real_above, real_below);
}

bool holds(const std::vector<std::string>& list, const std::string& one) {
  return std::ranges::find(list, one) != list.end();
}

std::string_view text_of(const net::Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
  const auto* bytes = std::get_if<net::Bytes>(&response.body);
  return bytes && *bytes ? std::string_view(**bytes) : std::string_view{};
}

bool names_foreign(const wire::Json& value, const Reaches& reaches) {
  if (value.is_string()) {
    const std::string text(value.get_string());
    return text.starts_with(kSession) && !reaches(text);
  }
  if (!value.is_object()) return false;
  return std::ranges::any_of(value.get_object(), [&](const auto& member) {
    return member.value().is_string() && names_foreign(member.value(), reaches);
  });
}

// Leaves out what names a session that is not reached, at any depth.
void keep_reached(wire::Json& value, const Reaches& reaches) {
  if (value.is_array()) {
    auto& list = value.get_array();
    for (auto at = list.begin(); at != list.end();) {
      if (names_foreign(*at, reaches)) {
        at = list.erase(at);
      } else {
        keep_reached(*at++, reaches);
      }
    }
  } else if (value.is_object()) {
    auto& object = value.get_object();
    for (auto at = object.begin(); at != object.end();) {
      const std::string key(at->key());
      if ((key.starts_with(kSession) && !reaches(key)) ||
          (at->value().is_object() && names_foreign(at->value(), reaches))) {
        at = object.erase(at);
      } else {
        keep_reached(at++->value(), reaches);
      }
    }
  }
}

// Events of the sessions that are reached, and what the server says about the stream itself.
class ReachedEvents final : public net::Stream {
 public:
  ReachedEvents(std::unique_ptr<net::Stream> all, Reaches reaches)
      : all_(std::move(all)), reaches_(std::move(reaches)) {}

  Batch take(std::size_t bytes_max) override { return kept(all_->take(bytes_max)); }
  Batch last_words() override { return kept(all_->last_words()); }
  void when_ready(Loop::Callback wake) override { all_->when_ready(std::move(wake)); }

 private:
  Batch kept(Batch batch) {
    std::vector<net::Bytes> pieces;
    for (const net::Bytes& piece : batch.pieces) {
      std::string out;
      std::string_view rest = *piece;
      while (!rest.empty()) {
        const std::size_t end = rest.find("\n\n");
        const std::string_view frame = rest.substr(0, end == rest.npos ? rest.size() : end + 2);
        rest.remove_prefix(frame.size());
        if (reached(frame)) out += frame;
      }
      if (out.size() == piece->size()) {
        pieces.push_back(piece);
      } else if (!out.empty()) {
        pieces.push_back(std::make_shared<const std::string>(std::move(out)));
      }
    }
    batch.pieces = std::move(pieces);
    return batch;
  }

  // A quote inside a JSON string has a backslash before it: what people write is no id.
  bool reached(std::string_view frame) const {
    bool named = false;
    for (std::size_t at = frame.find("\"ses_"); at != frame.npos; at = frame.find("\"ses_", at + 1)) {
      if (at > 0 && frame[at - 1] == '\\') continue;
      const std::size_t end = frame.find('"', at + 1);
      if (end == frame.npos || !reaches_(std::string(frame.substr(at + 1, end - at - 1)))) return false;
      named = true;
    }
    return named || frame.contains(R"("type":"server.)") || !frame.contains("data:");
  }

  std::unique_ptr<net::Stream> all_;
  Reaches reaches_;
};

std::string opened_session(const wire::Json& answer) {
  std::string id = wire::string_at(answer, "sessionID");
  if (id.empty()) id = wire::string_at(answer, "id");
  const wire::Json* data = wire::value_at(answer, "data");
  if (id.empty() && data) id = wire::string_at(*data, "id");
  return id;
}

net::Response not_yours() { return forbidden("This is about a session that you do not reach"); }

}  // namespace

net::Response forbidden(std::string_view message) {
  return json(fmt::format(R"({{"name":"ForbiddenError","data":{{"message":{}}}}})", wire::quoted(message)), 403);
}

bool needs_scope(const access::Principal& who) { return who.role == access::Role::agent || who.scope.bounded(); }

bool Scoped::directory_reached(const access::Principal& who, const std::string& directory) const {
  return std::ranges::any_of(who.scope.projects, [&](const std::string& project) {
    if (project.starts_with('/')) return lies_in(project, directory);
    const auto known = services_.engine.query.projects();
    if (!known) return false;
    const auto found = std::ranges::find(*known, project, &domain::Project::id);
    // The project "global" is all that is in no repository: it is no place.
    return found != known->end() && found->worktree.size() > 1 && lies_in(found->worktree, directory);
  });
}

bool Scoped::reaches(const access::Principal& who, const std::string& session) const {
  if (!who.scope.bounded()) return true;
  SessionId id{session};
  for (int depth = 0; depth < kDepthMax; ++depth) {
    if (who.scope.own && openers_.of(id.value) == who.name) return true;
    if (holds(who.scope.sessions, id.value)) return true;
    const auto found = services_.engine.query.session(id);
    if (!found) return false;
    if (holds(who.scope.projects, found->project_id) || directory_reached(who, found->directory)) {
      return true;
    }
    if (!found->parent_id) return false;
    id = *found->parent_id;
  }
  return false;
}

// A session that is there, and not in the scope. One that is not there is for the route to say.
bool Scoped::foreign(const access::Principal& who, const std::string& session) const {
  return !reaches(who, session) && services_.engine.query.session(SessionId{session}).has_value();
}

std::optional<net::Response> Scoped::problem_with_body(const Route& route, const Call& call) const {
  const access::Principal& who = *call.who;
  if (call.request.body.empty() || route.need.level == Level::read) return std::nullopt;
  const auto body = wire::parse(call.request.body);
  if (!body || !body->is_object()) return std::nullopt;  // the route says what is wrong with it
  for (const std::string_view name : {"id", "parentID", "sessionID", "session"}) {
    const std::string id = wire::string_at(*body, name);
    if (id.starts_with(kSession) && foreign(who, id)) return not_yours();
  }
  if (who.role != access::Role::agent || who.approves) return std::nullopt;
  if (wire::value_at(*body, "permission")) {
    return forbidden("An agent that may not approve cannot set permission rules; leave out \"permission\"");
  }
  if (const auto* tools = wire::object_at(*body, "tools")) {
    for (const auto& tool : *tools) {
      if (!tool.value().is_bool() || tool.value().get_bool())
        return forbidden("An agent that may not approve can only turn tools off in \"tools\"");
    }
  }
  return std::nullopt;
}

// The files that a call asks to have read, and the directory that an agent that may not approve has to keep to. As the
// session reads their addresses.
Scoped::Attachments Scoped::attachments_of(const Call& call) const {
  Attachments out;
  const access::Principal& who = *call.who;
  if (who.role != access::Role::agent || who.approves || call.request.body.empty()) return out;
  const auto body = wire::parse(call.request.body);
  const auto* parts = body && body->is_object() ? wire::array_at(*body, "parts") : nullptr;
  if (!parts) return out;
  const auto id = std::ranges::find(call.params, "sessionID", &std::pair<std::string_view, std::string>::first);
  if (id == call.params.end()) return out;
  const auto session = services_.engine.query.session(SessionId{id->second});
  if (!session) return out;
  out.directory = session->directory;
  for (const wire::Json& part : *parts) {
    const std::string url = part.is_object() ? wire::string_at(part, "url") : std::string();
    if (url.starts_with("file://")) out.files.push_back(session::attached_path(url, out.directory));
  }
  return out;
}

std::optional<net::Response> Scoped::problem_with(const Route& route, const Call& call) const {
  const access::Principal& who = *call.who;
  const bool bounded = who.scope.bounded();
  const auto& params = call.params;
  const auto param = [&](std::string_view name) -> std::string {
    const auto found = std::ranges::find(params, name, &std::pair<std::string_view, std::string>::first);
    return found == params.end() ? std::string() : found->second;
  };
  // The fleet answers questions and permissions by one route.
  if (who.role == access::Role::agent && !who.approves && route.operation == "fleet.request.answer" &&
      param("requestID").starts_with("per_")) {
    return forbidden(fmt::format("Permission requests need the role {}", roles_of(Level::decide)));
  }
  if (bounded) {
    if (const std::string id = param("sessionID"); !id.empty() && foreign(who, id)) return not_yours();
    switch (route.need.reach) {
      case Reach::session:
      case Reach::list: break;
      case Reach::request: {
        if (!services_.fleet) return not_yours();
        const auto asker = services_.fleet->asker(param("requestID"));
        if (asker && !reaches(who, asker->value)) return not_yours();
        break;
      }
      case Reach::server:
        if (route.need.level > Level::drive)
          return forbidden("You are limited to some sessions; this is about the server");
        break;
      case Reach::files:
        if (route.need.level != Level::read ||
            !directory_reached(who, requested_directory(call.request, services_.directory).string())) {
          return forbidden(
              "You are limited to some sessions; this is about a directory that is in none of your projects");
        }
        break;
      case Reach::opens: {
        if (!param("sessionID").empty()) break;
        if (!who.scope.own && who.scope.projects.empty()) return forbidden("You are limited to some sessions");
        std::string directory;
        if (const auto body = wire::parse(call.request.body.empty() ? "{}" : call.request.body)) {
          directory = wire::string_at(*body, "directory");
          if (const auto* location = wire::value_at(*body, "location"); location && directory.empty())
            directory = wire::string_at(*location, "directory");
        }
        if (directory.empty()) directory = requested_directory(call.request, services_.directory).string();
        if (!who.scope.projects.empty() && !directory_reached(who, directory))
          return forbidden("You can open sessions only in your projects");
        break;
      }
    }
  }
  return problem_with_body(route, call);
}

net::Response Scoped::settled(const Route& route, const access::Who& who, net::Response response) {
  if (response.status >= 300) return response;
  if (route.need.reach == Reach::opens) {
    const auto answer = wire::parse(text_of(response));
    const std::string id = answer ? opened_session(*answer) : std::string();
    const wire::Json* created = answer ? wire::value_at(*answer, "created") : nullptr;
    const bool found_again = created && created->is_bool() && !created->get_bool();
    if (id.empty()) return response;
    if (!found_again) openers_.opened(id, who->name);
    if (!reaches(*who, id)) return not_yours();
  }
  if (route.need.reach != Reach::list || !who->scope.bounded()) return response;
  Reaches reaches = [this, who](const std::string& session) { return this->reaches(*who, session); };
  if (auto* stream = std::get_if<std::unique_ptr<net::Stream>>(&response.body)) {
    response.body = std::make_unique<ReachedEvents>(std::move(*stream), std::move(reaches));
    return response;
  }
  auto answer = wire::parse(text_of(response));
  if (!answer) return not_yours();
  if (names_foreign(*answer, reaches)) return not_found("No such thing");
  keep_reached(*answer, reaches);
  response.body = wire::to_text(*answer);
  return response;
}

Task<net::Response> Scoped::call(const Route& route, Call call) {
  if (auto problem = problem_with(route, call)) co_return std::move(*problem);
  Attachments attachments = attachments_of(call);
  if (!attachments.files.empty()) {
    auto look = [attachments = std::move(attachments)] {
      return std::ranges::all_of(attachments.files,
                                 [&](const fs::path& file) { return really_in(attachments.directory, file); });
    };
    if (!co_await blocking(services_.engine.loop, services_.engine.pool, look))
      co_return forbidden("An agent can attach only files of its session's directory");
  }
  const access::Who who = call.who;
  net::Response response = co_await route.handler(std::move(call));
  co_return settled(route, who, std::move(response));
}

}  // namespace quarterdeck::api
