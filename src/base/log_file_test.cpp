#include "base/log_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/paths.hpp"

namespace quarterdeck {
namespace {

struct LogFileTest : ::testing::Test {
  void SetUp() override {
    char name[] = "/tmp/quarterdeck-log-XXXXXX";
    directory = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(directory); }
  std::string text(const std::string& name) { return read_file(directory / "log" / name).value_or("(none)"); }
  std::filesystem::path directory;
};

TEST_F(LogFileTest, AppendsAcrossOpensAndKeepsOthersOut) {
  for (const char* record : {"one\n", "two\n"}) {
    auto log = LogFile::open({.path = directory / "log" / "a.log"});
    ASSERT_TRUE(log);
    log->write(record);
  }
  EXPECT_EQ(text("a.log"), "one\ntwo\n");
  struct stat status{};
  ASSERT_EQ(::stat((directory / "log" / "a.log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(LogFileTest, RotatesAndHoldsItsQuota) {
  auto log = LogFile::open({.path = directory / "log" / "a.log", .quota_bytes = 400, .files = 4});
  ASSERT_TRUE(log);
  for (int i = 0; i < 100; ++i) log->write("record " + std::to_string(100 + i) + " ..............................\n");
  std::uintmax_t bytes = 0;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory / "log")) {
    bytes += entry.file_size();
    ++files;
  }
  EXPECT_EQ(files, 4u);
  EXPECT_LE(bytes, 400u);
  EXPECT_NE(text("a.log").find("record 199"), std::string::npos);
  EXPECT_EQ(text("a.log.4"), "(none)");
}

TEST_F(LogFileTest, SaysWhyItCannotBeOpened) {
  const auto log = LogFile::open({.path = "/proc/nowhere/a.log"});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace quarterdeck
