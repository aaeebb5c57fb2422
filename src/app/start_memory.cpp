#include "app/start_memory.hpp"

#include <cstdint>
#include <fstream>
#include <string>

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace quarterdeck::app {
namespace {

bool traced() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("TracerPid:")) return line.find_first_of("123456789") != std::string::npos;
  }
  return true;
}

// Only segments that are never written: what the loader has relocated would not come back.
int unmap_constant_segments(dl_phdr_info* object, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
    const std::uintptr_t first = (begin + page - 1) / page * page;
    const std::uintptr_t last = (begin + segment.p_filesz) / page * page;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): that is what an address in a program header is
    if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void give_back_start_memory() {
  malloc_trim(0);
  if (!traced()) dl_iterate_phdr(unmap_constant_segments, nullptr);
}

}  // namespace quarterdeck::app
