// Memory that only the start needed goes back to the system: a server that idles for days should not hold it.
#pragma once

namespace quarterdeck::app {

// Frees what the allocator keeps, and unmaps the pages of code and constants that have run or lie around such: the
// kernel brings back those that are used again, from its cache, for some ten microseconds each 64 KB.
// Does nothing to the code while a debugger is attached: its breakpoints are written into these pages.
// Source: madvise(2) MADV_DONTNEED, malloc_trim(3), dl_iterate_phdr(3).
void give_back_start_memory();

}  // namespace quarterdeck::app
