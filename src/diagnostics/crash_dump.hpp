// Writes down what the process was doing, for who has to find out why it died or hung: reason, build id, stacks of all
// threads as module+offset, what each thread is at (base/activity.hpp) and the last records (base/flight_ring.hpp).
//   <state>/crash/crash-<unix seconds>-<pid>-<n>.txt       on SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, std::terminate
//   <state>/crash/assertion-…txt, stall-…txt               the process goes on
// Laws: in a signal handler only async-signal-safe calls; a dump that hangs is ended by an alarm after ten seconds; the
//       newest twenty are kept, 0600.
// Symbols: llvm-symbolizer --obj=quarterdeck 0xOFFSET (docs/operations.md).
#pragma once

#include <filesystem>
#include <string_view>

namespace quarterdeck::diagnostics {

// From now on; call it on the main thread before others start. `version` has static storage. Under a sanitizer the
// sanitizer keeps the fault signals, as its report says more.
void install_crash_dumps(const std::filesystem::path& directory, const char* version);

// Writes one now and goes on. `kind` is "stall" or "assertion". False when it could not be written, or when this is more
// than the tenth of this process: they would push out the first, which says most.
bool dump_now(const char* kind, std::string_view reason);

}  // namespace quarterdeck::diagnostics
