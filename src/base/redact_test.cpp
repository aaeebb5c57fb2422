#include "base/redact.hpp"

#include <gtest/gtest.h>

namespace quarterdeck {
namespace {

TEST(Redact, HidesWhatWasNamedAndWhatLooksLikeASecret) {
  add_secret("correct-horse-battery");
  add_secret("horse-battery");
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"key correct-horse-battery!", "key ***!"},
      {"Authorization: Bearer abcDEF123456.x-y_z, next", "Authorization: Bearer ***, next"},
      {"authorization: basic b3BlbmNvZGU6cGFzcw==", "authorization: basic ***"},
      {"GET https://user:pa:ss@host:1/p?token=abc&x=1", "GET https://***@host:1/p?token=***&x=1"},
      {"https://host/path@version", "https://host/path@version"},
      {R"({"apiKey":"abc","password": "x y"})", R"({"apiKey":"***","password": "*** y"})"},
      {"sk-proj-0123456789abcdef and AKIAIOSFODNN7EXAMPLE", "sk-*** and AKIA***"},
      {"ghp_0123456789abcdefghij", "ghp_***"},
      {"a basic idea; tokens: 5; the secret of it", "a basic idea; tokens: 5; the secret of it"},
      {"", ""},
  };
  for (const auto& [text, clean] : cases) EXPECT_EQ(redact(text), clean);
}

TEST(Redact, TakesNoSecretThatWouldHideOrdinaryWords) {
  add_secret("abc");
  EXPECT_EQ(redact("abc"), "abc");
}

}  // namespace
}  // namespace quarterdeck
