#include "tools/output_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace quarterdeck::tools {
namespace {

namespace fs = std::filesystem;

class OutputFiles : public ::testing::Test {
 protected:
  OutputFiles() {
    std::string pattern = (fs::temp_directory_path() / "quarterdeck-output-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
  }
  ~OutputFiles() override { fs::remove_all(dir_); }

  void make(const std::string& name, std::size_t bytes, TimeMs changed) {
    std::ofstream(dir_ / name) << std::string(bytes, 'x');
    const timespec time{.tv_sec = changed / 1000, .tv_nsec = 0};
    const timespec times[] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, (dir_ / name).c_str(), times, 0), 0);
  }

  fs::path dir_;
};

TEST_F(OutputFiles, GoWhenTheyAreOldOrTheOldestOfTooMuch) {
  make("tool_old", 4096, 1'000'000);
  make("tool_older_of_two", 8192, 9'000'000);
  make("tool_new", 8192, 9'500'000);
  make(".quarterdeck-a1b2c3", 4096, 1'000'000);
  make("notes.txt", 4096, 1'000'000);
  EXPECT_EQ(clean_outputs(dir_, {.age_ms_max = 5'000'000, .bytes_max = 1'000'000}, 10'000'000), (Cleaned{2, 16384}));
  EXPECT_FALSE(fs::exists(dir_ / "tool_old"));
  EXPECT_FALSE(fs::exists(dir_ / ".quarterdeck-a1b2c3"));
  EXPECT_TRUE(fs::exists(dir_ / "notes.txt")) << "not ours";
  EXPECT_EQ(clean_outputs(dir_, {.age_ms_max = 5'000'000, .bytes_max = 8192}, 10'000'000), (Cleaned{1, 8192}));
  EXPECT_TRUE(fs::exists(dir_ / "tool_new"));
  EXPECT_FALSE(fs::exists(dir_ / "tool_older_of_two"));
}

TEST_F(OutputFiles, AreNoneWhereThereIsNoDirectory) {
  EXPECT_EQ(clean_outputs(dir_ / "none", {}, 10'000'000), (Cleaned{0, 0}));
}

}  // namespace
}  // namespace quarterdeck::tools
