#include "llm/protocol/failure.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::llm::protocol {
namespace {

using Kind = ModelError::Kind;

ModelError failure(int status, std::string_view body, net::Headers headers = {}) {
  return failure_of_response(status, headers, body, 1'700'000'000'000);
}

TEST(Failure, MapsTheStatus) {
  const std::tuple<int, Kind, bool> table[] = {
      {400, Kind::invalid_request, false}, {401, Kind::auth, false},
      {402, Kind::invalid_request, false}, {403, Kind::auth, false},
      {404, Kind::not_found, false},       {408, Kind::timeout, true},
      {409, Kind::overloaded, true},       {413, Kind::context_overflow, false},
      {429, Kind::rate_limited, true},     {500, Kind::overloaded, true},
      {503, Kind::overloaded, true},       {529, Kind::overloaded, true}};
  for (const auto& [status, kind, retryable] : table) {
    const auto error = failure(status, R"({"error":{"message":"fake failure"}})");
    EXPECT_EQ(error.kind, kind) << status;
    EXPECT_EQ(error.retryable, retryable) << status;
    EXPECT_EQ(error.status, status);
    EXPECT_EQ(error.message, "fake failure");
  }
}

TEST(Failure, FindsTheMessageWhereverItIs) {
  EXPECT_EQ(failure(400, R"({"error":"no such model"})").message, "no such model");
  EXPECT_EQ(failure(400, R"({"detail":"bad field"})").message, "bad field");
  EXPECT_EQ(failure(400, R"([{"error":{"message":"in an array"}}])").message, "in an array");
  EXPECT_EQ(failure(400, "plain words").message, "plain words");
}

TEST(Failure, SaysSomethingUsefulWithoutABody) {
  EXPECT_EQ(failure(502, "").message, "HTTP 502: the provider failed");
  EXPECT_EQ(failure(404, "<html><h1>Not Found</h1>").message,
            "HTTP 404: not found: check the base URL and the model's name");
}

TEST(Failure, RecognisesAContextOverflow) {
  for (const char* body :
       {R"({"error":{"message":"too long","code":"context_length_exceeded"}})",
        R"({"error":{"message":"This model's maximum context length is 131072 tokens."}})",
        R"({"error":{"message":"prompt is too long: 208310 tokens > 200000 maximum"}})",
        R"({"error":{"message":"The input token count (1200000) exceeds the maximum"}})",
        R"({"error":{"code":400,"message":"the request exceeds the available context size, try increasing it"}})"}) {
    const auto error = failure(400, body);
    EXPECT_EQ(error.kind, Kind::context_overflow) << body;
    EXPECT_FALSE(error.retryable);
  }
}

TEST(Failure, DoesNotRetryWhenTheMoneyIsGone) {
  const auto error =
      failure(429, R"({"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}})");
  EXPECT_EQ(error.kind, Kind::rate_limited);
  EXPECT_FALSE(error.retryable);
}

TEST(Failure, ReadsRetryAfterInAllItsForms) {
  const TimeMs now = 1'700'000'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT
  EXPECT_EQ(retry_after_ms({{"Retry-After", "7"}}, now), 7'000);
  EXPECT_EQ(retry_after_ms({{"retry-after", "1.5"}}, now), 1'500);
  EXPECT_EQ(retry_after_ms({{"retry-after", "7"}, {"Retry-After-Ms", "250"}}, now), 250);
  EXPECT_EQ(retry_after_ms({{"retry-after", "Tue, 14 Nov 2023 22:13:50 GMT"}}, now), 30'000);
  EXPECT_EQ(retry_after_ms({{"retry-after", "Tue, 14 Nov 2023 22:00:00 GMT"}}, now), 0);
  EXPECT_EQ(retry_after_ms({{"retry-after", "-5"}}, now), 0);
  EXPECT_EQ(retry_after_ms({{"retry-after", "soon"}}, now), std::nullopt);
  EXPECT_EQ(retry_after_ms({}, now), std::nullopt);
}

TEST(Failure, KeepsAtMostEightKilobytesOfTheBody) {
  EXPECT_EQ(failure(500, std::string(100'000, 'x')).body->size(), kErrorBodyBytesMax);
}

TEST(Failure, ClassifiesErrorsInsideAStream) {
  const auto kind = [](std::string_view text) { return failure_of_object(*wire::parse(text)).kind; };
  EXPECT_EQ(kind(R"({"message":"slow down","type":"rate_limit_error"})"), Kind::rate_limited);
  EXPECT_EQ(kind(R"({"message":"Overloaded","type":"overloaded_error"})"), Kind::overloaded);
  EXPECT_EQ(kind(R"({"message":"Provider returned error","code":502})"), Kind::overloaded);
  EXPECT_EQ(kind(R"({"message":"no","code":401})"), Kind::auth);
  EXPECT_EQ(kind(R"({"message":"?","code":"context_length_exceeded"})"), Kind::context_overflow);
  EXPECT_EQ(kind(R"("something")"), Kind::overloaded);
}

TEST(Failure, TellsAWebPageFromAnEmptyAnswer) {
  const auto page = failure_of_foreign_body("  <!doctype html><title>Sign in</title>", "text/html");
  EXPECT_EQ(page.kind, Kind::malformed);
  EXPECT_FALSE(page.retryable);
  EXPECT_NE(page.message.find("web page"), std::string::npos);
  EXPECT_TRUE(failure_of_foreign_body("", "").retryable);
}

}  // namespace
}  // namespace quarterdeck::llm::protocol
