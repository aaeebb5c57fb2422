#include "config/origins.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace quarterdeck::config {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Origins : public testing::Test {
 protected:
  Origins() {
    std::string name = (fs::temp_directory_path() / "origins_XXXXXX").string();
    root_ = mkdtemp(name.data());
    places_ = {.home = root_, .data = root_ / "data", .config = root_ / "ours", .opencode_config = root_ / "theirs"};
    for (const auto& place : {places_.data, places_.config, places_.opencode_config}) fs::create_directories(place);
  }
  ~Origins() override { fs::remove_all(root_); }

  void write(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }
  Result<std::vector<std::string>> read() {
    return user_origins(places_, [](std::string_view) { return std::optional<std::string>(); });
  }

  fs::path root_;
  Places places_;
};

TEST_F(Origins, WithoutConfigurationThereAreNone) {
  const auto origins = read();
  ASSERT_TRUE(origins);
  EXPECT_THAT(*origins, IsEmpty());
}

TEST_F(Origins, TheyComeFromTheUsersFilesTheLaterWins) {
  write(places_.opencode_config / "opencode.json", R"({"server":{"cors":["https://one.example"]}})");
  EXPECT_THAT(read().value(), ElementsAre("https://one.example"));
  write(places_.config / "config.json", R"({"server":{"cors":["http://two.example:8080","app://x"]}})");
  EXPECT_THAT(read().value(), ElementsAre("http://two.example:8080", "app://x"));
}

TEST_F(Origins, WhatIsNoOriginIsRefusedWithItsPlace) {
  for (const char* wrong : {R"(["*"])", R"(["example.com"])", R"(["https://a.example/path"])", R"([1])",
                            R"(["https://*.example"])", R"(["https://"])"}) {
    write(places_.config / "config.json", std::string(R"({"server":{"cors":)") + wrong + "}}");
    const auto origins = read();
    ASSERT_FALSE(origins) << wrong;
    EXPECT_THAT(origins.error().message, HasSubstr(R"(["server"]["cors"][0])")) << wrong;
  }
  write(places_.config / "config.json", R"({"server":{"cors":"https://a.example"}})");
  EXPECT_FALSE(read());
}

}  // namespace
}  // namespace quarterdeck::config
