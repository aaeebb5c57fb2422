#include "base/paths.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

namespace quarterdeck {
namespace {

namespace fs = std::filesystem;

struct Files : ::testing::Test {
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "qd-paths-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string content(const fs::path& path) { return read_file(path).value_or("(unreadable)"); }
  fs::perms mode(const fs::path& path) { return fs::status(path).permissions(); }

  fs::path folder;
};

TEST_F(Files, WriteReadsBackBytesAsTheyWere) {
  const std::string bytes("a\r\n\0b\xff", 6);
  ASSERT_TRUE(write_file_atomically(folder / "x", bytes, 0600));
  EXPECT_EQ(content(folder / "x"), bytes);
  EXPECT_EQ(mode(folder / "x"), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Files, WriteKeepsTheModeOfWhatItReplaces) {
  ASSERT_TRUE(write_file_atomically(folder / "x", "old", 0644));
  fs::permissions(folder / "x", fs::perms::owner_all);
  ASSERT_TRUE(write_file_atomically(folder / "x", "new", 0644));
  EXPECT_EQ(content(folder / "x"), "new");
  EXPECT_EQ(mode(folder / "x"), fs::perms::owner_all);
}

TEST_F(Files, WriteThroughALinkReplacesItsTarget) {
  ASSERT_TRUE(write_file_atomically(folder / "target", "old"));
  fs::create_symlink("target", folder / "link");
  ASSERT_TRUE(write_file_atomically(folder / "link", "new"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(content(folder / "target"), "new");
}

TEST_F(Files, FailedWriteLeavesNothingBehind) {
  fs::create_directory(folder / "taken");
  EXPECT_FALSE(write_file_atomically(folder / "taken", "x"));
  EXPECT_EQ(write_file_atomically(folder / "none/x", "x").error().code, ErrorCode::not_found);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST_F(Files, ReadSaysWhatIsWrong) {
  EXPECT_EQ(read_file(folder / "none").error().code, ErrorCode::not_found);
  EXPECT_FALSE(read_file(folder));
}

Result<int> half(int number) {
  if (number % 2 != 0) return fail(ErrorCode::invalid, "{} is odd", number);
  return number / 2;
}
Result<int> quarter(int number) {
  TRY(const int once, half(number));
  TRY(const int again, half(once));
  return again;
}

TEST(Result, TryPassesValuesOnAndErrorsUp) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(quarter(6).error(), (Error{ErrorCode::invalid, "3 is odd", ""}));
}

TEST(Result, ContextIsAddedOnTheWayUp) {
  EXPECT_EQ(quarter(6).error().in("counting {}", "cats").message, "counting cats: 3 is odd");
}

TEST(Assert, ThrowsWithTheReason) {
  EXPECT_NO_THROW(ASSERT(1 + 1 == 2, "arithmetic"));
  EXPECT_THROW(ASSERT(1 + 1 == 3, "arithmetic"), std::logic_error);
}

}  // namespace
}  // namespace quarterdeck
