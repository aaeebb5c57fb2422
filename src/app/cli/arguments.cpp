#include "app/cli/arguments.hpp"

#include <filesystem>
#include <memory>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>

#include "app/cli/fleet/arguments.hpp"

namespace quarterdeck::app {
namespace {

constexpr const char* kDefaultUrl = "http://127.0.0.1:4096";

// Where options land while CLI11 reads; turned into one Command at the end.
struct Raw {
  ServeOptions serve;
  ScriptedModelOptions scripted;
  RunOptions run;
  std::vector<std::string> task;
  std::string model;
  std::string url;
  std::string directory;
  std::string format;
  std::string session;
  int limit = 100;
  bool yes = false;
  std::string rule;
  AuthOptions auth;
  ModelsOptions models;
  std::string data;
  std::string file;
  bool quick = false;
  bool quiet = false;
  bool from_opencode = false;
  bool dry_run = false;
  bool json = false;
  TokenOptions token;
  AuditOptions audit;
  FleetLine fleet;
  std::string shell;
  std::vector<std::string> typed;
};

struct Commands {
  CLI::App* serve;
  CLI::App* scripted;
  CLI::App* run;
  CLI::App* session;
  CLI::App* list;
  CLI::App* show;
  CLI::App* abort;
  CLI::App* remove;
  CLI::App* to_file;
  CLI::App* from_file;
  CLI::App* backup;
  CLI::App* restore;
  CLI::App* verify;
  CLI::App* vacuum;
  CLI::App* doctor;
  CLI::App* cleanup;
  CLI::App* cleanup_undo;
  CLI::App* trust;
  CLI::App* trust_list;
  CLI::App* trust_remove;
  CLI::App* token_create;
  CLI::App* token_list;
  CLI::App* token_revoke;
  CLI::App* token_link;
  CLI::App* pair;
  CLI::App* audit;
  CLI::App* permission_list;
  CLI::App* permission_remove;
  CLI::App* auth_login;
  CLI::App* auth_list;
  CLI::App* auth_logout;
  CLI::App* models;
  CLI::App* mcp;
  CLI::App* acp;
  CLI::App* completion;
  CLI::App* complete;
};

CLI::App* command(CLI::App& parent, const char* name, const char* purpose, const char* examples) {
  CLI::App* made = parent.add_subcommand(name, purpose);
  made->footer(std::string("\nExamples:\n") + examples);
  made->set_help_flag("-h,--help", "Show this help");
  return made;
}

void add_target(CLI::App* to, Raw& raw) {
  to->add_option("--attach", raw.url, "Server to talk to (default: $QUARTERDECK_URL, else http://127.0.0.1:4096)")
      ->type_name("URL");
  to->add_option("--dir", raw.directory, "Directory whose sessions are meant (default: the current one)")
      ->type_name("DIR");
}

void add_format(CLI::App* to, Raw& raw, const char* plain) {
  raw.format = plain;
  to->add_option("--format", raw.format, std::string("How to print: ") + plain + " or json")
      ->check(CLI::IsMember({plain, "json"}))
      ->type_name("FORMAT");
}

void add_serve(CLI::App& app, Raw& raw, Commands& commands) {
  commands.serve = command(app, "serve", "Run the server", R"(  quarterdeck serve
  quarterdeck serve --port 0                    any free port; the first line of output names it
  OPENCODE_SERVER_PASSWORD=… quarterdeck serve --hostname 0.0.0.0
)");
  commands.serve->add_option("--hostname", raw.serve.hostname, "Address to listen on (default: 127.0.0.1)")
      ->type_name("ADDRESS");
  commands.serve->add_option("--port", raw.serve.port, "Port to listen on, 0 = any free one (default: 4096)")
      ->type_name("PORT");
  commands.serve->add_option("--cors", raw.serve.cors, "Browser origin that may call the server (repeatable)")
      ->type_name("ORIGIN")
      ->allow_extra_args(false);
  commands.serve
      ->add_option(
          "--root", raw.serve.roots,
          "Folder below which projects may lie (repeatable; default: the home, the current one, temporary ones)")
      ->type_name("DIR")
      ->allow_extra_args(false);
  commands.serve->add_option("--scenario", raw.serve.scenario, "Answers of the built-in scripted model")
      ->type_name("FILE");
  commands.serve->add_option("--log-level", raw.serve.log_level, "debug, info, warn or error (default: info)")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->type_name("LEVEL");
  commands.serve->add_option("--log-format", raw.serve.log_format, "text or json (default: text)")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  commands.serve->add_flag("--print-logs", raw.serve.print_logs,
                           "Accepted for OpenCode's sake; logs always go to stderr");
}

void add_scripted(CLI::App& app, Raw& raw, Commands& commands) {
  commands.scripted =
      command(app, "scripted-model", "Run the built-in scripted model: a server that speaks every provider's protocol",
              R"(  quarterdeck scripted-model --port 8090
  quarterdeck scripted-model --scenario answers.json
)");
  commands.scripted->add_option("--port", raw.scripted.port, "Port to listen on, 0 = any free one (default: 0)")
      ->type_name("PORT");
  commands.scripted
      ->add_option("--scenario", raw.scripted.scenario, "What it answers (default: what the prompt's directives say)")
      ->type_name("FILE");
}

void add_run(CLI::App& app, Raw& raw, Commands& commands) {
  commands.run =
      command(app, "run", "Give an agent a task and watch it work", R"(  quarterdeck run "fix the failing test"
  quarterdeck run --continue "now commit it"
  quarterdeck run --model anthropic/claude-sonnet-4-5 --file notes.md "do what the notes say"
  git diff | quarterdeck run --quiet - > review.md

Exit status: 0 done, 1 the turn ended in an error, 2 wrong usage, 3 no server, 130 interrupted.
Ctrl-C stops the turn; a second Ctrl-C leaves at once.
)");
  CLI::App* run = commands.run;
  run->add_option("task", raw.task, "What to do; - reads it from standard input")->type_name("TASK");
  add_target(run, raw);
  auto* session = run->add_option("-s,--session", raw.run.session, "Go on in this session")->type_name("ID");
  run->add_flag("-c,--continue", raw.run.continue_latest, "Go on in the directory's latest session")->excludes(session);
  run->add_option("--title", raw.run.title, "Title of the new session (default: made from the task)")
      ->type_name("TITLE");
  run->add_option("--agent", raw.run.agent, "Agent to use (default: the session's)")->type_name("NAME");
  run->add_option("-m,--model", raw.model, "Model to use (default: the session's)")->type_name("PROVIDER/MODEL");
  run->add_option("-f,--file", raw.run.files, "File to send along (repeatable)")
      ->type_name("FILE")
      ->allow_extra_args(false);
  run->add_flag("-q,--quiet", raw.run.quiet, "Print only what the agent says, no progress");
  add_format(run, raw, "default");
}

// Programs start these; people read the help.
void add_bridges(CLI::App& app, Raw& raw, Commands& commands) {
  commands.mcp =
      command(app, "mcp", "Offer the server's MCP tools on the standard streams, to agents that start programs",
              R"(  {"mcpServers": {"quarterdeck": {"command": "quarterdeck", "args": ["mcp"]}}}
)");
  commands.acp = command(app, "acp", "Be an agent for editors (Agent Client Protocol), with sessions on the server",
                         R"(  acpx --agent "quarterdeck acp" exec "fix the failing test"
)");
  add_target(commands.mcp, raw);
  add_target(commands.acp, raw);
}

void add_session(CLI::App& app, Raw& raw, Commands& commands) {
  commands.session = command(app, "session", "List, show, abort or delete sessions", R"(  quarterdeck session list
  quarterdeck session show ses_1f2e3d…
  quarterdeck session list --format json | jq -r '.[].id'
)");
  commands.session->require_subcommand(1);
  commands.list =
      command(*commands.session, "list", "List a directory's sessions, the latest first", R"(  quarterdeck session list
  quarterdeck session list --dir ~/work/api --limit 10
)");
  commands.list->add_option("--limit", raw.limit, "How many at most (default: 100)")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N");
  commands.show = command(*commands.session, "show", "Show a session's messages and tool calls",
                          "  quarterdeck session show ses_1f2e3d…\n");
  commands.abort =
      command(*commands.session, "abort", "Stop a session's running turn", "  quarterdeck session abort ses_1f2e3d…\n");
  commands.remove = command(*commands.session, "delete", "Delete a session with its messages and child sessions",
                            R"(  quarterdeck session delete ses_1f2e3d…
  quarterdeck session delete --yes ses_1f2e3d…      without asking, for scripts
)");
  commands.remove->add_flag("-y,--yes", raw.yes, "Do not ask");
  for (CLI::App* one : {commands.show, commands.abort, commands.remove}) {
    one->add_option("id", raw.session, "The session (quarterdeck session list names them)")
        ->type_name("ID")
        ->required();
  }
  for (CLI::App* one : {commands.list, commands.show, commands.abort, commands.remove}) {
    add_target(one, raw);
    add_format(one, raw, "table");
  }
}

void add_data(CLI::App* to, Raw& raw) {
  to->add_option("--data", raw.data, "Data directory (default: $XDG_DATA_HOME/quarterdeck)")->type_name("DIR");
  to->add_flag("-q,--quiet", raw.quiet, "Print only what is wrong");
  add_format(to, raw, "text");
}

void add_import(CLI::App& app, Raw& raw, Commands& commands) {
  commands.to_file = command(app, "export", "Print a session with its messages, as opencode export does",
                             "  quarterdeck export ses_1f2e3d… > session.json\n");
  commands.to_file->add_option("id", raw.session, "The session (quarterdeck session list names them)")
      ->type_name("SESSION")
      ->required();
  commands.from_file = command(app, "import", "Take sessions over: from a file of export, or all of OpenCode's own",
                               R"(  quarterdeck import session.json
  quarterdeck import --from-opencode                        ~/.local/share/opencode/opencode.db
  quarterdeck import --from-opencode /mnt/old/opencode.db

Done again, it brings what is new since; what is here is never overwritten, and OpenCode's database is only read.
)");
  commands.from_file->add_option("file", raw.file, "The file; with --from-opencode the database")->type_name("FILE");
  commands.from_file->add_flag("--from-opencode", raw.from_opencode, "From OpenCode's database, also while it runs");
  for (CLI::App* one : {commands.to_file, commands.from_file}) {
    add_target(one, raw);
    add_format(one, raw, "text");
  }
}

void add_store(CLI::App& app, Raw& raw, Commands& commands) {
  commands.backup =
      command(app, "backup", "Copy all sessions into one file, also while the server runs",
              R"(  quarterdeck backup                            a new file in the data directory's backups/
  quarterdeck backup /mnt/usb/sessions.db
)");
  commands.backup->add_option("file", raw.file, "Where to, a file or a directory (default: DIR/backups)")
      ->type_name("FILE");
  commands.restore = command(app, "restore", "Put a backup in the place of the database; the server must be stopped",
                             R"(  quarterdeck restore ~/.local/share/quarterdeck/backups/quarterdeck-20261122T190102Z.db

What was there before is kept in backups/replaced-….db. Killed half-way, it is finished by the next start.
)");
  commands.restore->add_option("file", raw.file, "The backup")->type_name("FILE")->required();
  commands.verify = command(app, "verify", "Check the database, and its tables against its log of events",
                            R"(  quarterdeck verify
  quarterdeck verify --quick                     pages only, two seconds at most
  quarterdeck verify --file backup.db --format json | jq .problems

Exit status: 0 sound, 1 problems were found.
)");
  commands.verify->add_option("--file", raw.file, "A database file, such as a backup (default: DIR/quarterdeck.db)")
      ->type_name("FILE");
  commands.verify->add_flag("--quick", raw.quick, "Look at the pages only, for two seconds at most");
  commands.vacuum = command(app, "vacuum", "Give unused space of the database back; the server must be stopped",
                            "  quarterdeck vacuum\n");
  for (CLI::App* one : {commands.backup, commands.restore, commands.verify, commands.vacuum}) add_data(one, raw);
}

void add_doctor(CLI::App& app, Raw& raw, Commands& commands) {
  commands.doctor =
      command(app, "doctor", "Check what Quarterdeck needs here, and say how to fix it", R"(  quarterdeck doctor
  quarterdeck doctor --format json | jq '.checks[] | select(.state != "ok")'
)");
  add_target(commands.doctor, raw);
  add_format(commands.doctor, raw, "table");
}

void add_url(CLI::App* to, Raw& raw) {
  to->add_option("--attach", raw.url, "Server to talk to (default: $QUARTERDECK_URL, else http://127.0.0.1:4096)")
      ->type_name("URL");
}

void add_cleanup(CLI::App& app, Raw& raw, Commands& commands) {
  commands.cleanup = command(app, "gc", "Remove the worktrees of sessions that are done, when nothing can be lost",
                             R"(  quarterdeck gc --dry-run          what it would do, and why the others stay
  quarterdeck gc
  quarterdeck gc ses_…              this one, whatever the policies say
  quarterdeck gc undo ses_…         brings a session and its worktree back
)");
  commands.cleanup->add_flag("--dry-run,-n", raw.dry_run, "Change nothing");
  commands.cleanup->add_option("session", raw.session, "Only this session's")->type_name("SESSION");
  add_format(commands.cleanup, raw, "table");
  commands.cleanup_undo =
      command(*commands.cleanup, "undo", "Bring a session and its worktree back", "  quarterdeck gc undo ses_…\n");
  commands.cleanup_undo->add_option("session", raw.session, "The session")->type_name("SESSION")->required();
  commands.cleanup->add_flag("--json", raw.json, "The same as --format json");
  for (CLI::App* one : {commands.cleanup, commands.cleanup_undo}) add_url(one, raw);
}

void add_completion(CLI::App& app, Raw& raw, Commands& commands) {
  commands.completion = command(app, "completion", "Print what makes a shell complete these commands",
                                R"(  source <(quarterdeck completion bash)               in ~/.bashrc
  quarterdeck completion zsh > ~/.zfunc/_quarterdeck
  quarterdeck completion fish > ~/.config/fish/completions/quarterdeck.fish
)");
  commands.completion->add_option("shell", raw.shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL")
      ->required();
  // What the shells ask. The words so far, the last one as far as it is typed.
  commands.complete = command(app, "__complete", "", "")->group("");
  commands.complete->add_option("words", raw.typed, "");
}

void add_trust(CLI::App& app, Raw& raw, Commands& commands) {
  commands.trust = command(app, "trust", "Let a project's own files run programs and use secrets",
                           R"(  quarterdeck trust                 the checkout that holds the current directory
  quarterdeck trust ~/work/api
  quarterdeck trust list
  quarterdeck trust remove ~/work/api
)");
  commands.trust->add_option("dir", raw.directory, "The project (default: the current directory)")->type_name("DIR");
  commands.trust_list = command(*commands.trust, "list", "List what is trusted", "  quarterdeck trust list\n");
  add_format(commands.trust_list, raw, "table");
  commands.trust_remove =
      command(*commands.trust, "remove", "Trust it no longer", "  quarterdeck trust remove ~/work/api\n");
  commands.trust_remove->add_option("dir", raw.directory, "The project (default: the current directory)")
      ->type_name("DIR");
  for (CLI::App* one : {commands.trust, commands.trust_list, commands.trust_remove}) add_url(one, raw);
}

void add_token(CLI::App& app, Raw& raw, Commands& commands) {
  CLI::App* token = command(app, "token", "Let people and agents use the server, each as what they are",
                            R"(  quarterdeck token create openclaw                       an agent: its own sessions only
  quarterdeck token create anna --role operator --expires 90d
  quarterdeck token list
  quarterdeck token revoke openclaw
  quarterdeck token link                                  a link that signs one browser in
)");
  token->require_subcommand(1);
  TokenOptions& of = raw.token;
  commands.token_create = command(*token, "create", "Make a token; its secret is printed this once",
                                  "  quarterdeck token create ci --role agent --project ~/work/api --expires 30d\n");
  commands.token_create->add_option("name", of.name, "Who it is for")->type_name("NAME")->required();
  commands.token_create->add_option("--role", of.role, "viewer, agent, operator or admin (default: agent)")
      ->check(CLI::IsMember({"viewer", "agent", "operator", "admin"}))
      ->type_name("ROLE");
  commands.token_create->add_option("--expires", of.expires, "90d, 12h, 30m (default: never)")->type_name("TIME");
  commands.token_create
      ->add_option("--project", of.projects, "Only sessions under this directory, or of this project id")
      ->type_name("PROJECT")
      ->allow_extra_args(false);
  commands.token_create->add_option("--session", of.sessions, "Only this session (repeatable)")
      ->type_name("SESSION")
      ->allow_extra_args(false);
  commands.token_create->add_flag("--own", of.own, "Only sessions that it opened; what agents get anyway");
  commands.token_create->add_flag("--everything", of.everything, "An agent for all sessions");
  commands.token_create->add_flag("--may-approve", of.approves, "An agent that may allow risky calls of its sessions");
  commands.token_list =
      command(*token, "list", "List tokens and browsers that signed in", "  quarterdeck token list\n");
  add_format(commands.token_list, raw, "table");
  commands.token_revoke = command(*token, "revoke", "Let it in no longer", "  quarterdeck token revoke openclaw\n");
  commands.token_revoke->add_option("name", of.name, "Its name or id")->type_name("NAME")->required();
  commands.token_link =
      command(*token, "link", "Print a link that signs one browser in as admin, once, within 15 minutes",
              "  quarterdeck token link --attach http://192.168.1.20:4096\n");
  add_url(commands.token_link, raw);
  commands.pair = command(app, "pair", "Sign a phone or a browser in: a one-time link and its QR code",
                          "  quarterdeck pair\n  quarterdeck pair --attach https://box.example.com\n");
  add_url(commands.pair, raw);
}

void add_audit(CLI::App& app, Raw& raw, Commands& commands) {
  AuditOptions& of = raw.audit;
  commands.audit = command(app, "audit", "Who did what through which route; works without a server",
                           R"(  quarterdeck audit --session ses_… --since 24h
  quarterdeck audit --verify                              whether a row was changed
  quarterdeck audit --export > audit.jsonl                every row as it stands
)");
  commands.audit->add_option("--who", of.who, "Only of this principal")->type_name("NAME");
  commands.audit->add_option("--operation", of.operation, "Only this operation, or all that begin like it")
      ->type_name("NAME");
  commands.audit->add_option("--session", of.session, "Only about this session")->type_name("SESSION");
  commands.audit->add_option("--since", of.since, "30m, 24h, 7d (default: all)")->type_name("TIME");
  commands.audit->add_option("--limit", of.limit, "At most so many, the newest (default: 50)")
      ->check(CLI::Range(1, 100'000))
      ->type_name("N");
  CLI::Option* verify = commands.audit->add_flag("--verify", of.verify, "Check the chain; exit code 1 if it is broken");
  commands.audit->add_flag("--export", of.all, "Print every row as it stands, oldest first")->excludes(verify);
  add_format(commands.audit, raw, "table");
}

void add_permission(CLI::App& app, Raw& raw, Commands& commands) {
  CLI::App* permission = command(app, "permission", "List or remove what was allowed \"always\"",
                                 "  quarterdeck permission list\n  quarterdeck permission remove rule_…\n");
  permission->require_subcommand(1);
  commands.permission_list = command(*permission, "list", "List what is always allowed in the directory's project",
                                     "  quarterdeck permission list --dir ~/work/api\n");
  add_target(commands.permission_list, raw);
  add_format(commands.permission_list, raw, "table");
  commands.permission_remove =
      command(*permission, "remove", "Ask again from now on", "  quarterdeck permission remove rule_…\n");
  commands.permission_remove->add_option("id", raw.rule, "The rule (quarterdeck permission list names them)")
      ->type_name("ID")
      ->required();
  add_url(commands.permission_remove, raw);
}

void add_auth(CLI::App& app, Raw& raw, Commands& commands) {
  CLI::App* auth = command(app, "auth", "Store, list or remove the keys of model providers",
                           R"(  quarterdeck auth login anthropic             asks for the key
  quarterdeck auth login openai < key.txt      reads it from standard input
  quarterdeck auth list
  quarterdeck auth logout openai
)");
  auth->require_subcommand(1);
  commands.auth_login = command(*auth, "login", "Store a provider's key, read from standard input",
                                "  quarterdeck auth login anthropic\n");
  commands.auth_list = command(*auth, "list", "List whose keys there are, never the keys", "  quarterdeck auth list\n");
  add_format(commands.auth_list, raw, "table");
  commands.auth_logout =
      command(*auth, "logout", "Remove a provider's stored key", "  quarterdeck auth logout anthropic\n");
  for (CLI::App* one : {commands.auth_login, commands.auth_logout}) {
    one->add_option("provider", raw.auth.provider, "The provider, as in anthropic")->type_name("PROVIDER")->required();
  }
  for (CLI::App* one : {commands.auth_login, commands.auth_list, commands.auth_logout}) add_url(one, raw);
}

void add_models(CLI::App& app, Raw& raw, Commands& commands) {
  commands.models = command(app, "models", "List the models that can be used", R"(  quarterdeck models
  quarterdeck models anthropic
  quarterdeck models --refresh          fetch the newest list from models.dev first
)");
  commands.models->add_option("provider", raw.models.provider, "Only this provider's")->type_name("PROVIDER");
  commands.models->add_flag("--all", raw.models.all, "Also those of providers without a key");
  commands.models->add_flag("--refresh", raw.models.refresh, "Fetch the newest list from models.dev first");
  add_target(commands.models, raw);
  add_format(commands.models, raw, "table");
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

struct Wrong {
  std::string why;
};

Target target_of(const Raw& raw, const Surroundings& surroundings) {
  Target target;
  target.url = !raw.url.empty() ? raw.url : surroundings.url.value_or(kDefaultUrl);
  if (!target.url.starts_with("http://") && !target.url.starts_with("https://")) {
    throw Wrong{"\"" + target.url + "\" is not a server's URL; it must begin with http:// or https://"};
  }
  while (target.url.ends_with('/')) target.url.pop_back();
  std::filesystem::path directory =
      raw.directory.empty() ? std::filesystem::path(".") : std::filesystem::path(raw.directory);
  if (directory.is_relative()) directory = surroundings.directory / directory;
  target.directory = directory.lexically_normal().string();
  while (target.directory.size() > 1 && target.directory.ends_with('/')) target.directory.pop_back();
  return target;
}

std::string session_of(const Raw& raw) {
  if (!raw.session.starts_with("ses")) {
    throw Wrong{"\"" + raw.session +
                "\" is not a session id (they begin with ses_); quarterdeck session list names them"};
  }
  return raw.session;
}

RunOptions run_of(Raw& raw, Target target, Format format) {
  RunOptions run = std::move(raw.run);
  run.target = std::move(target);
  run.format = format;
  run.task = joined(raw.task);
  if (run.task.find_first_not_of(" \t\r\n") == run.task.npos) {
    throw Wrong{
        "what should the agent do? quarterdeck run \"fix the failing test\", or - to read the task from standard "
        "input"};
  }
  if (run.session) {
    raw.session = *run.session;
    run.session = session_of(raw);
  }
  if (run.title && (run.session || run.continue_latest))
    throw Wrong{"--title is for a new session; leave --session and --continue out"};
  if (!raw.model.empty()) {
    const auto slash = raw.model.find('/');
    if (slash == 0 || slash == raw.model.npos || slash + 1 == raw.model.size()) {
      throw Wrong{"--model wants PROVIDER/MODEL, as in anthropic/claude-sonnet-4-5; got \"" + raw.model + "\""};
    }
    run.model = ModelName{raw.model.substr(0, slash), raw.model.substr(slash + 1)};
  }
  return run;
}

Command command_of(const CLI::App& app, Raw& raw, const Commands& commands, const Surroundings& surroundings) {
  if (commands.serve->parsed()) return std::move(raw.serve);
  if (commands.scripted->parsed()) return std::move(raw.scripted);
  if (commands.complete->parsed()) {
    raw.url = server_in(raw.typed);
    CompletionQuestion question = completions(app, raw.typed);
    question.target = target_of(raw, surroundings);
    return question;
  }
  Target target = target_of(raw, surroundings);
  const Format format = raw.format == "json" || raw.json ? Format::json : Format::text;
  if (auto fleet = fleet_of(raw.fleet)) {
    if (auto why = problem_with(*fleet); !why.empty()) throw Wrong{std::move(why)};
    // Without --directory the roster is that of all directories.
    if (fleet->verb == FleetVerb::ps && raw.directory.empty()) target.directory.clear();
    fleet->target = std::move(target);
    return std::move(*fleet);
  }
  if (commands.completion->parsed()) return CompletionScript{raw.shell};
  if (commands.run->parsed()) return run_of(raw, std::move(target), format);
  if (commands.mcp->parsed()) return McpBridgeOptions{std::move(target)};
  if (commands.acp->parsed()) return AcpBridgeOptions{std::move(target)};
  if (commands.cleanup->parsed()) {
    const bool undo = commands.cleanup_undo->parsed();
    return CleanupOptions{std::move(target), format,
                          undo ? CleanupOptions::Action::undo : CleanupOptions::Action::collect, raw.dry_run,
                          raw.session.empty() ? "" : session_of(raw)};
  }
  if (commands.trust_list->parsed()) return TrustOptions{std::move(target), format, TrustOptions::Action::list};
  if (commands.trust_remove->parsed()) {
    return TrustOptions{std::move(target), Format::text, TrustOptions::Action::remove};
  }
  if (commands.trust->parsed()) return TrustOptions{std::move(target), Format::text, TrustOptions::Action::add};
  const auto token = [&](TokenOptions::Action action) {
    TokenOptions of = raw.token;
    of.target = target;
    of.format = format;
    of.action = action;
    for (std::string& project : of.projects) {
      // A path, unless it looks like an id.
      if (project.contains('/') || project == ".")
        project = (std::filesystem::path(surroundings.directory) / project).lexically_normal().string();
    }
    return of;
  };
  if (commands.token_create->parsed()) return token(TokenOptions::Action::create);
  if (commands.token_list->parsed()) return token(TokenOptions::Action::list);
  if (commands.token_revoke->parsed()) return token(TokenOptions::Action::revoke);
  if (commands.token_link->parsed()) return token(TokenOptions::Action::link);
  if (commands.pair->parsed()) return token(TokenOptions::Action::pair);
  if (commands.audit->parsed()) {
    AuditOptions of = raw.audit;
    of.format = format;
    return of;
  }
  if (commands.permission_list->parsed()) return PermissionListOptions{std::move(target), format};
  if (commands.permission_remove->parsed()) return PermissionRemoveOptions{std::move(target), raw.rule};
  const auto auth = [&](AuthOptions::Action action) { return AuthOptions{target, format, action, raw.auth.provider}; };
  if (commands.auth_login->parsed()) return auth(AuthOptions::Action::login);
  if (commands.auth_list->parsed()) return auth(AuthOptions::Action::list);
  if (commands.auth_logout->parsed()) return auth(AuthOptions::Action::logout);
  if (commands.models->parsed()) {
    return ModelsOptions{std::move(target), format, raw.models.provider, raw.models.all, raw.models.refresh};
  }
  DataTarget data{.data = {}, .format = format, .quiet = raw.quiet};
  if (!raw.data.empty())
    data.data = (std::filesystem::path(surroundings.directory) / raw.data).lexically_normal().string();
  if (commands.backup->parsed()) return BackupOptions{std::move(data), raw.file};
  if (commands.restore->parsed()) return RestoreOptions{std::move(data), raw.file};
  if (commands.verify->parsed()) {
    return VerifyOptions{std::move(data), raw.file.empty() ? std::nullopt : std::optional(raw.file), raw.quick};
  }
  if (commands.vacuum->parsed()) return VacuumOptions{std::move(data)};
  if (commands.to_file->parsed()) return ExportOptions{std::move(target), format, session_of(raw)};
  if (commands.from_file->parsed()) {
    std::string from = raw.file;
    if (!from.empty()) from = (std::filesystem::path(surroundings.directory) / from).lexically_normal().string();
    return ImportOptions{std::move(target), format, std::move(from), raw.from_opencode};
  }
  if (commands.doctor->parsed()) return DoctorOptions{std::move(target), format};
  if (commands.list->parsed()) return SessionListOptions{std::move(target), format, raw.limit};
  if (commands.show->parsed()) return SessionShowOptions{std::move(target), format, session_of(raw)};
  if (commands.abort->parsed()) return SessionAbortOptions{std::move(target), format, session_of(raw)};
  return SessionDeleteOptions{std::move(target), format, session_of(raw), raw.yes};
}

// The command whose help fits what was typed.
std::string where(const CLI::App& app) {
  std::string path = "quarterdeck";
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    path += " " + at->get_name();
  }
  return path;
}

Answered wrong(const CLI::App& app, std::string_view why) {
  return {kExitUsage, fmt::format("quarterdeck: {}\nSee {} --help.\n", why, where(app))};
}

}  // namespace

std::variant<Command, Answered> parse(int argc, const char* const* argv, const Surroundings& surroundings) {
  CLI::App app("Quarterdeck runs coding agents: a server for many sessions, and the commands to drive it.",
               "quarterdeck");
  app.set_help_flag("-h,--help", "Show this help");
  app.set_version_flag("-v,--version", "quarterdeck " QD_VERSION, "Show the version");
  app.require_subcommand(1);
  app.footer(
      "\nExamples:\n  quarterdeck doctor\n  quarterdeck serve\n  quarterdeck run \"fix the failing test\"\n\n"
      "quarterdeck COMMAND --help says more about a command.");
  Raw raw;
  Commands commands{};
  add_serve(app, raw, commands);
  add_run(app, raw, commands);
  add_session(app, raw, commands);
  add_bridges(app, raw, commands);
  add_fleet(app, raw.fleet, raw.url, raw.directory);
  add_cleanup(app, raw, commands);
  add_trust(app, raw, commands);
  add_audit(app, raw, commands);
  add_token(app, raw, commands);
  add_permission(app, raw, commands);
  add_auth(app, raw, commands);
  add_models(app, raw, commands);
  add_import(app, raw, commands);
  add_store(app, raw, commands);
  add_doctor(app, raw, commands);
  add_scripted(app, raw, commands);
  add_completion(app, raw, commands);
  if (argc <= 1) return Answered{kExitUsage, app.help()};
  try {
    app.parse(argc, argv);
    return command_of(app, raw, commands, surroundings);
  } catch (const CLI::Success& asked) {  // --help, --version
    std::ostringstream out;
    app.exit(asked, out, out);
    return Answered{kExitOk, out.str()};
  } catch (const CLI::ParseError& error) {
    return wrong(app, error.what());
  } catch (const Wrong& error) {
    return wrong(app, error.why);
  }
}

}  // namespace quarterdeck::app
