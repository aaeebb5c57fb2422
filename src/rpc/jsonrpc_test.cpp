#include "rpc/jsonrpc.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::rpc {
namespace {

TEST(Rpc, TellsRequestsNotificationsAndAnswersApart) {
  const auto request = parse_rpc(R"({"jsonrpc":"2.0","id":"a","method":"ping"})");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->is_request());
  EXPECT_EQ(request->id->text, R"("a")");
  const auto told = parse_rpc(R"({"jsonrpc":"2.0","method":"x","params":{"a":[1]}})");
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->is_notification());
  EXPECT_EQ(told->params->text, R"({"a":[1]})");
  const auto answer = parse_rpc(R"({"jsonrpc":"2.0","id":7,"result":{}})");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->is_request());
  EXPECT_EQ(answer->result->text, "{}");
  const auto error = parse_rpc(R"({"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no"}})");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->error, (RpcError{-32601, "no"}));
}

TEST(Rpc, RefusesWhatIsNoMessage) {
  for (const char* text : {"", "[]", "7", "{}", R"({"id":1})", "{\"method\":", R"({"id":null})"}) {
    EXPECT_FALSE(parse_rpc(text)) << text;
  }
}

TEST(Rpc, WritesOneLineEach) {
  EXPECT_EQ(rpc_request(3, "a/b", domain::JsonText{R"({"x":1})"}),
            R"({"jsonrpc":"2.0","id":3,"method":"a/b","params":{"x":1}})");
  EXPECT_EQ(rpc_notification("n", std::nullopt), R"({"jsonrpc":"2.0","method":"n"})");
  EXPECT_EQ(rpc_result({R"("s")"}, {"{}"}), R"({"jsonrpc":"2.0","id":"s","result":{}})");
  EXPECT_EQ(rpc_error({"1"}, {-1, "a\nb"}), R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"a\nb"}})");
}

}  // namespace
}  // namespace quarterdeck::rpc
