// The commands, each in the file of its name. They return the exit code and print their own errors.
#pragma once

#include "app/cli/arguments.hpp"

namespace quarterdeck::app {

int run(const RunOptions& options);
int session_list(const SessionListOptions& options);
int session_show(const SessionShowOptions& options);
int session_abort(const SessionAbortOptions& options);
int session_delete(const SessionDeleteOptions& options);
int export_session(const ExportOptions& options);
int import_sessions(const ImportOptions& options);
int clean_up(const CleanupOptions& options);
int trust(const TrustOptions& options);
int token(const TokenOptions& options);
int pair(const TokenOptions& options);
int audit(const AuditOptions& options);
int permission_list(const PermissionListOptions& options);
int permission_remove(const PermissionRemoveOptions& options);
int backup(const BackupOptions& options);
int restore(const RestoreOptions& options);
int verify(const VerifyOptions& options);
int vacuum(const VacuumOptions& options);
int doctor(const DoctorOptions& options);
int auth(const AuthOptions& options);
int models(const ModelsOptions& options);
int completion_script(const CompletionScript& script);
int complete(const CompletionQuestion& question);
int scripted_model(const ScriptedModelOptions& options);

}  // namespace quarterdeck::app
