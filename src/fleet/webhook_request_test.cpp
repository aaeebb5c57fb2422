#include "fleet/webhook_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarterdeck::fleet {
namespace {

using namespace domain;

Change change() {
  Change out{
      .seq = 7, .session = SessionId{"ses_a"}, .title = "T", .priority = Priority::P1, .reply_to = {}, .attention = {}};
  out.attention = {.group = Attention::Group::needs_you,
                   .state = Attention::State::approve,
                   .reason = "Asks",
                   .since = 1'700'000'000'123};
  return out;
}
std::string header(const net::ClientRequest& request, std::string_view name) {
  const std::string* found = net::find_header(request.headers, name);
  return found ? *found : "";
}

TEST(WebhookRequest, IsSignedAsStandardWebhooksSays) {
  // The example of the specification's libraries.
  const Webhook hook{.id = "h", .url = "http://x/", .secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
  const WebhookCall call{.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
                         .session = {},
                         .state = {},
                         .body = R"({"test": 2432232314})",
                         .session_key = {}};
  const auto request = request_of(hook, call, 1'614'265'330'000);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(header(*request, "webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(header(*request, "webhook-timestamp"), "1614265330");
}

TEST(WebhookRequest, EachAttemptHasTheSameIdAndBody) {
  const Webhook hook{.id = "h", .url = "http://x/", .secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
  const auto first = call_for(hook, change(), 1), second = call_for(hook, change(), 999'999);
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(first.body, second.body);
  EXPECT_THAT(first.body, testing::HasSubstr(R"("timestamp":"2023-11-14T22:13:20.123Z")"));
  Change next = change();
  next.seq = 8;
  EXPECT_NE(call_for(hook, next, 1).id, first.id);
}

TEST(WebhookRequest, PausesDoubleAreRandomByHalfAndNeverShorterThanAsked) {
  const WebhookPolicy policy{.retry_ms = 1'000, .retry_ms_max = 60'000};
  EXPECT_EQ(pause_ms(policy, 1, 0, {}), 500);
  EXPECT_EQ(pause_ms(policy, 2, 0.5, {}), 1'500);
  EXPECT_EQ(pause_ms(policy, 100, 0, {}), 30'000);
  EXPECT_EQ(pause_ms(policy, 1, 0, 20), 20'000);
  EXPECT_EQ(pause_ms(policy, 1, 0, 1'000'000), 3'600'000);
  EXPECT_EQ(retry_after_s({{"Retry-After", "12"}}), 12);
  EXPECT_EQ(retry_after_s({{"Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"}}), std::nullopt);
}

TEST(WebhookRequest, PrivateNetworksAreOnlyReachedWhenAllowedThisMachineAlways) {
  Webhook hook{.id = "h", .url = "http://x/", .secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
  const auto may = [&](const char* address) {
    const auto request = request_of(hook, test_call(hook, 1), 1);
    return !request->may_connect || request->may_connect(*net::parse_address(address));
  };
  EXPECT_TRUE(may("93.184.216.34"));
  EXPECT_TRUE(may("127.0.0.1"));
  EXPECT_TRUE(may("::1"));
  EXPECT_FALSE(may("169.254.169.254"));
  EXPECT_FALSE(may("10.0.0.1"));
  EXPECT_FALSE(may("fd00::1"));
  hook.allow_private = true;
  EXPECT_TRUE(may("10.0.0.1"));
}

TEST(WebhookRequest, IsForThoseWhoWantIt) {
  Webhook hook{.events = {"needs_you"}};
  EXPECT_TRUE(wants(hook, change(), "p"));
  hook.events = {"ready"};
  EXPECT_FALSE(wants(hook, change(), "p"));
  hook.events = {"approve"};
  hook.projects = {"q"};
  EXPECT_FALSE(wants(hook, change(), "p"));
  hook.projects = {"p"};
  hook.sessions = {"ses_b"};
  EXPECT_FALSE(wants(hook, change(), "p"));
}

}  // namespace
}  // namespace quarterdeck::fleet
