#include "diagnostics/crash_dump.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <ctime>
#include <exception>
#include <mutex>
#include <vector>

#include "base/activity.hpp"
#include "base/flight_ring.hpp"
#include "base/metrics.hpp"
#include "base/redact.hpp"
#include "base/result.hpp"
#include "diagnostics/safe_writer.hpp"
#include "diagnostics/stacks.hpp"

namespace quarterdeck::diagnostics {
namespace {

constexpr std::size_t kDumpsKept = 20;
constexpr int kDumpsOfAProcess = 10;
constexpr unsigned kDumpSeconds = 10;

char directory[512] = {};
const char* program_version = "";
std::atomic<bool> dying{false};
std::atomic<int> dumps{0};
std::mutex writing;  // of dumps that are no faults

constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

const char* name_of(int signal) {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGABRT: return "SIGABRT";
    default: return "signal";
  }
}

// The path of a new dump, into `path`.
void name_dump(const char* kind, char* path, std::size_t size) {
  std::size_t length = 0;
  const auto add = [&](std::string_view text) {
    for (const char c : text) {
      if (length + 1 < size) path[length++] = c;
    }
    path[length] = '\0';
  };
  const auto add_number = [&](std::int64_t number) {
    char digits[24];
    int count = 0;
    do {
      digits[count++] = static_cast<char>('0' + number % 10);
    } while ((number /= 10) != 0);
    while (count > 0) add({&digits[--count], 1});
  };
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  add(directory);
  add("/");
  add(kind);
  add("-");
  add_number(now.tv_sec);
  add("-");
  add_number(::getpid());
  add("-");
  add_number(dumps.load());
  add(".txt");
}

void write_record(void* context, long long time_ms, const char* kind, const char* text, int length) {
  auto& out = *static_cast<SafeWriter*>(context);
  out.decimal(time_ms).text(" ").text(kind).text(" ");
  for (int i = 0; i < length; ++i) {
    const char c = text[i];
    const char shown[1] = {static_cast<unsigned char>(c) < 0x20 ? ' ' : c};
    out.text({shown, 1});
  }
  out.text("\n");
}

void write_activities(SafeWriter& out) {
  const std::int64_t now = Activity::now_ns();
  for (int i = 0; i < Activity::kSlots; ++i) {
    const Activity::Slot& slot = Activity::slots()[i];
    const char* name = slot.name.load();
    if (name == nullptr) continue;
    const std::int64_t since = slot.since_ns.load();
    const char* what = slot.what.load();
    out.text(name).text(" (thread ").decimal(slot.thread.load()).text("): ");
    if (since == 0) {
      out.text("idle, last ").text(what ? what : "nothing").text("\n");
    } else {
      out.text(what ? what : "busy").text(" for ").decimal((now - since) / 1'000'000).text(" ms\n");
    }
  }
}

// What every dump holds. `own` says whose stack comes first.
void write_dump(int fd, std::string_view reason, const char* own) {
  SafeWriter out(fd);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  out.text("quarterdeck ").text(program_version).text("\nreason: ").text(reason).text("\ntime: ");
  out.decimal(now.tv_sec).text("\npid: ").decimal(::getpid()).text("\n");
  write_build(out);
  out.text("\n== activity ==\n");
  write_activities(out);
  out.text("\n== stacks ==\n").text(own).text(", thread ").decimal(::syscall(SYS_gettid)).text(":\n");
  write_own_stack(out);
  out.flush();
  write_other_stacks(out);
  out.text("\n== last records (milliseconds since 1970, kind, text) ==\n");
  visit_flight_ring(write_record, &out);
}

// Fault, in the faulting thread.
void on_fault(int signal, siginfo_t* info, void*) {
  if (dying.exchange(true)) {
    // Another thread is writing already, or the dump itself faulted: let the signal do what it does.
    ::signal(signal, SIG_DFL);
    ::raise(signal);
    return;
  }
  // A dump that hangs (a lock held by what faulted) must not keep a dead server alive.
  ::signal(SIGALRM, SIG_DFL);
  sigset_t alarm_only;
  sigemptyset(&alarm_only);
  sigaddset(&alarm_only, SIGALRM);
  ::pthread_sigmask(SIG_UNBLOCK, &alarm_only, nullptr);
  ::alarm(kDumpSeconds);

  char path[700];
  name_dump("crash", path, sizeof path);
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) {
    {
      SafeWriter head(fd);
      head.text("signal: ").text(name_of(signal)).text(" code ").decimal(info->si_code);
      head.text(" address ").hex(reinterpret_cast<std::uintptr_t>(info->si_addr)).text("\n");
    }
    write_dump(fd, name_of(signal), "faulting");
    ::fsync(fd);
    ::close(fd);
  }
  {
    SafeWriter out(STDERR_FILENO);
    out.text("quarterdeck: ").text(name_of(signal)).text("; written down in ").text(fd >= 0 ? path : "(nowhere)");
    out.text("\n");
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void on_terminate() {
  if (const std::exception_ptr current = std::current_exception()) {
    try {
      std::rethrow_exception(current);
    } catch (const std::exception& error) {
      remember("terminate", redact(error.what()));
    } catch (...) {
      remember("terminate", "an exception of another kind");
    }
  }
  std::abort();
}

void prune(const std::filesystem::path& where) {
  std::error_code ignored;
  std::vector<std::filesystem::directory_entry> all;
  for (const auto& entry : std::filesystem::directory_iterator(where, ignored)) {
    if (entry.path().extension() == ".txt") all.push_back(entry);
  }
  if (all.size() < kDumpsKept) return;
  std::ranges::sort(all, {}, [&](const auto& entry) { return entry.last_write_time(ignored); });
  for (std::size_t i = 0; i + kDumpsKept <= all.size(); ++i) std::filesystem::remove(all[i].path(), ignored);
}

}  // namespace

void install_crash_dumps(const std::filesystem::path& where, const char* version) {
  std::error_code ignored;
  std::filesystem::create_directories(where, ignored);
  ::chmod(where.c_str(), 0700);
  prune(where);
  const std::string text = where.string();
  if (text.size() >= sizeof directory) return;
  std::memcpy(directory, text.c_str(), text.size() + 1);
  program_version = version;
  prepare_stacks();
  on_assertion([](const char* message) {
    remember("assertion", message);
    dump_now("assertion", message);
  });
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return;
#endif
#endif
  // A stack of its own: one that overflowed cannot hold a handler.
  static char own_stack[64 * 1024];
  const stack_t stack{.ss_sp = own_stack, .ss_flags = 0, .ss_size = sizeof own_stack};
  ::sigaltstack(&stack, nullptr);
  struct sigaction action{};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const int signal : kFaults) ::sigaction(signal, &action, nullptr);
  std::set_terminate(on_terminate);
}

bool dump_now(const char* kind, std::string_view reason) {
  static metrics::Family<metrics::Counter> written("quarterdeck_dumps_total", "Dumps written while the server went on");
  const std::lock_guard lock(writing);
  written.with(metrics::label("kind", kind)).add();
  if (directory[0] == '\0' || dying.load() || dumps.fetch_add(1) >= kDumpsOfAProcess) return false;
  char path[700];
  name_dump(kind, path, sizeof path);
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  write_dump(fd, redact(reason), kind);
  ::close(fd);
  return true;
}

}  // namespace quarterdeck::diagnostics
