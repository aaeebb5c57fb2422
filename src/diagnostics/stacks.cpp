#include "diagnostics/stacks.hpp"

#include <dirent.h>
#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <ctime>

#include "base/activity.hpp"

namespace quarterdeck::diagnostics {
namespace {

constexpr int kFramesMax = 64;
constexpr int kModulesMax = 48;
constexpr std::int64_t kAnswerMs = 200;

struct Module {
  std::uintptr_t base = 0;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  char name[64] = {};
};
Module modules[kModulesMax];
int module_count = 0;
char build_id[64] = "none";

// Where the asked thread leaves its answer. One is asked at a time.
std::atomic<int> asked{0};
void* answer[kFramesMax];
int answer_frames = 0;
std::atomic<int> answered{0};

int question_signal() { return SIGRTMAX - 3; }

void read_build_id(const dl_phdr_info& info, const ElfW(Phdr) & header) {
  const auto* at = reinterpret_cast<const char*>(info.dlpi_addr + header.p_vaddr);
  const char* end = at + header.p_memsz;
  while (at + sizeof(ElfW(Nhdr)) < end) {
    ElfW(Nhdr) note;
    std::memcpy(&note, at, sizeof note);
    const char* name = at + sizeof note;
    const char* data = name + ((note.n_namesz + 3) & ~3u);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
      std::size_t length = 0;
      for (unsigned i = 0; i < note.n_descsz && length + 2 < sizeof build_id; ++i) {
        const auto byte = static_cast<unsigned char>(data[i]);
        build_id[length++] = "0123456789abcdef"[byte >> 4];
        build_id[length++] = "0123456789abcdef"[byte & 15];
      }
      build_id[length] = '\0';
    }
    at = data + ((note.n_descsz + 3) & ~3u);
  }
}

int add_module(dl_phdr_info* info, std::size_t, void*) {
  if (module_count == kModulesMax) return 1;
  Module& module = modules[module_count];
  module.base = info->dlpi_addr;
  module.begin = ~std::uintptr_t{0};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type == PT_LOAD) {
      module.begin = std::min<std::uintptr_t>(module.begin, module.base + header.p_vaddr);
      module.end = std::max<std::uintptr_t>(module.end, module.base + header.p_vaddr + header.p_memsz);
    }
    if (header.p_type == PT_NOTE && module_count == 0) read_build_id(*info, header);
  }
  std::string_view name = info->dlpi_name;
  if (module_count == 0) name = "quarterdeck";
  name = name.substr(name.rfind('/') + 1);
  std::memcpy(module.name, name.data(), std::min(name.size(), sizeof module.name - 1));
  ++module_count;
  return 0;
}

void write_frames(SafeWriter& out, void* const* frames, int count) {
  for (int i = 0; i < count; ++i) {
    const auto address = reinterpret_cast<std::uintptr_t>(frames[i]);
    out.text("  #").decimal(i).text(" ");
    const Module* home = nullptr;
    for (int m = 0; m < module_count; ++m) {
      if (address >= modules[m].begin && address < modules[m].end) home = &modules[m];
    }
    if (home) {
      out.text(home->name).text("+").hex(address - home->base);
    } else {
      out.hex(address);
    }
    out.text("\n");
  }
}

void on_question(int) {
  const int error = errno;
  const int self = static_cast<int>(::syscall(SYS_gettid));
  if (asked.load(std::memory_order_acquire) == self) {
    answer_frames = ::backtrace(answer, kFramesMax);
    answered.store(self, std::memory_order_release);
  }
  errno = error;
}

void ask(SafeWriter& out, int thread) {
  asked.store(thread, std::memory_order_release);
  answered.store(0, std::memory_order_release);
  if (::syscall(SYS_tgkill, ::getpid(), thread, question_signal()) != 0) return;
  const std::int64_t give_up = Activity::now_ns() + kAnswerMs * 1'000'000;
  while (answered.load(std::memory_order_acquire) != thread && Activity::now_ns() < give_up) {
    const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  asked.store(0, std::memory_order_release);
  if (answered.load(std::memory_order_acquire) == thread) {
    write_frames(out, answer, answer_frames);
  } else {
    out.text("  (does not answer)\n");
  }
}

}  // namespace

void prepare_stacks() {
  module_count = 0;
  ::dl_iterate_phdr(add_module, nullptr);
  void* frames[4];
  ::backtrace(frames, 4);  // loads libgcc, which a handler could not
  struct sigaction action{};
  action.sa_handler = on_question;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigaction(question_signal(), &action, nullptr);
}

void write_build(SafeWriter& out) {
  out.text("build id: ").text(build_id).text("\n");
  for (int i = 0; i < module_count; ++i) {
    out.text("module: ").text(modules[i].name).text(" at ").hex(modules[i].base).text("\n");
  }
}

void write_own_stack(SafeWriter& out) {
  void* frames[kFramesMax];
  write_frames(out, frames, ::backtrace(frames, kFramesMax));
}

void write_other_stacks(SafeWriter& out) {
  const int self = static_cast<int>(::syscall(SYS_gettid));
  const int tasks = ::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (tasks < 0) return;
  struct Entry {
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
  };
  alignas(Entry) char buffer[2048];
  for (;;) {
    const long read = ::syscall(SYS_getdents64, tasks, buffer, sizeof buffer);
    if (read <= 0) break;
    for (long at = 0; at < read;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      at += entry->length;
      int thread = 0;
      for (const char* c = entry->name; *c >= '0' && *c <= '9'; ++c) thread = thread * 10 + (*c - '0');
      if (thread == 0 || thread == self) continue;
      out.text("thread ").decimal(thread).text(":\n");
      ask(out, thread);
    }
  }
  ::close(tasks);
}

}  // namespace quarterdeck::diagnostics
