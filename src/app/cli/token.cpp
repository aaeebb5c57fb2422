#include <unistd.h>

#include "access/audit.hpp"
#include "access/tokens.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"
#include "app/cli/pair.hpp"
#include "app/cli/quantity.hpp"
#include "app/cli/table.hpp"
#include "app/cli/terminal.hpp"
#include "base/clock.hpp"

namespace quarterdeck::app {
namespace {

int give_up(const Error& error) {
  complain(error.message);
  return kExitFailed;
}

int print(const std::string& text) { return write_all(STDOUT_FILENO, text) ? kExitOk : kExitFailed; }

access::Role role_named(std::string_view text) {
  for (const auto& [role, name] : enum_names(access::Role{})) {
    if (name == text) return role;
  }
  return access::Role::viewer;
}

// The command line needs no server, and so writes its deeds down itself.
void write_down(const Places& places, const char* operation, const access::Token& before_or_after, bool made) {
  access::Deed deed{.at = system_clock().now_ms(),
                    .who = "command line",
                    .role = "admin",
                    .credential = "uid:" + std::to_string(::getuid()),
                    .operation = operation,
                    .route = "quarterdeck",
                    .status = 200};
  (made ? deed.after : deed.before) = access::shown(before_or_after);
  if (const auto written = access::record(places, deed); !written) complain(written.error().message);
}

// Tokens are a file, so that the first one needs no server; one that runs sees it with its next request.
int create(const TokenOptions& options, const Places& places) {
  access::TokenWanted wanted{
      .name = options.name,
      .role = role_named(options.role),
      .scope = {.own = options.own, .sessions = options.sessions, .projects = options.projects},
      .everything = options.everything,
      .approves = options.approves,
      .created_by = "command line",
  };
  if (!options.expires.empty()) {
    const auto lifetime = access::lifetime_of(options.expires);
    if (!lifetime) return give_up(lifetime.error());
    wanted.lifetime_ms = *lifetime;
  }
  const auto made = access::create_token(places, std::move(wanted), system_clock().now_ms());
  if (!made) return give_up(made.error());
  write_down(places, "token.create", made->token, true);
  complain(fmt::format("token {} ({}, {}); it is shown this once. From now on every request needs a credential.",
                       made->token.name, made->token.id, access::name(made->token.role)));
  return print(made->secret + "\n");
}

int link(const TokenOptions& options, const Places& places) {
  const auto made = make_link(places, options.target.url);
  if (!made) return give_up(made.error());
  return print(*made + "\n");
}

std::string scope_text(const access::Token& token) {
  std::string out = token.scope.own ? "its own" : "";
  for (const auto* list : {&token.scope.sessions, &token.scope.projects}) {
    for (const std::string& one : *list) out += (out.empty() ? "" : ", ") + one;
  }
  return out.empty() ? "everything" : out;
}

std::string state_text(const access::Token& token, TimeMs now) {
  if (token.revoked) return "revoked";
  if (!token.expires) return "valid";
  return *token.expires <= now ? "expired" : "valid for " + age(*token.expires, now);
}

int list(const TokenOptions& options, const Places& places) {
  const auto tokens = access::list_tokens(places);
  if (!tokens) return give_up(tokens.error());
  if (options.format == Format::json) {
    std::string out;
    for (const auto& token : *tokens) out += (out.empty() ? "" : ",") + access::shown(token);
    return print("[" + out + "]\n");
  }
  if (tokens->empty()) {
    complain("there is no token; quarterdeck token create NAME makes one");
    return kExitOk;
  }
  const TimeMs now = system_clock().now_ms();
  Table table({"ID", "NAME", "KIND", "ROLE", "STATE", "REACHES"});
  for (const auto& token : *tokens) {
    const std::string kind = token.once                          ? "link"
                             : token.browser                     ? "browser"
                             : token.kind == access::Kind::agent ? "agent"
                                                                 : "person";
    table.add({{token.id},
               {harmless(token.name)},
               {kind},
               {std::string(access::name(token.role))},
               {state_text(token, now)},
               {harmless(scope_text(token))}});
  }
  return print(table.text(style_of(STDOUT_FILENO)));
}

int revoke(const TokenOptions& options, const Places& places) {
  const auto revoked = access::revoke_token(places, options.name, system_clock().now_ms());
  if (!revoked) return give_up(revoked.error());
  write_down(places, "token.revoke", *revoked, false);
  return print(fmt::format("revoked {} ({})\n", revoked->name, revoked->id));
}

}  // namespace

int token(const TokenOptions& options) {
  const Places places = Places::from_environment();
  switch (options.action) {
    case TokenOptions::Action::create: return create(options, places);
    case TokenOptions::Action::list: return list(options, places);
    case TokenOptions::Action::revoke: return revoke(options, places);
    case TokenOptions::Action::link: return link(options, places);
    case TokenOptions::Action::pair: return pair(options);
  }
  return kExitUsage;
}

}  // namespace quarterdeck::app
