#include "workspace/files.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace quarterdeck::workspace {
namespace {

using Paths = std::vector<std::string>;

TEST(BestMatches, NamesCountMoreThanDirectoriesAndPiecesMoreThanLetters) {
  const Paths paths{"src/api/call.cpp", "call/other.txt", "docs/c_a_l_l.md", "src/call.cpp.in", "README.md", "call"};
  EXPECT_EQ(best_matches("call", paths, 10),
            (Paths{"call", "src/call.cpp.in", "src/api/call.cpp", "call/other.txt", "docs/c_a_l_l.md"}));
}

TEST(BestMatches, IgnoresCaseAndKeepsTheLimit) {
  EXPECT_EQ(best_matches("readme", {"README.md", "x"}, 10), Paths{"README.md"});
  EXPECT_EQ(best_matches("", {"bb", "a", "ccc"}, 2), (Paths{"a", "bb"}));
  EXPECT_EQ(best_matches("zzz", {"a"}, 2), Paths{});
}

TEST(DirectoriesOf, AreEveryOneAboveAFile) {
  EXPECT_EQ(directories_of({"a/b/c.txt", "a/d.txt", "e.txt"}), (Paths{"a/", "a/b/"}));
}

TEST(Inside, FollowsLinksAndRefusesWhatLeadsOut) {
  const auto root = std::filesystem::temp_directory_path() / "quarterdeck-inside-test";
  std::filesystem::remove_all(root);
  std::filesystem::create_directories(root / "project/sub");
  std::filesystem::create_directory_symlink(root, root / "project/out");
  std::ofstream(root / "secret") << "x";
  Location location;
  location.directory = root / "project/sub";
  location.worktree = root / "project";
  const auto real = std::filesystem::canonical(root);
  EXPECT_EQ(*inside(location, ".."), real / "project");
  EXPECT_EQ(*inside(location, "new.txt"), real / "project/sub/new.txt");
  EXPECT_EQ(*inside(location, ""), real / "project/sub");
  EXPECT_EQ(inside(location, "../..").error().code, ErrorCode::denied);
  EXPECT_EQ(inside(location, "../out/secret").error().code, ErrorCode::denied);
  EXPECT_EQ(inside(location, "/etc/passwd").error().code, ErrorCode::denied);
  EXPECT_EQ(inside(location, (root / "project-2").string()).error().code, ErrorCode::denied);
  EXPECT_EQ(inside(location, std::string_view("a\0b", 3)).error().code, ErrorCode::invalid);
  location.worktree = "/";
  EXPECT_EQ(inside(location, "..").error().code, ErrorCode::denied);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace quarterdeck::workspace
