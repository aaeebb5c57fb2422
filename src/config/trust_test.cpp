#include "config/trust.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

namespace quarterdeck::config {
namespace {

namespace fs = std::filesystem;

class TrustTest : public testing::Test {
 protected:
  TrustTest() {
    char name[] = "/tmp/trust_test.XXXXXX";
    root_ = fs::canonical(::mkdtemp(name));
    places_.data = root_ / "data";
    fs::create_directories(root_ / "repo/.git/worktrees/w");
    fs::create_directories(root_ / "repo/sub");
    fs::create_directories(root_ / "other");
  }
  ~TrustTest() override { fs::remove_all(root_); }
  void write(const fs::path& file, std::string_view text) { std::ofstream(root_ / file) << text; }

  fs::path root_;
  Places places_;
};

TEST_F(TrustTest, NothingIsTrustedUntilTheUserSaysSo) {
  EXPECT_FALSE(is_trusted(places_, root_ / "repo"));
  EXPECT_EQ(trusted_directories(places_)->size(), 0u);
}

TEST_F(TrustTest, CoversTheWholeCheckoutAndNothingElse) {
  EXPECT_EQ(*trust(places_, root_ / "repo/sub", 5), root_ / "repo");
  EXPECT_TRUE(is_trusted(places_, root_ / "repo"));
  EXPECT_TRUE(is_trusted(places_, root_ / "repo/sub/not/yet/there"));
  EXPECT_FALSE(is_trusted(places_, root_));
  EXPECT_FALSE(is_trusted(places_, root_ / "repo2"));
  EXPECT_FALSE(is_trusted(places_, root_ / "repo/../other"));
  EXPECT_EQ(*trusted_directories(places_), (std::vector<TrustedDirectory>{{root_ / "repo", 5}}));
  EXPECT_EQ(*trust(places_, root_ / "repo", 9), root_ / "repo");
  EXPECT_EQ(trusted_directories(places_)->front().since, 5);
  struct stat status{};
  ASSERT_EQ(::stat((places_.data / "trust.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(TrustTest, FollowsLinks) {
  fs::create_directory_symlink(root_ / "repo", root_ / "link");
  ASSERT_TRUE(trust(places_, root_ / "link", 1));
  EXPECT_TRUE(is_trusted(places_, root_ / "link/sub"));
  EXPECT_TRUE(is_trusted(places_, root_ / "repo"));
  fs::create_directory_symlink(root_ / "other", root_ / "repo/out");
  EXPECT_FALSE(is_trusted(places_, root_ / "repo/out"));
}

TEST_F(TrustTest, ReachesWorktreesThatTheRepositoryKnows) {
  ASSERT_TRUE(trust(places_, root_ / "repo", 1));
  write("other/.git", "gitdir: " + (root_ / "repo/.git/worktrees/w").string() + "\n");
  write("repo/.git/worktrees/w/commondir", "../..\n");
  // It only says that it is one.
  write("repo/.git/worktrees/w/gitdir", (root_ / "real/.git").string() + "\n");
  EXPECT_FALSE(is_trusted(places_, root_ / "other"));
  write("repo/.git/worktrees/w/gitdir", (root_ / "other/.git").string() + "\n");
  EXPECT_TRUE(is_trusted(places_, root_ / "other"));
}

TEST_F(TrustTest, CanBeTakenBackAlsoFromWhatIsGone) {
  ASSERT_TRUE(trust(places_, root_ / "other", 1));
  fs::remove_all(root_ / "other");
  EXPECT_TRUE(*distrust(places_, root_ / "other"));
  EXPECT_FALSE(*distrust(places_, root_ / "other"));
  EXPECT_FALSE(is_trusted(places_, root_ / "other"));
}

TEST_F(TrustTest, RefusesWhatIsNoDirectory) {
  EXPECT_EQ(trust(places_, root_ / "nowhere", 1).error().code, ErrorCode::invalid);
  EXPECT_EQ(trust(places_, "relative", 1).error().code, ErrorCode::invalid);
}

TEST_F(TrustTest, TrustsNothingWhenItsFileIsDamaged) {
  ASSERT_TRUE(trust(places_, root_ / "repo", 1));
  std::ofstream(places_.data / "trust.json") << "{\"directories\": 5";
  EXPECT_FALSE(is_trusted(places_, root_ / "repo"));
  EXPECT_FALSE(trust(places_, root_ / "repo", 1));
  EXPECT_FALSE(trusted_directories(places_));
}

}  // namespace
}  // namespace quarterdeck::config
