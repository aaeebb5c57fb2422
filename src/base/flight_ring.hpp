// The last things that happened, newest last, in static memory: what a dump after a fault or a stall shows. Filled by the
// log (every record, whatever its level) and by remember(). Any thread; no locks, no allocation; a record that is being
// overwritten while it is read may come out mixed, which is fine for a post-mortem.
#pragma once

#include <string_view>

namespace quarterdeck {

// `kind` has static storage: "http", "turn", "log". Cut at 200 bytes; secrets must be out already.
void remember(const char* kind, std::string_view text);

// Hands out the records, oldest first. Safe in signal handlers.
using RecordVisitor = void (*)(void* context, long long time_ms, const char* kind, const char* text, int length);
void visit_flight_ring(RecordVisitor visit, void* context);

}  // namespace quarterdeck
