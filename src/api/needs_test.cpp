#include "api/needs.hpp"

#include <gtest/gtest.h>

#include <set>

#include "api/testing/api_fixture.hpp"

namespace quarterdeck::api {
namespace {

class Needs : public testing::ApiFixture {};

// A new route says in needs.cpp who may call it.
TEST_F(Needs, AreDeclaredForEveryRouteAndForNothingElse) {
  std::set<std::string_view> declared, routes;
  for (const DeclaredNeed& need : declared_needs()) {
    EXPECT_TRUE(declared.insert(need.operation).second) << need.operation << " is declared twice";
  }
  for (const Route& route : api_.router().routes()) routes.insert(route.operation);
  for (const auto& route : routes) EXPECT_TRUE(declared.contains(route)) << route << " has no line in needs.cpp";
  for (const auto& line : declared) EXPECT_TRUE(routes.contains(line)) << line << " is no route";
}

TEST_F(Needs, FitTheRoutes) {
  for (const Route& route : api_.router().routes()) {
    const bool changes = route.method != "GET";
    const bool names_session = route.path.find(":sessionID") != route.path.npos;
    if (route.need.level == Level::read && changes) {
      // These only wait, make a ticket for the caller, or forget it.
      EXPECT_TRUE(route.operation == "v2.session.wait" || route.operation == "fleet.ticket" ||
                  route.operation == "fleet.sign_out")
          << route.operation;
    }
    if (route.need.reach == Reach::session) EXPECT_TRUE(names_session) << route.operation;
    if (names_session) {
      const bool opens = route.operation == "session.fork" || route.operation == "fleet.session.fork";
      EXPECT_TRUE(route.need.reach == Reach::session || opens) << route.operation;
    }
  }
}

TEST_F(Needs, GrowWithTheRole) {
  using access::Role;
  for (const Route& route : api_.router().routes()) {
    bool allowed = false;
    for (const Role role : {Role::viewer, Role::agent, Role::operator_, Role::admin}) {
      const bool now = allows(route.need.level, {.role = role});
      EXPECT_GE(now, allowed) << route.operation << " " << access::name(role);
      allowed = now;
    }
    EXPECT_TRUE(allowed) << route.operation << ": nobody may";
  }
}

TEST_F(Needs, KeepAgentsFromApproving) {
  const access::Principal agent{.role = access::Role::agent};
  access::Principal trusted = agent;
  trusted.approves = true;
  for (const char* reply : {"permission.reply", "permission.respond", "v2.session.permission.reply"}) {
    EXPECT_FALSE(allows(need_of(reply).level, agent)) << reply;
    EXPECT_TRUE(allows(need_of(reply).level, trusted)) << reply;
  }
  for (const char* beside :
       {"session.shell", "pty.create", "v2.pty.create", "tui.submitPrompt", "config.update", "fleet.token.create"}) {
    EXPECT_FALSE(allows(need_of(beside).level, trusted)) << beside;
  }
}

TEST(UndeclaredNeed, IsForAdmins) {
  EXPECT_EQ(need_of("something.new").level, Level::administer);
  EXPECT_FALSE(allows(need_of("something.new").level, {.role = access::Role::operator_}));
}

}  // namespace
}  // namespace quarterdeck::api
