#include "fleet/cpu_groups.hpp"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/unique_fd.hpp"

namespace quarterdeck::fleet {
namespace {

namespace fs = std::filesystem;
using domain::Priority;

constexpr int kServerWeight = 500;
constexpr int kGenerationsMax = 20;
constexpr std::size_t kProcessesMax = 2'000;
constexpr Priority kPriorities[] = {Priority::P0, Priority::P1, Priority::P2, Priority::P3};

std::string read(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// One write: the kernel takes each as an order.
Result<void> write(const fs::path& file, const std::string& text) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid() || ::write(fd.get(), text.data(), text.size()) < 0) {
    return fail(ErrorCode::unavailable, "cannot write {}: {}", file.string(), std::strerror(errno));
  }
  return {};
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

bool has_word(const std::string& text, std::string_view word) {
  for (const std::string& each : words_of(text)) {
    if (each == word) return true;
  }
  return false;
}

// Where version 2 is mounted; "unified" is its place beside version 1.
std::optional<fs::path> mount_of_version_2() {
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    std::error_code ignored;
    if (fs::exists(fs::path(path) / "cgroup.controllers", ignored)) return fs::path(path);
  }
  return std::nullopt;
}

bool handed_over(const fs::path& group) {
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value = 0;
    if (::getxattr(group.c_str(), name, &value, 1) == 1 && value == '1') return true;
  }
  return ::geteuid() != 0;
}

fs::path tools_of(const fs::path& group, Priority priority) {
  return group / ("tools.P" + std::to_string(static_cast<int>(priority)));
}

Result<void> make(const fs::path& group) {
  std::error_code error;
  fs::create_directory(group, error);
  if (error) return fail(ErrorCode::unavailable, "cannot make {}: {}", group.string(), error.message());
  return {};
}

void add_tree(const std::string& pid, int generation, std::vector<std::string>& out) {
  if (generation > kGenerationsMax || out.size() >= kProcessesMax) return;
  out.push_back(pid);
  std::error_code ignored;
  for (const auto& task : fs::directory_iterator("/proc/" + pid + "/task", ignored)) {
    for (const std::string& child : words_of(read(task.path() / "children"))) add_tree(child, generation + 1, out);
  }
}

}  // namespace

int weight_of(Priority priority) {
  switch (priority) {
    case Priority::P0: return 400;
    case Priority::P1: return 200;
    case Priority::P2: return 100;
    case Priority::P3: return 25;
  }
  return 100;
}

Result<void> may_share(const fs::path& group) {
  if (!has_word(read(group / "cgroup.controllers"), "cpu")) {
    return fail(ErrorCode::unavailable, "the control group {} has no cpu controller", group.string());
  }
  const bool writable = ::access(group.c_str(), W_OK | X_OK) == 0 &&
                        ::access((group / "cgroup.procs").c_str(), W_OK) == 0 &&
                        ::access((group / "cgroup.subtree_control").c_str(), W_OK) == 0;
  if (!writable || !handed_over(group)) {
    return fail(ErrorCode::unavailable, "the control group {} is not delegated to this process", group.string());
  }
  return {};
}

Result<fs::path> delegated_group() {
  const auto mount = mount_of_version_2();
  if (!mount) return fail(ErrorCode::unavailable, "there are no control groups of version 2");
  std::istringstream lines(read("/proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("0::/")) continue;
    fs::path group = *mount / line.substr(4);
    if (group.filename().empty()) group = group.parent_path();
    // Started again from where an earlier one had moved to.
    std::error_code ignored;
    if (group.filename() == "server" && fs::exists(tools_of(group.parent_path(), Priority::P3), ignored)) {
      group = group.parent_path();
    }
    TRY_VOID(may_share(group));
    return group;
  }
  return fail(ErrorCode::unavailable, "this process is in no control group of version 2");
}

Result<CpuGroups> CpuGroups::open(fs::path group) {
  TRY_VOID(make(group / "server"));
  // A group that shares CPU among others holds no process itself. Some may be forked meanwhile.
  for (int again = 0; again < 3; ++again) {
    const auto inside = words_of(read(group / "cgroup.procs"));
    if (inside.empty()) break;
    for (const std::string& pid : inside) {
      const auto moved = write(group / "server/cgroup.procs", pid);
      std::error_code ignored;
      if (!moved && fs::exists("/proc/" + pid, ignored)) return std::unexpected(moved.error());
    }
  }
  TRY_VOID(write(group / "cgroup.subtree_control", "+cpu"));
  TRY_VOID(write(group / "server/cpu.weight", std::to_string(kServerWeight)));
  for (const Priority each : kPriorities) {
    TRY_VOID(make(tools_of(group, each)));
    TRY_VOID(write(tools_of(group, each) / "cpu.weight", std::to_string(weight_of(each))));
  }
  return CpuGroups(std::move(group));
}

void CpuGroups::put(std::int64_t pid, Priority priority) const {
  const fs::path to = tools_of(group_, priority) / "cgroup.procs";
  // Those that are forked while we move come with their parent, or are seen the second time.
  for (int again = 0; again < 2; ++again) {
    std::vector<std::string> tree;
    add_tree(std::to_string(pid), 0, tree);
    for (const std::string& each : tree) (void)write(to, each);
  }
}

}  // namespace quarterdeck::fleet
