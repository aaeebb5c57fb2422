#include "app/cli/machine_checks.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "app/cli/program.hpp"
#include "app/cli/quantity.hpp"
#include "config/roots.hpp"
#include "fleet/cpu_groups.hpp"
#include "store/maintenance.hpp"

namespace quarterdeck::app {
namespace {

using State = Check::State;
namespace fs = std::filesystem;

constexpr std::uint64_t kFreeBytesNeeded = 200'000'000;
constexpr std::uint64_t kFreeBytesGood = 2'000'000'000;
constexpr rlim_t kFilesGood = 4096;

fs::path existing_parent(fs::path path) {
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path.has_parent_path() && path != path.parent_path()) path = path.parent_path();
  return path;
}

Check directory_check(std::string name, const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    const fs::path parent = existing_parent(path);
    if (::access(parent.c_str(), W_OK) == 0)
      return {State::ok, std::move(name), path.string() + " (made at the first start)", {}};
    return {State::missing, std::move(name), fmt::format("{} is missing and cannot be made", path.string()),
            fmt::format("make {} writable for this user", parent.string())};
  }
  if (!S_ISDIR(status.st_mode)) {
    return {State::missing, std::move(name), path.string() + " is not a directory",
            fmt::format("move {} away", path.string())};
  }
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return {State::missing, std::move(name), path.string() + " is not writable",
            fmt::format("chmod u+rwx {} (owner: uid {})", path.string(), status.st_uid)};
  }
  if ((status.st_mode & 0077) != 0) {
    return {State::warn, std::move(name),
            fmt::format("{} can be read by other users (mode {:o})", path.string(), status.st_mode & 0777),
            fmt::format("chmod 700 {}", path.string())};
  }
  return {State::ok, std::move(name), path.string(), {}};
}

// Two seconds at most, and a server may have the file open.
Check database_check(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {State::ok, "database", "none yet (made at the first start)", {}};
    return {State::missing, "database", fmt::format("{}: {}", path.string(), std::strerror(errno)),
            "check the rights of the data directory"};
  }
  if (status.st_size == 0) return {State::ok, "database", fmt::format("{} (empty)", path.string()), {}};
  const auto checked = store::verify(path, store::Depth::quick, {});
  if (!checked) return {State::missing, "database", checked.error().message, "quarterdeck verify tells more"};
  if (!checked->sound()) {
    return {State::missing, "database", fmt::format("{} is damaged: {}", path.string(), checked->problems.front()),
            "quarterdeck restore FILE (a backup), or move it away to begin anew"};
  }
  if ((status.st_mode & 0077) != 0) {
    return {State::warn, "database",
            fmt::format("{} can be read by other users (mode {:o})", path.string(), status.st_mode & 0777),
            fmt::format("chmod 600 {}", path.string())};
  }
  return {State::ok,
          "database",
          fmt::format("{} ({}, {} session{})", path.string(), bytes_text(static_cast<std::uint64_t>(status.st_size)),
                      checked->sessions, checked->sessions == 1 ? "" : "s"),
          {}};
}

Check space_check(const fs::path& path) {
  struct statvfs status{};
  const fs::path there = existing_parent(path);
  if (::statvfs(there.c_str(), &status) != 0)
    return {State::warn, "disk space", fmt::format("cannot ask: {}", std::strerror(errno)), {}};
  const std::uint64_t free = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  const std::string found = fmt::format("{} free on {}", bytes_text(free), there.string());
  const std::string fix = "free some space: sessions, snapshots and logs are kept there";
  if (free < kFreeBytesNeeded) return {State::missing, "disk space", found, fix};
  if (free < kFreeBytesGood) return {State::warn, "disk space", found, fix};
  return {State::ok, "disk space", found, {}};
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

struct Program {
  const char* name;
  std::vector<std::string> version;
  State without;
  const char* fix;
};

Check program_check(const Program& program) {
  const auto result = run_program(program.version);
  if (!result || result->code != 0) return {program.without, program.name, "not found", program.fix};
  return {State::ok, program.name, first_line(result->output), {}};
}

Check identity_check() {
  const auto name = run_program({"git", "config", "--get", "user.name"});
  const auto email = run_program({"git", "config", "--get", "user.email"});
  const bool has_name = (name && !name->output.empty()) || std::getenv("GIT_AUTHOR_NAME") != nullptr;
  const bool has_email = (email && !email->output.empty()) || std::getenv("GIT_AUTHOR_EMAIL") != nullptr;
  if (has_name && has_email)
    return {
        State::ok, "git identity", fmt::format("{} <{}>", name ? name->output : "", email ? email->output : ""), {}};
  return {State::warn, "git identity", "user.name or user.email is not set: agents cannot commit",
          "git config --global user.name \"Your Name\"\ngit config --global user.email you@example.com"};
}

}  // namespace

// Named by the configuration alone: what `serve --root` is given is known to that server only.
Check roots_check(const Places& places) {
  const config::Config user = config::load(places, places.config, places.config);
  const auto named = config::user_roots(user, places);
  if (!named) return {State::missing, "projects", named.error().message, "correct it: the server does not start so"};
  if (named->empty()) {
    return {State::ok, "projects", "anywhere in the home directory, and where the server is started", {}};
  }
  std::string folders;
  for (const auto& each : *named) {
    folders += fmt::format("{}{}", folders.empty() ? "below " : ", ", each.string());
    if (std::error_code error; !std::filesystem::is_directory(each, error)) {
      return {State::warn, "projects", fmt::format("{} is no directory", each.string()),
              "create it, or take it out of quarterdeck.roots"};
    }
  }
  return {State::ok, "projects", std::move(folders), {}};
}

std::vector<Check> directory_checks(const Places& places) {
  return {directory_check("data directory", places.data), directory_check("config directory", places.config),
          database_check(places.data / "quarterdeck.db"), space_check(places.data), roots_check(places)};
}

std::vector<Check> program_checks() {
  const Program programs[] = {
      {"git", {"git", "--version"}, State::missing, "apt install git"},
      {"bash", {"bash", "--version"}, State::missing, "apt install bash"},
      {"ripgrep", {"rg", "--version"}, State::missing, "apt install ripgrep (glob and grep search with it)"},
      {"bubblewrap", {"bwrap", "--version"}, State::warn, "apt install bubblewrap (optional: for sandboxed commands)"},
  };
  std::vector<Check> checks;
  for (const auto& program : programs) {
    checks.push_back(program_check(program));
    if (std::string_view(program.name) == "git" && checks.back().state == State::ok) checks.push_back(identity_check());
  }
  return checks;
}

std::vector<Check> limit_checks() {
  std::vector<Check> checks;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const std::string count = files.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(files.rlim_cur);
  if (files.rlim_cur != RLIM_INFINITY && files.rlim_cur < kFilesGood) {
    checks.push_back(
        {State::warn, "open files", fmt::format("at most {}", count),
         fmt::format("ulimit -n {} (or LimitNOFILE= in the systemd unit), for many sessions at once", kFilesGood * 4)});
  } else {
    checks.push_back({State::ok, "open files", fmt::format("at most {}", count), {}});
  }

  utsname kernel{};
  ::uname(&kernel);
  int major = 0;
  int minor = 0;
  const char* end = kernel.release + std::strlen(kernel.release);
  const auto dot = std::from_chars(kernel.release, end, major);
  if (dot.ptr != end && *dot.ptr == '.') std::from_chars(dot.ptr + 1, end, minor);
  const bool recent = major > 5 || (major == 5 && minor >= 10);
  checks.push_back({recent ? State::ok : State::warn, "kernel", fmt::format("{} {}", kernel.sysname, kernel.release),
                    recent ? "" : "Linux 5.10 or newer is what we test with"});

  std::error_code ignored;
  const bool unified = fs::exists("/sys/fs/cgroup/cgroup.controllers", ignored);
  checks.push_back(
      {State::ok, "cgroups", unified ? "version 2" : "no version 2: commands are ended as process trees instead", {}});
  // Of a server that is started from here.
  const auto group = fleet::delegated_group();
  checks.push_back({State::ok,
                    "CPU by priority",
                    group ? fmt::format("weights of control groups below {}", group->string())
                          : fmt::format("nice values: {}", group.error().message),
                    {}});
  return checks;
}

Check provider_key_check() {
  std::string names;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const std::string_view name = line.substr(0, line.find('='));
    const bool filled = name.size() + 1 < line.size();
    if (!filled || !name.ends_with("_API_KEY")) continue;
    if (!names.empty()) names += ", ";
    names += name;
  }
  if (!names.empty()) return {State::ok, "provider keys", names, {}};
  return {State::warn, "provider keys", "none in the environment: the scripted model answers",
          "export ANTHROPIC_API_KEY, OPENAI_API_KEY, DEEPSEEK_API_KEY or OPENROUTER_API_KEY,\nor configure a provider "
          "in opencode.json"};
}

}  // namespace quarterdeck::app
