#include "app/numbers.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <fstream>

namespace quarterdeck::app {
namespace {

using metrics::Gauge;

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double entries(const char* directory) {
  std::error_code ignored;
  double count = 0;
  for (auto each = std::filesystem::directory_iterator(directory, ignored);
       each != std::filesystem::directory_iterator(); each.increment(ignored)) {
    ++count;
  }
  return count;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double descriptors_max() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

std::vector<std::unique_ptr<metrics::Shown>> numbers_of(Measured parts) {
  std::vector<std::unique_ptr<metrics::Shown>> all;
  const auto gauge = [&](std::string_view name, std::string_view help, Gauge::Read read,
                         std::string_view type = "gauge") {
    all.push_back(std::make_unique<Gauge>(name, help, std::move(read), type));
  };
  gauge("quarterdeck_http_connections", "Open connections",
        [&http = parts.http] { return static_cast<double>(http.connections()); });
  gauge("quarterdeck_feed_subscribers", "Open event streams",
        [&feed = parts.feed] { return static_cast<double>(feed.subscribers()); });
  gauge("quarterdeck_feed_waiting_bytes", "Events held for subscribers that have not taken them",
        [&feed = parts.feed] { return static_cast<double>(feed.waiting_bytes()); });
  gauge("quarterdeck_sessions_busy", "Sessions whose turn is running",
        [&host = parts.host] { return static_cast<double>(host.load().busy); });
  gauge("quarterdeck_sessions_retrying", "Of these, waiting to ask the model again",
        [&host = parts.host] { return static_cast<double>(host.load().retrying); });
  gauge("quarterdeck_prompts_queued", "Prompts that wait for their turn",
        [&host = parts.host] { return static_cast<double>(host.load().queued); });
  gauge("quarterdeck_projects_loaded", "Directories whose configuration, MCP and language servers are held ready",
        [&instances = parts.instances] { return static_cast<double>(instances.loaded_count()); });
  gauge("quarterdeck_processes", "Commands of tools that are running",
        [&processes = parts.processes] { return static_cast<double>(processes.running()); });
  gauge("process_resident_memory_bytes", "Resident memory", resident_bytes);
  gauge("process_open_fds", "Open descriptors", [] { return entries("/proc/self/fd"); });
  gauge("process_max_fds", "Descriptors that may be open", descriptors_max);
  gauge("process_threads", "Threads", [] { return entries("/proc/self/task"); });
  gauge("process_cpu_seconds_total", "CPU time", cpu_seconds, "counter");
  const auto started = static_cast<double>(std::time(nullptr));
  gauge("process_start_time_seconds", "Start, in seconds since 1970", [started] { return started; });
  return all;
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t before = limit.rlim_cur;
  // Enough for every limit of ours; "unlimited" would make tables of that size somewhere.
  constexpr rlim_t wanted = 65'536;
  limit.rlim_cur = std::max(before, std::min(limit.rlim_max, wanted));
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return before;
  return limit.rlim_cur;
}

}  // namespace quarterdeck::app
