// Stacks of this process's threads as addresses, in signal handlers too. Each thread is asked by a signal to write down
// its own, one after the other.
#pragma once

#include <csignal>

#include "diagnostics/safe_writer.hpp"

namespace quarterdeck::diagnostics {

// Learns the loaded modules and makes the unwinder ready; call before a handler needs it.
void prepare_stacks();
void write_build(SafeWriter& out);  // build id and modules
void write_own_stack(SafeWriter& out);
// Of all threads but the calling one. A thread that does not answer within 200 ms is said to be stuck in the kernel.
void write_other_stacks(SafeWriter& out);

}  // namespace quarterdeck::diagnostics
