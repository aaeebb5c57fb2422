#include "llm/bedrock/sigv4.hpp"

#include <gtest/gtest.h>

#include "llm/bedrock/crypto_library.hpp"

namespace quarterdeck::llm::bedrock {
namespace {

// AWS's published test suite: its credentials, its time, its service.
const AwsKeys kKeys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
const AwsScope kScope{"us-east-1", "service"};
constexpr TimeMs kTime = 1'440'938'160'000;  // 2015-08-30T12:36:00Z

std::string authorization(const SignedRequest& request, const AwsKeys& keys = kKeys) {
  EXPECT_TRUE(load_crypto());
  const auto headers = sign(request, keys, kScope, kTime);
  EXPECT_EQ(*net::find_header(headers, "x-amz-date"), "20150830T123600Z");
  return *net::find_header(headers, "authorization");
}

std::string expected(std::string_view names, std::string_view signature) {
  return fmt::format(
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={}, Signature={}",
      names, signature);
}

TEST(SigV4, SignsGetVanilla) {
  EXPECT_EQ(authorization({.method = "GET", .host = "example.amazonaws.com"}),
            expected("host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
}

TEST(SigV4, SignsGetVanillaWithSessionToken) {
  auto keys = kKeys;
  keys.session_token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
  EXPECT_EQ(authorization({.method = "GET", .host = "example.amazonaws.com"}, keys),
            expected("host;x-amz-date;x-amz-security-token",
                     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"));
}

TEST(SigV4, SignsGetVanillaQueryOrderKeyCase) {
  EXPECT_EQ(authorization({.method = "GET", .host = "example.amazonaws.com", .query = "Param2=value2&Param1=value1"}),
            expected("host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
}

// The path of the suite is not encoded on the wire; ours is, so it is encoded here as the service sees it.
TEST(SigV4, SignsGetUtf8) {
  EXPECT_EQ(authorization({.method = "GET", .host = "example.amazonaws.com", .path = "/ሴ"}),
            expected("host;x-amz-date", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"));
}

TEST(SigV4, SignsPostXWwwFormUrlencoded) {
  EXPECT_EQ(authorization({.method = "POST",
                           .host = "example.amazonaws.com",
                           .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                                       {"Content-Length", "13"},
                                       {"x-amz-content-sha256",
                                        "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"}},
                           .body = "Param1=value1"}),
            expected("content-length;content-type;host;x-amz-content-sha256;x-amz-date",
                     "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"));
  EXPECT_EQ(sha256_hex("Param1=value1"), "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e");
}

}  // namespace
}  // namespace quarterdeck::llm::bedrock
