// Calls of principals that do not reach everything: those with a scope, and agents, whose calls may not widen what their
// sessions are allowed. Everybody else never comes here.
//
// Laws: what is not in the scope is neither read, nor changed, nor named in a list or a stream. A session that an agent
//       opened is its own from the answer on, as are its children. An agent that may not approve cannot bring rules along
//       that allow, nor have files read that its session's directory does not hold.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "access/openers.hpp"
#include "api/router.hpp"

namespace quarterdeck::api {

struct Services;

bool needs_scope(const access::Principal& who);

class Scoped {
 public:
  // Both outlive it.
  Scoped(Services& services, access::Openers& openers) : services_(services), openers_(openers) {}

  Task<net::Response> call(const Route& route, Call call);
  // A session that is not there is in nobody's scope.
  bool reaches(const access::Principal& who, const std::string& session) const;

 private:
  std::optional<net::Response> problem_with(const Route& route, const Call& call) const;
  struct Attachments {
    std::filesystem::path directory;
    std::vector<std::filesystem::path> files;
  };
  Attachments attachments_of(const Call& call) const;
  std::optional<net::Response> problem_with_body(const Route& route, const Call& call) const;
  bool directory_reached(const access::Principal& who, const std::string& directory) const;
  bool foreign(const access::Principal& who, const std::string& session) const;
  net::Response settled(const Route& route, const access::Who& who, net::Response response);

  Services& services_;
  access::Openers& openers_;
};

// {"name":"ForbiddenError","data":{"message", …}}, 403.
net::Response forbidden(std::string_view message);

}  // namespace quarterdeck::api
