#include "access/access.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace quarterdeck::access {
namespace {

namespace fs = std::filesystem;

class TokenFile : public ::testing::Test {
 protected:
  TokenFile() {
    std::string name = (fs::temp_directory_path() / "access-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~TokenFile() override { fs::remove_all(root_); }
  Places places() const {
    return {.home = root_, .data = root_ / "data", .config = root_ / "c", .opencode_config = root_ / "o"};
  }
  NewToken create(TokenWanted wanted) { return *create_token(places(), std::move(wanted), clock_.now_ms()); }
  // What a file on disk changed is seen with the next look.
  void later(TimeMs ms = 1'000) { clock_.advance_ms(ms); }

  fs::path root_;
  FakeClock clock_;
};

TEST_F(TokenFile, ATokenLetsItsPrincipalInUntilItIsRevoked) {
  Tokens tokens(places(), clock_);
  EXPECT_FALSE(tokens.any());
  const NewToken made = create({.name = "openclaw"});
  later();
  EXPECT_TRUE(tokens.any());
  const Who who = tokens.find(made.secret);
  ASSERT_TRUE(who);
  EXPECT_EQ(*who, (Principal{.credential = made.token.id,
                             .name = "openclaw",
                             .kind = Kind::agent,
                             .role = Role::agent,
                             .scope = {.own = true}}));
  EXPECT_FALSE(tokens.find(made.secret + "x"));
  EXPECT_FALSE(tokens.find(""));
  ASSERT_TRUE(revoke_token(places(), "openclaw", clock_.now_ms()));
  later();
  EXPECT_FALSE(tokens.find(made.secret));
  EXPECT_TRUE(tokens.any()) << "a server that had a credential stays closed";
}

TEST_F(TokenFile, TheSecretIsNowhereInTheFile) {
  const NewToken made = create({.name = "a"});
  const auto text = *read_file(places().data / "access" / "tokens.json");
  EXPECT_EQ(text.find(made.secret.substr(3)), std::string::npos);
  EXPECT_NE(text.find(hex_sha256(made.secret)), std::string::npos);
  struct stat status{};
  ASSERT_EQ(::stat((places().data / "access" / "tokens.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(made.secret.size(), 3 + 43u) << "256 bits";
}

TEST_F(TokenFile, ATokenThatExpiredIsNotValid) {
  Tokens tokens(places(), clock_);
  const NewToken made = create({.name = "a", .lifetime_ms = 60'000});
  later();
  EXPECT_TRUE(tokens.find(made.secret));
  later(60'000);
  EXPECT_FALSE(tokens.find(made.secret));
  EXPECT_TRUE(tokens.any());
}

TEST_F(TokenFile, AFileThatCannotBeUnderstoodLetsNobodyIn) {
  Tokens tokens(places(), clock_);
  const NewToken made = create({.name = "a"});
  later();
  EXPECT_TRUE(tokens.find(made.secret));
  std::ofstream(places().data / "access" / "tokens.json") << "{";
  later();
  EXPECT_TRUE(tokens.any());
  EXPECT_FALSE(tokens.find(made.secret));
}

TEST_F(TokenFile, NamesAreOfOneTokenAtATime) {
  create({.name = "a"});
  EXPECT_EQ(create_token(places(), {.name = "a"}, clock_.now_ms()).error().code, ErrorCode::conflict);
  ASSERT_TRUE(revoke_token(places(), "a", clock_.now_ms()));
  EXPECT_TRUE(create_token(places(), {.name = "a"}, clock_.now_ms()));
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a\n"), std::string(101, 'x')}) {
    EXPECT_EQ(create_token(places(), {.name = name}, clock_.now_ms()).error().code, ErrorCode::invalid) << name;
  }
  EXPECT_EQ(create_token(places(), {.name = "b", .role = Role::admin, .scope = {.own = true}}, 0).error().code,
            ErrorCode::invalid);
}

TEST_F(TokenFile, ALinkSignsInOnceAndIsNoToken) {
  Tokens tokens(places(), clock_);
  const NewToken made = create({.name = "link", .role = Role::admin, .once = true, .lifetime_ms = 60'000});
  later();
  EXPECT_FALSE(tokens.find(made.secret));
  ASSERT_TRUE(tokens.find_once(made.secret));
  ASSERT_TRUE(revoke_token(places(), made.token.id, clock_.now_ms()));
  later();
  EXPECT_FALSE(tokens.find_once(made.secret));
}

TEST(Lifetime, IsANumberAndAUnit) {
  EXPECT_EQ(*lifetime_of("90d"), 90ll * 86'400'000);
  EXPECT_EQ(*lifetime_of("12h"), 12ll * 3'600'000);
  EXPECT_EQ(*lifetime_of("30m"), 30ll * 60'000);
  for (const char* wrong : {"", "d", "0d", "-1d", "1w", "1 d", "4000d", "99999999999999999999d"}) {
    EXPECT_FALSE(lifetime_of(wrong)) << wrong;
  }
}

class Passwords : public TokenFile {
 protected:
  Access access_{places(), clock_, {.password = "swordfish"}};
  // Whether the password was looked at.
  bool tried(const std::string& peer, const std::string& password) {
    const auto checked = access_.check_password(peer, "opencode:" + password);
    const auto* refusal = std::get_if<Access::Refusal>(&checked);
    return !refusal || refusal->wait_s == 0;
  }
};

TEST_F(Passwords, TwoHundredWrongOnesAreSlowedDown) {
  int tried_at_once = 0;
  for (int i = 0; i < 200; ++i) tried_at_once += tried("10.0.0.1", std::to_string(i));
  EXPECT_EQ(tried_at_once, 10);
  EXPECT_FALSE(tried("10.0.0.1", "swordfish")) << "or a guess could be told from the answer";
  EXPECT_TRUE(tried("10.0.0.2", "swordfish")) << "others are not held up";
  later(1'000);
  EXPECT_TRUE(tried("10.0.0.1", "swordfish"));
  EXPECT_TRUE(tried("10.0.0.1", "wrong")) << "who knew it starts again";
}

TEST_F(Passwords, AClientWithAnOldPasswordLocksNobodyOut) {
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(tried("127.0.0.1", "old"));
  EXPECT_TRUE(tried("127.0.0.1", "swordfish"));
}

TEST_F(Passwords, ATicketIsGoodOnceAndNotForLong) {
  const std::string ticket = access_.ticket(access_.anybody());
  EXPECT_TRUE(access_.redeem(ticket));
  EXPECT_FALSE(access_.redeem(ticket));
  const std::string old = access_.ticket(access_.anybody());
  later(Access::kTicketMs + 1);
  EXPECT_FALSE(access_.redeem(old));
}

TEST_F(TokenFile, WhoOpenedASessionIsKnownAfterARestartAndStays) {
  {
    Openers openers(places());
    openers.opened("ses_a", "bot");
    openers.opened("ses_b", "ci");
    openers.opened("ses_a", "ci");
  }
  // What a crash of the machine cut.
  std::ofstream(places().data / "access" / "openers", std::ios::app) << "ses_c\tb";
  {
    Openers openers(places());
    EXPECT_EQ(openers.of("ses_a"), "bot");
    EXPECT_EQ(openers.of("ses_b"), "ci");
    EXPECT_EQ(openers.of("ses_c"), "");
    openers.opened("ses_d", "bot");
  }
  EXPECT_EQ(Openers(places()).of("ses_d"), "bot");
}

}  // namespace
}  // namespace quarterdeck::access
