// For tests: a temporary git repository "project" with branch main, and all that the workspace's classes are built with.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

#include "base/clock.hpp"
#include "base/paths.hpp"
#include "base/testing/test_loop.hpp"
#include "process/process.hpp"
#include "workspace/project.hpp"

namespace quarterdeck::workspace::testing {

class RepositoryTest : public ::testing::Test {
 public:
  RepositoryTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "qd-repository-XXXXXX").string();
    root = std::filesystem::canonical(::mkdtemp(pattern.data()));
    work = root / "project";
    std::filesystem::create_directories(work);
    std::filesystem::create_directories(root / "home");
    auto spawner = process::Spawner::start();
    if (!spawner) throw std::runtime_error(spawner.error().message);
    processes = process::make_processes(loop, std::move(*spawner));
    pool = make_blocking_pool(2);
    git(work, "init -q -b main");
  }
  ~RepositoryTest() override {
    pool.reset();
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }

  Places places() const {
    return {.home = root / "home", .data = root / "data", .config = root / "c", .opencode_config = root / "o"};
  }
  static void write(const std::filesystem::path& file, std::string_view bytes,
                    std::filesystem::perms mode = std::filesystem::perms(0644)) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    std::filesystem::permissions(file, mode);
  }
  static std::string text(const std::filesystem::path& file) {
    std::ostringstream out;
    out << std::ifstream(file, std::ios::binary).rdbuf();
    return out.str();
  }
  // What it prints, without the newlines at its end. A failure throws.
  std::string sh(const std::filesystem::path& directory, const std::string& command) const {
    const std::string line =
        "cd '" + directory.string() + "' && export HOME='" + (root / "home").string() +
        "' GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@e GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@e "
        "&& { " +
        command + "; } 2>&1";
    FILE* pipe = ::popen(line.c_str(), "r");
    std::string out;
    char buffer[4096];
    for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
    const int status = ::pclose(pipe);
    while (out.ends_with('\n')) out.pop_back();
    if (status != 0) throw std::runtime_error(command + ": " + out);
    return out;
  }
  std::string git(const std::filesystem::path& directory, const std::string& arguments) const {
    return sh(directory, "git " + arguments);
  }
  void commit(const std::string& file, std::string_view bytes, const std::string& message) const {
    write(work / file, bytes);
    git(work, "add -A");
    git(work, "commit -q -m '" + message + "'");
  }
  std::string project_id() { return loop.run_until(locate(*processes, work)).project.id; }

  quarterdeck::testing::TestLoop loop;
  FakeClock clock;
  std::unique_ptr<BlockingPool> pool;
  std::unique_ptr<process::Processes> processes;
  std::filesystem::path root, work;
};

}  // namespace quarterdeck::workspace::testing
