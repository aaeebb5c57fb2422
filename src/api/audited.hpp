// Calls that change something, written into the audit (access/audit.hpp) with who made them and how they ended; for some,
// also what was before and after, by the route that reads the same thing.
// Law: no text of prompts and nothing that routes of keys and configuration are given gets into a row.
#pragma once

#include "api/router.hpp"
#include "base/async.hpp"

namespace quarterdeck::api {

struct Services;

bool is_audited(const Route& route);

class Audited {
 public:
  explicit Audited(Services& services) : services_(services) {}  // outlives it

  // `router` has the route; it answers.
  Task<net::Response> call(const Router& router, const Route& route, Call call);

 private:
  Task<std::string> state_of(const Router& router, const Route& route, const Call& call) const;

  Services& services_;
  bool complained_ = false;
};

}  // namespace quarterdeck::api
