#include "mcp/client/oauth_metadata.hpp"

#include <gtest/gtest.h>

#include "mcp/client/remote_tool.hpp"

namespace quarterdeck::mcp {
namespace {

using Strings = std::vector<std::string>;

TEST(OAuthMetadata, ReadsAChallenge) {
  const auto parameters = challenge_parameters(
      R"(Bearer error="invalid_token", resource_metadata="https://h/x?a=\"b\"",scope=mcp:tools , realm="")");
  EXPECT_EQ(parameters.at("error"), "invalid_token");
  EXPECT_EQ(parameters.at("resource_metadata"), R"(https://h/x?a="b")");
  EXPECT_EQ(parameters.at("scope"), "mcp:tools");
  EXPECT_EQ(parameters.at("realm"), "");
  for (const char* other : {"", "Bearer", "Basic realm=\"x\"", "Bearer x", "Bearer a=\"unclosed"}) {
    EXPECT_FALSE(challenge_parameters(other).contains("realm")) << other;
  }
}

TEST(OAuthMetadata, LooksWhereTheStandardsSay) {
  EXPECT_EQ(resource_metadata_urls("https://h:1/a/mcp?x"),
            (Strings{"https://h:1/.well-known/oauth-protected-resource/a/mcp",
                     "https://h:1/.well-known/oauth-protected-resource"}));
  EXPECT_EQ(resource_metadata_urls("https://h/"), (Strings{"https://h/.well-known/oauth-protected-resource"}));
  EXPECT_EQ(server_metadata_urls("https://h/tenant"),
            (Strings{"https://h/.well-known/oauth-authorization-server/tenant",
                     "https://h/.well-known/openid-configuration/tenant",
                     "https://h/tenant/.well-known/openid-configuration"}));
  EXPECT_EQ(server_metadata_urls("https://h"), (Strings{"https://h/.well-known/oauth-authorization-server",
                                                        "https://h/.well-known/openid-configuration"}));
}

// RFC 7636, appendix B.
TEST(OAuthMetadata, ProvesTheVerifier) {
  EXPECT_EQ(code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  EXPECT_EQ(random_secret().size(), 43u);
  EXPECT_NE(random_secret(), random_secret());
}

TEST(OAuthMetadata, WritesForms) { EXPECT_EQ(form({{"a", "x y"}, {"b", "1&2"}}), "a=x%20y&b=1%262"); }

TEST(RemoteTool, HasANameThatModelsTake) {
  EXPECT_EQ(tool_name("my server", "get.time"), "my_server_get_time");
  EXPECT_EQ(tool_name("every", "get-sum"), "every_get-sum");
  EXPECT_EQ(tool_name("s", std::string(100, 'x')).size(), 64u);
}

}  // namespace
}  // namespace quarterdeck::mcp
