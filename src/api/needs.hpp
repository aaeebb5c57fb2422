// Who may call which route: one line a route, by operation id. The whole matrix of routes and roles follows from it; it
// stands in /doc as x-quarterdeck-roles.
// Law: a route without a line is for admins, and fails the test beside this file.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "access/principal.hpp"

namespace quarterdeck::api {

enum class Level : unsigned char {
  anyone,  // without a credential, too: probes and the way in
  read,  // every role
  drive,  // agent, operator, admin: what moves a session
  decide,  // operator, admin, and agents that may: answers to permission requests
  operate,  // operator, admin: what runs or changes something outside a session's own permissions
  administer,  // admin: credentials, configuration, trust, who may do what
};

// What a principal with a scope gets of it.
enum class Reach : unsigned char {
  server,  // about no session: as its role says, to read and to drive; nothing else
  files,  // about a directory: only in projects of the scope
  session,  // about the session of the path, if it is in the scope
  request,  // about the session that asks, if it is in the scope
  list,  // what is not in the scope is left out of the answer, or of the stream
  opens,  // makes a session in the scope, which is its own from then on
};

struct Need {
  Level level = Level::administer;
  Reach reach = Reach::server;
};

struct DeclaredNeed {
  std::string_view operation;
  Need need;
};

std::span<const DeclaredNeed> declared_needs();
Need need_of(std::string_view operation);

bool allows(Level level, const access::Principal& who);
// "operator or admin": for the answer to somebody who may not.
std::string_view roles_of(Level level);

}  // namespace quarterdeck::api
