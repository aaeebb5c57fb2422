// The command line as values. Parsing touches nothing: no files, no network, no terminal.
// Law: every wrong usage is an `Answered` with kExitUsage and a sentence that says what to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/cli/bridge/bridge.hpp"
#include "app/cli/completion.hpp"
#include "app/cli/exit_code.hpp"
#include "app/cli/fleet/options.hpp"
#include "app/cli/target.hpp"
#include "app/serve.hpp"

namespace quarterdeck::app {

enum class Format { text, json };

struct ScriptedModelOptions {
  std::uint16_t port = 0;
  std::optional<std::string> scenario;
  bool operator==(const ScriptedModelOptions&) const = default;
};

struct ModelName {
  std::string provider;
  std::string model;
  bool operator==(const ModelName&) const = default;
};

struct RunOptions {
  Target target;
  std::optional<std::string> session;
  bool continue_latest = false;
  std::optional<std::string> title;
  std::optional<std::string> agent;
  std::optional<ModelName> model;
  Format format = Format::text;
  bool quiet = false;
  std::vector<std::string> files;
  std::string task;  // "-": read it from standard input
  bool operator==(const RunOptions&) const = default;
};

struct SessionListOptions {
  Target target;
  Format format = Format::text;
  int limit = 100;
  bool operator==(const SessionListOptions&) const = default;
};
struct SessionShowOptions {
  Target target;
  Format format = Format::text;
  std::string session;
  bool operator==(const SessionShowOptions&) const = default;
};
struct SessionAbortOptions {
  Target target;
  Format format = Format::text;
  std::string session;
  bool operator==(const SessionAbortOptions&) const = default;
};
struct SessionDeleteOptions {
  Target target;
  Format format = Format::text;
  std::string session;
  bool yes = false;
  bool operator==(const SessionDeleteOptions&) const = default;
};

// A session to standard output, as `opencode export` writes it.
struct ExportOptions {
  Target target;
  Format format = Format::text;
  std::string session;
  bool operator==(const ExportOptions&) const = default;
};
struct ImportOptions {
  Target target;
  Format format = Format::text;
  std::string from;       // a file; empty with `opencode`: where OpenCode keeps its database
  bool opencode = false;  // `from` is OpenCode's database
  bool operator==(const ImportOptions&) const = default;
};

// Which data directory, for the commands that need no server.
struct DataTarget {
  std::optional<std::string> data;  // absolute; none: where the server keeps its state
  Format format = Format::text;
  bool quiet = false;
  bool operator==(const DataTarget&) const = default;
};
struct BackupOptions {
  DataTarget target;
  std::string to;  // empty: a new name in <data>/backups
  bool operator==(const BackupOptions&) const = default;
};
struct RestoreOptions {
  DataTarget target;
  std::string from;
  bool operator==(const RestoreOptions&) const = default;
};
struct VerifyOptions {
  DataTarget target;
  std::optional<std::string> file;  // in place of the data directory's database
  bool quick = false;
  bool operator==(const VerifyOptions&) const = default;
};
struct VacuumOptions {
  DataTarget target;
  bool operator==(const VacuumOptions&) const = default;
};

struct DoctorOptions {
  Target target;
  Format format = Format::text;
  bool operator==(const DoctorOptions&) const = default;
};

// Cleans up the sessions' own worktrees, or brings one back.
struct CleanupOptions {
  enum class Action { collect, undo };
  Target target;
  Format format = Format::text;
  Action action = Action::collect;
  bool dry_run = false;
  std::string session;  // only this one's, whatever the policies say; empty: what they name
  bool operator==(const CleanupOptions&) const = default;
};

// Who may use the server: its file, on this machine.
struct TokenOptions {
  enum class Action { create, list, revoke, link, pair };
  Target target;  // for the address of a link
  Format format = Format::text;
  Action action = Action::list;
  std::string name;  // or id
  std::string role = "agent";
  std::string expires;  // "90d"; empty: never
  std::vector<std::string> sessions;
  std::vector<std::string> projects;
  bool own = false;
  bool everything = false;
  bool approves = false;
  bool operator==(const TokenOptions&) const = default;
};

// Who did what: the audit of this machine's server.
struct AuditOptions {
  Format format = Format::text;
  bool verify = false;
  bool all = false;  // every row as it stands, oldest first
  std::string who;
  std::string operation;
  std::string session;
  std::string since;  // "24h"; empty: from the beginning
  int limit = 50;
  bool operator==(const AuditOptions&) const = default;
};

// Which directories' own files may run programs.
struct TrustOptions {
  enum class Action { add, list, remove };
  Target target;  // its directory is the one that is meant
  Format format = Format::text;
  Action action = Action::add;
  bool operator==(const TrustOptions&) const = default;
};

// What was answered "always" in the directory's project.
struct PermissionListOptions {
  Target target;
  Format format = Format::text;
  bool operator==(const PermissionListOptions&) const = default;
};
struct PermissionRemoveOptions {
  Target target;
  std::string id;
  bool operator==(const PermissionRemoveOptions&) const = default;
};

// Keys of providers. `login` reads one from standard input.
struct AuthOptions {
  enum class Action { login, list, logout };
  Target target;
  Format format = Format::text;
  Action action = Action::list;
  std::string provider;
  bool operator==(const AuthOptions&) const = default;
};

struct ModelsOptions {
  Target target;
  Format format = Format::text;
  std::string provider;  // only this one's; empty = all
  bool all = false;      // also of providers without a key
  bool refresh = false;
  bool operator==(const ModelsOptions&) const = default;
};

using Command =
    std::variant<ServeOptions, ScriptedModelOptions, RunOptions, SessionListOptions, SessionShowOptions,
                 McpBridgeOptions, AcpBridgeOptions, SessionAbortOptions, SessionDeleteOptions, BackupOptions,
                 RestoreOptions, VerifyOptions, VacuumOptions, DoctorOptions, TrustOptions, TokenOptions, AuditOptions,
                 PermissionListOptions, PermissionRemoveOptions, AuthOptions, ModelsOptions, ExportOptions,
                 ImportOptions, CleanupOptions, FleetOptions, CompletionScript, CompletionQuestion>;

// Help, the version, or what was wrong: print it and leave.
struct Answered {
  ExitCode code = kExitOk;
  std::string text;  // to standard output when `code` is kExitOk, else to standard error
};

// What defaults come from.
struct Surroundings {
  std::string directory;           // the current one, absolute
  std::optional<std::string> url;  // $QUARTERDECK_URL
};

std::variant<Command, Answered> parse(int argc, const char* const* argv, const Surroundings& surroundings);

}  // namespace quarterdeck::app
