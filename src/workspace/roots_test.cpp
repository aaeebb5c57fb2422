#include "workspace/roots.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/temp_dir.hpp"

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;

class RootsTest : public ::testing::Test {
 protected:
  RootsTest() {
    fs::create_directories(dir_ / "allowed/project");
    fs::create_directories(dir_ / "elsewhere");
  }
  bool allows(const fs::path& directory) const { return roots_.check(directory).has_value(); }

  quarterdeck::testing::TempDir temp_;
  fs::path dir_ = fs::canonical(temp_.path());
  Roots roots_{{dir_ / "allowed"}};
};

TEST_F(RootsTest, AllowsTheRootWhatLiesBelowAndWhatDoesNotExistYet) {
  EXPECT_TRUE(allows(dir_ / "allowed"));
  EXPECT_TRUE(allows(dir_ / "allowed/"));
  EXPECT_TRUE(allows(dir_ / "allowed/project"));
  EXPECT_TRUE(allows(dir_ / "allowed/later/still"));
}

TEST_F(RootsTest, RefusesWhatLiesElsewhereAndSaysWhatToDo) {
  for (const char* each : {"elsewhere", "allowed-too", "", "allowed/../elsewhere", "allowed/project/../../elsewhere"}) {
    EXPECT_FALSE(allows(dir_ / each)) << each;
  }
  EXPECT_FALSE(allows("/"));
  EXPECT_FALSE(allows("/etc"));
  const auto refused = roots_.check("/etc");
  EXPECT_EQ(refused.error().code, ErrorCode::denied);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("--root"));
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr((dir_ / "allowed").string()));
}

TEST_F(RootsTest, FollowsLinksOutAndIn) {
  fs::create_directory_symlink(dir_ / "elsewhere", dir_ / "allowed/out");
  fs::create_directory_symlink(dir_ / "allowed", dir_ / "in");
  fs::create_directory_symlink(dir_ / "allowed/loop", dir_ / "allowed/loop");
  EXPECT_FALSE(allows(dir_ / "allowed/out"));
  EXPECT_FALSE(allows(dir_ / "allowed/out/new"));
  EXPECT_TRUE(allows(dir_ / "in/project"));
  EXPECT_FALSE(allows(dir_ / "allowed/loop"));
  const Roots linked{{dir_ / "in"}};
  EXPECT_TRUE(linked.check(dir_ / "allowed/project"));
}

TEST_F(RootsTest, NoRootsAndTheSlashAllowEverything) {
  EXPECT_TRUE(Roots().check("/etc"));
  EXPECT_TRUE(Roots({"/"}).check("/etc"));
}

}  // namespace
}  // namespace quarterdeck::workspace
