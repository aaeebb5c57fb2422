#include "config/credentials.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

namespace quarterdeck::config {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() {
    std::string pattern = testing::TempDir() + "credentials-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    places_.data = root_ / "data";
  }
  ~CredentialsTest() override { std::filesystem::remove_all(root_); }
  unsigned mode() const {
    struct stat info{};
    EXPECT_EQ(::stat((places_.data / "auth.json").c_str(), &info), 0);
    return info.st_mode & 0777;
  }
  std::filesystem::path root_;
  Places places_;
};

TEST_F(CredentialsTest, AreStoredForTheUserOnly) {
  EXPECT_TRUE(read_credentials(places_)->empty());
  ASSERT_TRUE(store_credential(places_, "anthropic", api_credential("sk-1")));
  EXPECT_EQ(mode(), 0600u);
  std::filesystem::permissions(places_.data / "auth.json", std::filesystem::perms(0644));
  ASSERT_TRUE(store_credential(places_, "openai", api_credential("sk-\"2\"")));
  EXPECT_EQ(mode(), 0600u);
  const auto all = read_credentials(places_);
  ASSERT_TRUE(all);
  EXPECT_EQ(key_of(all->at("anthropic"), 0), "sk-1");
  EXPECT_EQ(key_of(all->at("openai"), 0), "sk-\"2\"");
}

TEST_F(CredentialsTest, AreRemovedAlone) {
  ASSERT_TRUE(store_credential(places_, "a", api_credential("1")));
  ASSERT_TRUE(store_credential(places_, "b", {R"({"type":"wellknown","key":"K","token":"t","more":[1]})"}));
  EXPECT_EQ(remove_credential(places_, "a"), true);
  EXPECT_EQ(remove_credential(places_, "a"), false);
  EXPECT_EQ(read_credentials(places_)->at("b").text, R"({"type":"wellknown","key":"K","token":"t","more":[1]})");
}

TEST_F(CredentialsTest, CountUntilTheyExpire) {
  const domain::JsonText oauth{R"({"type":"oauth","refresh":"r","access":"a","expires":100})"};
  EXPECT_EQ(key_of(oauth, 99), "a");
  EXPECT_EQ(key_of(oauth, 100), "");
}

TEST_F(CredentialsTest, AreCheckedBeforeTheyAreStored) {
  for (const char* wrong : {"{}", "[]", "x", R"({"type":"zzz"})", R"({"type":"api"})", R"({"type":"api","key":""})"}) {
    EXPECT_FALSE(store_credential(places_, "a", {wrong})) << wrong;
  }
  EXPECT_FALSE(store_credential(places_, "", api_credential("1")));
  EXPECT_FALSE(store_credential(places_, "a b", api_credential("1")));
}

TEST_F(CredentialsTest, OfADamagedFileAreNotOverwrittenNorQuoted) {
  ASSERT_TRUE(store_credential(places_, "a", api_credential("1")));
  ASSERT_TRUE(write_file_atomically(places_.data / "auth.json", "{\"a\": sk-secret"));
  const auto stored = store_credential(places_, "b", api_credential("2"));
  ASSERT_FALSE(stored);
  EXPECT_FALSE(stored.error().message.contains("sk-secret"));
}

}  // namespace
}  // namespace quarterdeck::config
