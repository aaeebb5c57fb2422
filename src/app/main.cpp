// quarterdeck: reads the command line and hands over to the command.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <system_error>
#include <variant>

#include "app/cli/arguments.hpp"
#include "app/cli/commands.hpp"
#include "app/serve.hpp"
#include "base/failpoint.hpp"
#include "process/process.hpp"

namespace quarterdeck::app {
namespace {

int start(const ServeOptions& options) {
  // First, so that nobody else inherits what the supervisor gave us.
  auto supervisor = diagnostics::Supervisor::from_environment();
  // Before any thread exists and while the program is small: it forks.
  auto spawner = process::Spawner::start();
  if (!spawner) {
    fmt::print(stderr, "quarterdeck: cannot start the process keeper: {}\n", spawner.error().message);
    return kExitFailed;
  }
  return serve(options, std::move(*spawner), std::move(supervisor));
}
int start(const ScriptedModelOptions& options) { return scripted_model(options); }
int start(const RunOptions& options) { return run(options); }
int start(const McpBridgeOptions& options) { return mcp_bridge(options); }
int start(const AcpBridgeOptions& options) { return acp_bridge(options); }
int start(const SessionListOptions& options) { return session_list(options); }
int start(const SessionShowOptions& options) { return session_show(options); }
int start(const SessionAbortOptions& options) { return session_abort(options); }
int start(const SessionDeleteOptions& options) { return session_delete(options); }
int start(const ExportOptions& options) { return export_session(options); }
int start(const ImportOptions& options) { return import_sessions(options); }
int start(const CleanupOptions& options) { return clean_up(options); }
int start(const TrustOptions& options) { return trust(options); }
int start(const TokenOptions& options) { return token(options); }
int start(const AuditOptions& options) { return audit(options); }
int start(const AuthOptions& options) { return auth(options); }
int start(const ModelsOptions& options) { return models(options); }
int start(const PermissionListOptions& options) { return permission_list(options); }
int start(const PermissionRemoveOptions& options) { return permission_remove(options); }
int start(const BackupOptions& options) { return backup(options); }
int start(const RestoreOptions& options) { return restore(options); }
int start(const VerifyOptions& options) { return verify(options); }
int start(const VacuumOptions& options) { return vacuum(options); }
int start(const DoctorOptions& options) { return doctor(options); }
int start(const FleetOptions& options) { return supervise(options); }
int start(const CompletionScript& script) { return completion_script(script); }
int start(const CompletionQuestion& question) { return complete(question); }

// For the tests that kill the process: which places there are, and which of them can fail.
int list_failpoints() {
  for (const auto& point : failpoint::kPoints) fmt::print("{}{}\n", point.name, point.can_fail ? "\terror" : "");
  return kExitOk;
}

Surroundings surroundings() {
  Surroundings found;
  std::error_code ignored;
  found.directory = std::filesystem::current_path(ignored).string();
  if (found.directory.empty()) found.directory = "/";
  if (const char* url = std::getenv("QUARTERDECK_URL"); url != nullptr && *url != '\0') found.url = url;
  return found;
}

}  // namespace
}  // namespace quarterdeck::app

int main(int argc, char** argv) {
  using namespace quarterdeck::app;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    if (argc == 2 && argv[1] == quarterdeck::process::kSpawnerArgument) return quarterdeck::process::run_as_spawner();
    if (quarterdeck::failpoint::kCompiled && argc == 2 && std::string_view(argv[1]) == "failpoints")
      return list_failpoints();
    auto parsed = parse(argc, argv, surroundings());
    if (const auto* answered = std::get_if<Answered>(&parsed)) {
      fmt::print(answered->code == kExitOk ? stdout : stderr, "{}", answered->text);
      return answered->code;
    }
    return std::visit([](const auto& options) { return start(options); }, std::get<Command>(parsed));
  } catch (const std::exception& error) {
    fmt::print(stderr, "quarterdeck: {}\n", error.what());
    return kExitFailed;
  }
}
