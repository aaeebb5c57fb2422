// The two boundaries of the API, over every route of the table: pages of other sites run nothing, and no role or scope runs
// what is not declared for it.
#include <gtest/gtest.h>

#include "api/testing/api_fixture.hpp"
#include "base/encoding.hpp"
#include "base/metrics.hpp"

namespace quarterdeck::api {
namespace {

using access::Role;

constexpr const char* kForeignOrigins[] = {"https://evil.example",
                                           "http://evil.example",
                                           "http://evil.example:4096",
                                           "null",
                                           "",
                                           "file://",
                                           "http://localhost.evil.example",
                                           "http://127.0.0.1.evil.example",
                                           "http://localhost:4096.evil.example",
                                           "http://localhost:4096@evil.example",
                                           "http://localhost:",
                                           "http://localhost:80x",
                                           "https://localhost",
                                           "https://opencode.ai.evil.example",
                                           "https://evilopencode.ai",
                                           "http://app.opencode.ai",
                                           "chrome-extension://abcdefghijklmnop",
                                           "http://192.168.0.1:4096",
                                           "http://rebound.example:4096",
                                           "http://localhost, http://evil.example"};
constexpr const char* kHosts[] = {"127.0.0.1:4096",
                                  "localhost:4096",
                                  "[::1]:4096",
                                  "evil.example",
                                  "rebound.example:4096",
                                  "192.168.0.1:4096",
                                  "localhost.evil.example",
                                  "127.0.0.1.evil.example",
                                  "",
                                  "0.0.0.0:4096"};
constexpr int kOwnHosts = 3;  // the first ones
// nullptr: none.
constexpr const char* kTypes[] = {nullptr,
                                  "text/plain",
                                  "application/x-www-form-urlencoded",
                                  "multipart/form-data; boundary=x",
                                  "text/plain; application/json",
                                  "application/json-seq",
                                  "application/json"};
constexpr int kWrongTypes = 6;  // the first ones

// ":name" becomes what is not there.
std::string address_of(const Route& route) {
  std::string out;
  for (std::size_t at = 0; at < route.path.size();) {
    if (route.path[at] != ':' && route.path[at] != '*') {
      out += route.path[at++];
      continue;
    }
    const std::string_view name = route.path.substr(at, route.path.find('/', at) - at);
    out += name == ":sessionID" ? "ses_none" : "none";
    at += name.size();
  }
  return out;
}

net::Request request_to(const Route& route) {
  return {.method = std::string(route.method), .path = address_of(route), .peer = "127.0.0.1"};
}

// What the router has let through to a handler, or refused by role: all of it is counted.
std::string dispatched() {
  const std::string all = metrics::render();
  std::string out;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    const std::string_view line = std::string_view(all).substr(at, end - at);
    if (line.starts_with("quarterdeck_http_requests_total")) out += std::string(line) + "\n";
    at = end + 1;
  }
  return out;
}

class OpenServer : public testing::ApiFixture {
 protected:
  // As a browser asks for a page that somebody else wrote.
  int status(const Route& route, const char* origin, const char* host, const char* type) {
    net::Request request = request_to(route);
    if (origin) request.headers.push_back({"Origin", origin});
    request.headers.push_back({"Host", host});
    if (type) request.headers.push_back({"Content-Type", type});
    if (route.method != "GET") request.body = "{}";
    return ask(std::move(request)).status;
  }
};

// Without any credential of its own the server trusts loopback: nothing but this boundary is between a page and a shell.
TEST_F(OpenServer, TwentyOriginsTenHostsAndSevenTypesRunNothingOnAnyRoute) {
  const std::string before = dispatched();
  std::size_t asked = 0, passed = 0;
  for (const Route& route : api_.router().routes()) {
    for (const char* host : kHosts) {
      for (const char* origin : kForeignOrigins) {
        for (const char* type : kTypes) {
          if (route.method == "GET" && type) continue;
          ++asked;
          passed += status(route, origin, host, type) != 403;
        }
      }
    }
    EXPECT_EQ(passed, 0u) << route.method << " " << route.path;
    passed = 0;
  }
  EXPECT_EQ(dispatched(), before) << "a route was reached";
  EXPECT_GT(asked, 150'000u);
}

TEST_F(OpenServer, AForeignHostRunsNothingWhateverElseIsRight) {
  const std::string before = dispatched();
  for (const Route& route : api_.router().routes()) {
    for (std::size_t i = kOwnHosts; i < std::size(kHosts); ++i) {
      for (const char* origin : {static_cast<const char*>(nullptr), "http://localhost:4096"}) {
        EXPECT_EQ(status(route, origin, kHosts[i], "application/json"), 403) << route.path << " " << kHosts[i];
      }
      const std::string itself = std::string("http://") + kHosts[i];
      EXPECT_EQ(status(route, itself.c_str(), kHosts[i], "application/json"), 403) << route.path << " " << kHosts[i];
    }
  }
  EXPECT_EQ(dispatched(), before);
}

TEST_F(OpenServer, ABodyThatDoesNotSayThatItIsJsonRunsNothing) {
  const std::string before = dispatched();
  for (const Route& route : api_.router().routes()) {
    if (route.method == "GET") continue;
    for (int type = 0; type < kWrongTypes; ++type) {
      for (const char* origin : {static_cast<const char*>(nullptr), "http://localhost:4096"}) {
        EXPECT_EQ(status(route, origin, kHosts[0], kTypes[type]), 415)
            << route.path << " " << (kTypes[type] ? kTypes[type] : "none");
      }
    }
  }
  EXPECT_EQ(dispatched(), before);
}

TEST_F(OpenServer, WhatAPageOfAnotherSiteLoadsWithoutAnOriginRunsNothing) {
  const std::string before = dispatched();
  for (const Route& route : api_.router().routes()) {
    for (const char* site : {"cross-site", "same-site"}) {
      for (const auto& [mode, what] : {std::pair{"no-cors", "image"}, {"no-cors", "script"}, {"navigate", "iframe"}}) {
        net::Request request = request_to(route);
        request.headers = {
            {"Host", kHosts[0]}, {"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", mode}, {"Sec-Fetch-Dest", what}};
        EXPECT_EQ(ask(std::move(request)).status, 403) << route.path << " " << site << " " << what;
      }
    }
  }
  EXPECT_EQ(dispatched(), before);
}

// The negative control: the same calls, from where they may come from.
TEST_F(OpenServer, OwnPagesAndProgramsReachRoutes) {
  const Route create{.method = "POST", .path = "/session", .operation = "", .summary = "", .handler = {}};
  for (int host = 0; host < kOwnHosts; ++host) {
    const std::string itself = std::string("http://") + kHosts[host];
    for (const char* origin : {static_cast<const char*>(nullptr), "http://localhost:3000", itself.c_str()}) {
      const std::string before = dispatched();
      EXPECT_EQ(status(create, origin, kHosts[host], "application/json"), 200) << kHosts[host];
      EXPECT_NE(dispatched(), before);
    }
  }
}

// ------------------------------------------------------------------------------------------------------ credentials

class ClosedServer : public testing::ApiFixture {
 protected:
  ClosedServer() : ApiFixture({.password = "swordfish"}) {}
  static net::Headers identities() {
    return {{"Host", "127.0.0.1:4096"},       {"Tailscale-User-Login", "admin@example.com"},
            {"Tailscale-User-Name", "Admin"}, {"Tailscale-App-Capabilities", R"({"quarterdeck":[{"role":"admin"}]})"},
            {"X-Forwarded-User", "admin"},    {"X-Forwarded-For", "127.0.0.1"},
            {"X-Remote-User", "admin"},       {"Remote-User", "root"},
            {"X-Real-IP", "127.0.0.1"},       {"Forwarded", "for=127.0.0.1;by=unix:0"}};
  }
};

TEST_F(ClosedServer, HeadersThatNameSomebodyLetNobodyIn) {
  const std::string before = dispatched();
  for (const Route& route : api_.router().routes()) {
    if (route.need.level == Level::anyone) continue;
    net::Request request = request_to(route);
    request.headers = identities();
    EXPECT_EQ(ask(std::move(request)).status, 401) << route.path;
  }
  EXPECT_EQ(dispatched(), before);
}

TEST_F(ClosedServer, HeadersThatNameSomebodyMakeNobodyMore) {
  const auto made = access::create_token(places(), {.name = "low", .role = Role::viewer}, system_clock().now_ms());
  ASSERT_TRUE(made);
  for (const Route& route : api_.router().routes()) {
    if (route.need.level == Level::anyone || route.need.level == Level::read) continue;
    net::Request request = request_to(route);
    request.headers = identities();
    request.headers.push_back({"Authorization", "Bearer " + made->secret});
    EXPECT_EQ(ask(std::move(request)).status, 403) << route.path;
  }
}

TEST_F(ClosedServer, GuessesAreOfTheConnectionWhateverAHeaderSaysAboutIt) {
  int looked_at = 0;
  for (int i = 0; i < 200; ++i) {
    net::Request request{.method = "GET", .path = "/session", .peer = "127.0.0.1"};
    request.headers = {{"Host", "127.0.0.1"},
                       {"X-Forwarded-For", fmt::format("10.0.0.{}", i)},
                       {"Authorization", "Basic " + base64(fmt::format("opencode:guess {}", i))}};
    looked_at += ask(std::move(request)).status == 401;
  }
  EXPECT_GE(looked_at, 10);
  EXPECT_LT(looked_at, 100);
}

// ----------------------------------------------------------------------------------------------------------- roles

class Matrix : public testing::ApiFixture {
 protected:
  // The table of routes with handlers that only count, behind the real router and the real scope.
  Matrix() {
    std::vector<Route> routes = api_.router().routes();
    for (Route& route : routes) {
      route.handler = [this](Call) {
        ++ran_;
        return answered();
      };
    }
    router_ = std::make_unique<Router>(
        std::move(routes), [this](const Route& route, Call call) { return scoped_.call(route, std::move(call)); });
  }
  static Task<net::Response> answered() { co_return json(std::string("{}")); }

  bool runs(const Route& route, const access::Principal& who, std::string path) {
    net::Request request{.method = std::string(route.method), .path = std::move(path)};
    const int before = ran_;
    const net::Response response =
        loop_.run_until(router_->handle(std::move(request), std::make_shared<const access::Principal>(who)));
    EXPECT_TRUE(ran_ > before || response.status == 403) << route.path << " " << response.status;
    return ran_ > before;
  }

  Scoped scoped_{services_, access_.openers()};
  std::unique_ptr<Router> router_;
  int ran_ = 0;
};

TEST_F(Matrix, ARouteRunsForTheRolesOfItsLevelAndForNoOther) {
  // Viewer, agent, agent that may approve, operator, admin.
  const std::map<Level, std::array<bool, 5>> expected{
      {Level::anyone, {true, true, true, true, true}},     {Level::read, {true, true, true, true, true}},
      {Level::drive, {false, true, true, true, true}},     {Level::decide, {false, false, true, true, true}},
      {Level::operate, {false, false, false, true, true}}, {Level::administer, {false, false, false, false, true}}};
  const std::array<access::Principal, 5> who{{{.name = "v", .role = Role::viewer},
                                              {.name = "a", .role = Role::agent},
                                              {.name = "b", .role = Role::agent, .approves = true},
                                              {.name = "o", .role = Role::operator_},
                                              {.name = "x", .role = Role::admin}}};
  for (const Route& route : api_.router().routes()) {
    for (std::size_t i = 0; i < who.size(); ++i) {
      EXPECT_EQ(runs(route, who[i], address_of(route)), expected.at(route.need.level)[i])
          << route.method << " " << route.path << " " << who[i].name;
    }
  }
}

TEST_F(Matrix, WhoIsLimitedToOtherSessionsRunsNoRouteOfThisOne) {
  const std::string session = open().value;
  const access::Scope elsewhere{.own = true, .sessions = {"ses_other"}, .projects = {"/nowhere"}};
  for (const Route& route : api_.router().routes()) {
    const std::size_t at = route.path.find(":sessionID");
    if (at == route.path.npos) continue;
    std::string path = address_of(route);
    path.replace(at, std::string_view("ses_none").size(), session);
    for (const Role role : {Role::viewer, Role::agent, Role::operator_}) {
      EXPECT_FALSE(runs(route, {.name = "z", .role = role, .scope = elsewhere, .approves = true}, path))
          << route.method << " " << route.path << " " << access::name(role);
    }
  }
}

TEST_F(Matrix, WhoIsLimitedToSessionsOperatesNeitherTheServerNorItsDirectories) {
  for (const Route& route : api_.router().routes()) {
    const bool about_sessions = route.need.reach != Reach::server && route.need.reach != Reach::files;
    if (about_sessions || route.need.level < Level::operate) continue;
    EXPECT_FALSE(
        runs(route, {.name = "o", .role = Role::operator_, .scope = {.sessions = {"ses_other"}}}, address_of(route)))
        << route.method << " " << route.path;
  }
}

}  // namespace
}  // namespace quarterdeck::api
