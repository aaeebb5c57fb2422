// What the shell learns from us. Documented in docs/cli.md; scripts rely on the numbers.
#pragma once

namespace quarterdeck::app {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // the work was done and failed
  kExitUsage = 2,        // wrong arguments; nothing was done
  kExitUnreachable = 3,  // no server there, or it went away
  kExitNeedsYou = 4,     // wait: a session needs somebody
  kExitGone = 5,         // wait: a session was deleted
  kExitTimeout = 124,    // wait: the time is over
  kExitInterrupted = 130,
};

}  // namespace quarterdeck::app
