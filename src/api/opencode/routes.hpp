// OpenCode's HTTP API: tables of routes by noun. What each answers is OpenCode's documented and observed behaviour.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "api/readiness.hpp"
#include "api/router.hpp"
#include "session/engine.hpp"
#include "session/host.hpp"
#include "terminal/terminals.hpp"

namespace quarterdeck::fleet {
class Fleet;
class Search;
class Webhooks;
}  // namespace quarterdeck::fleet
namespace quarterdeck::access {
class Access;
}

namespace quarterdeck::api {

// What the handlers work with; outlives the router.
struct Services {
  session::Engine& engine;
  session::Host& host;
  TaskGroup& background;  // what goes on after its answer; joined when the server stops
  std::filesystem::path directory;  // of the server process: for requests that name none
  Readiness readiness = {};
  terminal::Terminals* terminals = nullptr;  // none: nobody can open one
  quarterdeck::fleet::Fleet* fleet = nullptr;  // none: nobody supervises
  quarterdeck::fleet::Search* search = nullptr;
  quarterdeck::fleet::Webhooks* webhooks = nullptr;
  access::Access* access = nullptr;  // none: nobody has tokens
};

namespace opencode {

std::vector<Route> session_routes(Services& services);     // /session…
std::vector<Route> revert_routes(Services& services);      // /session/:sessionID/revert, unrevert, diff, summarize
std::vector<Route> message_routes(Services& services);     // /session/:sessionID/message…, prompt_async
std::vector<Route> session_v2_routes(Services& services);  // /api/session/:sessionID/…
std::vector<Route> permission_v2_routes(Services& services);  // /api/permission…, /api/session/:sessionID/permission…
std::vector<Route> prompt_v2_routes(Services& services);  // /api/session/:sessionID/prompt, interrupt
std::vector<Route> permission_routes(Services& services);  // /permission…
std::vector<Route> question_routes(Services& services);  // /question…, /api/question…
std::vector<Route> command_routes(Services& services);  // /command, /skill, /session/:sessionID/command
std::vector<Route> event_routes(Services& services);  // /event, /global/event
std::vector<Route> instance_routes(Services& services);  // /config, /provider, /agent, /path, …
std::vector<Route> file_routes(Services& services);  // /file…, /find…, /api/fs…
std::vector<Route> project_routes(Services& services);  // /project…
std::vector<Route> catalog_routes(Services& services);  // /api/location, agent, model, provider, …
std::vector<Route> listing_routes(Services& services);  // /api/session, /experimental/session
std::vector<Route> tui_routes(Services& services);  // /tui…
std::vector<Route> auth_routes(Services& services);  // /auth…
std::vector<Route> mcp_routes(Services& services);  // /mcp…, /experimental/resource
std::vector<Route> pty_routes(Services& services);  // /pty…, /api/pty…
std::vector<Route> event_v2_routes(Services& services);  // /api/event
std::vector<Route> integration_routes(Services& services);  // /api/integration…, /api/credential…
std::vector<Route> sync_routes(Services& services);  // /sync…, /experimental/workspace…, /global/dispose, …
std::vector<Route> absent_routes(Services& services);  // what this version does not do, with the reason
std::vector<Route> vcs_routes(Services& services);  // /vcs…
std::vector<Route> worktree_routes(Services& services);  // /experimental/worktree, /project/git/init, /vcs/apply
std::vector<Route> server_routes(Services& services);  // /global/health, /log

}  // namespace opencode
}  // namespace quarterdeck::api
