// The provider against the scripted model, over real sockets: every answer and every fault.
#include <gtest/gtest.h>

#include "base/async.hpp"
#include "llm/chat_completions.hpp"
#include "llm/local_endpoints.hpp"
#include "llm/retry.hpp"
#include "llm/testing/scripted_model_fixture.hpp"
#include "net/http_server.hpp"
#include "net/sse.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm {
namespace {

using Kind = ModelError::Kind;

struct CollectingSink final : ModelSink {
  void on_event(ModelEvent event) override {
    if (const auto* piece = std::get_if<TextDelta>(&event)) text += piece->text;
    if (const auto* piece = std::get_if<ReasoningDelta>(&event)) reasoning += piece->text;
    if (const auto* call = std::get_if<ToolCallStarted>(&event)) calls.push_back({call->name, ""});
    if (const auto* piece = std::get_if<ToolCallDelta>(&event))
      calls[static_cast<std::size_t>(piece->index)].second += piece->arguments;
    ++events;
    if (on_each) on_each();
  }
  std::string text;
  std::string reasoning;
  std::vector<std::pair<std::string, std::string>> calls;
  int events = 0;
  std::function<void()> on_each;
};
using Outcome = std::expected<ModelFinish, ModelError>;

class ConversationTest : public testing::ScriptedModelFixture {
 protected:
  ModelRequest request(std::string text) {
    ModelRequest request{.provider = model_->provider(), .first_byte_timeout_ms = 5'000, .idle_timeout_ms = 5'000};
    request.model = request.provider.models.begin()->second;
    request.tools = {{"bash", "Runs a command.", {R"({"type":"object"})"}}};
    request.messages = {{Role::user, {TextContent{std::move(text)}}}};
    request.session_id = "ses_test";
    return request;
  }
  Outcome ask(ModelRequest ask, std::stop_token stop = {}) {
    sink_ = {};
    return run(provider_->stream(std::move(ask), sink_, stop));
  }
  Outcome ask(std::string text) { return ask(request(std::move(text))); }
  // The error of an answer that must fail.
  ModelError failure(ModelRequest asked) {
    const auto outcome = ask(std::move(asked));
    EXPECT_FALSE(outcome);
    return outcome ? ModelError{} : outcome.error();
  }
  ModelError failure(std::string text) { return failure(request(std::move(text))); }

  wire::Json get(std::string path) {
    auto url = model_->base_url();
    url.resize(url.size() - 3);
    const auto answer = run(net::fetch_all(*client_, {.url = url + path}, 1 << 20));
    EXPECT_TRUE(answer);
    return answer ? *wire::parse(answer->body) : wire::Json();
  }

  std::unique_ptr<Provider> provider_ = make_chat_completions(*loop_, *client_);
  CollectingSink sink_;
};

TEST_F(ConversationTest, StreamsText) {
  const auto outcome = ask("hello");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(*outcome, (ModelFinish{"stop", {.total = 108, .input = 100, .output = 8}}));
  EXPECT_EQ(sink_.text, "word0 word1 word2 word3 word4 word5 word6 word7 ");
}

TEST_F(ConversationTest, StreamsThoughtsAndParallelCalls) {
  const auto outcome = ask("REASON\nPRE\nTOOL:[[\"bash\",{\"command\":\"ls\"}],[\"read\",\"{cut\"]]");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->reason, "tool-calls");
  EXPECT_EQ(sink_.reasoning, "think0 think1 think2 ");
  EXPECT_EQ(sink_.text, "I will call a tool. ");
  ASSERT_EQ(sink_.calls.size(), 2u);
  EXPECT_EQ(sink_.calls[0], (std::pair<std::string, std::string>{"bash", R"({"command":"ls"})"}));
  EXPECT_EQ(sink_.calls[1], (std::pair<std::string, std::string>{"read", "{cut"}));
}

TEST_F(ConversationTest, SendsResultsBackAndGetsTheAnswer) {
  auto asked = request("TOOL:[[\"bash\",{}]]");
  asked.messages.push_back({Role::assistant, {ToolCallContent{"c1", "bash", {"{}"}}}});
  asked.messages.push_back({Role::tool, {ToolResultContent{.id = "c1", .name = "bash", .output = "ok"}}});
  ASSERT_TRUE(ask(asked));
  EXPECT_EQ(sink_.text, "Done.");
  const auto bodies = get("/requests");
  ASSERT_EQ(bodies.get_array().size(), 1u);
  EXPECT_EQ(bodies.get_array()[0].at("messages").get_array().size(), 3u);
  EXPECT_EQ(get("/stats").at("kinds").at("text").to_number<int>(), 1);
}

TEST_F(ConversationTest, TellsAnEndByLength) { EXPECT_EQ(ask("LEN")->reason, "length"); }

TEST_F(ConversationTest, MapsHttpErrors) {
  const std::tuple<int, Kind, bool> table[] = {{429, Kind::rate_limited, true},
                                               {401, Kind::auth, false},
                                               {503, Kind::overloaded, true},
                                               {529, Kind::overloaded, true},
                                               {400, Kind::invalid_request, false}};
  for (const auto& [status, kind, retryable] : table) {
    const auto error = failure(fmt::format("ERR:{}\nRETRYAFTER:7", status));
    EXPECT_EQ(error.kind, kind) << status;
    EXPECT_EQ(error.retryable, retryable) << status;
    EXPECT_EQ(error.message, fmt::format("fake failure {}", status));
    EXPECT_EQ(error.retry_after_ms, 7'000);
  }
}

TEST_F(ConversationTest, SucceedsAfterSoManyFailures) {
  EXPECT_EQ(failure("ERR:503:1").kind, Kind::overloaded);
  EXPECT_TRUE(ask("ERR:503:1"));
}

TEST_F(ConversationTest, CallsAResetANetworkError) {
  for (const char* fault : {"FAULT:reset", "FAULT:reset-mid"}) {
    const auto error = failure(fault);
    EXPECT_EQ(error.kind, Kind::network) << fault << ": " << error.message;
    EXPECT_TRUE(error.retryable);
  }
  EXPECT_EQ(sink_.text, "word0 word1 word2 ");
}

TEST_F(ConversationTest, CallsAnEarlyEndANetworkError) {
  const auto error = failure("FAULT:eof-mid");
  EXPECT_EQ(error.kind, Kind::network);
  EXPECT_TRUE(error.retryable);
  EXPECT_EQ(error.message, "the stream ended before the answer was complete");
}

TEST_F(ConversationTest, DoesNotWaitForEverInSilence) {
  for (const char* fault : {"FAULT:hang", "FAULT:hang-mid"}) {
    auto asked = request(fault);
    asked.first_byte_timeout_ms = asked.idle_timeout_ms = 150;
    const auto error = failure(std::move(asked));
    EXPECT_EQ(error.kind, Kind::timeout) << fault << ": " << error.message;
    EXPECT_TRUE(error.retryable);
  }
}

TEST_F(ConversationTest, RefusesAWebPageForGood) {
  const auto error = failure("FAULT:html");
  EXPECT_EQ(error.kind, Kind::malformed);
  EXPECT_EQ(retry_delay_ms(1, error), std::nullopt);
}

TEST_F(ConversationTest, RetriesABrokenChunkOnceAtTheMost) {
  const auto error = failure("FAULT:badjson");
  EXPECT_EQ(error.kind, Kind::malformed);
  EXPECT_TRUE(retry_delay_ms(1, error));
  EXPECT_FALSE(retry_delay_ms(2, error));
}

TEST_F(ConversationTest, ReportsAnErrorInTheStream) {
  const auto error = failure("FAULT:errobj");
  EXPECT_EQ(error.kind, Kind::overloaded);
  EXPECT_EQ(error.message, "fake failure in the stream");
  EXPECT_EQ(sink_.text, "word0 word1 word2 ");
}

TEST_F(ConversationTest, PassesATruncatedCallOn) {
  EXPECT_EQ(ask("FAULT:trunc-tool")->reason, "tool-calls");
  EXPECT_FALSE(wire::parse(sink_.calls.at(0).second));
}

TEST_F(ConversationTest, StopsAtOnceWhenAsked) {
  for (const char* text : {"SLOW:1000:20", "FAULT:hang"}) {
    std::stop_source stop;
    auto timer = loop_->after_ms(60, [&] { stop.request_stop(); });
    const auto outcome = ask(request(text), stop.get_token());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, Kind::cancelled);
    EXPECT_LT(sink_.events, 50);
  }
}

TEST_F(ConversationTest, CanBeStoppedFromTheSink) {
  std::stop_source stop;
  sink_ = {};
  sink_.on_each = [&] { stop.request_stop(); };
  const auto outcome = run(provider_->stream(request("SLOW:1000:5"), sink_, stop.get_token()));
  EXPECT_EQ(outcome.error().kind, Kind::cancelled);
}

TEST_F(ConversationTest, PacesDeltas) {
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(ask("SLOW:5:20"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(80));
  EXPECT_EQ(sink_.text, "word0 word1 word2 word3 word4 ");
}

TEST_F(ConversationTest, MarksBenchDeltas) {
  const auto outcome = ask("[[bench deltas=2000 think=3 size=64]]");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(std::ranges::count(sink_.text, '@'), 2000);
  EXPECT_EQ(std::ranges::count(sink_.reasoning, '@'), 3);
  EXPECT_EQ(sink_.text.size(), 2000u * 64);
  EXPECT_EQ(outcome->tokens.output, 2003);
}

TEST_F(ConversationTest, RunsManyStreamsAtOnce) {
  std::vector<CollectingSink> sinks(50);
  std::vector<Task<Outcome>> streams;
  for (auto& sink : sinks) streams.push_back(provider_->stream(request("[[bench deltas=20 rate=200]]"), sink, {}));
  const auto outcomes = run(when_all(*loop_, std::move(streams)));
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome) << outcome.error().message;
  for (const auto& sink : sinks) EXPECT_EQ(std::ranges::count(sink.text, '@'), 20);
}

TEST_F(ConversationTest, MakesTitles) {
  auto asked = request("repair the parser, please");
  asked.tools.clear();
  ChatMessages titled{{Role::system, {TextContent{"Answer with one title."}}}};
  titled.append(std::exchange(asked.messages, {}));
  asked.messages = std::move(titled);
  ASSERT_TRUE(ask(asked));
  EXPECT_EQ(sink_.text, "Repair the parser, please");
}

TEST_F(ConversationTest, ExplainsWhatCannotBeReached) {
  auto asked = request("x");
  asked.provider.base_url = "http://127.0.0.1:1/v1";
  EXPECT_EQ(failure(asked).kind, Kind::network);
  asked.provider.base_url = "not a url";
  EXPECT_EQ(failure(asked).kind, Kind::invalid_request);
  asked.provider.base_url = "";
  EXPECT_NE(failure(asked).message.find("baseURL"), std::string::npos);
  asked.provider.base_url = model_->base_url() + "/nowhere";
  EXPECT_EQ(failure(asked).status, 404);
}

TEST_F(ConversationTest, FindsLocalEndpoints) {
  std::vector<LocalEndpoint> endpoints{{"here", "Here", model_->base_url()}, {"not", "Not", "http://127.0.0.1:1/v1"}};
  const auto found = run(probe_local_endpoints(*loop_, *client_, std::move(endpoints)));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, "here");
  EXPECT_TRUE(found[0].models.contains("scripted"));
}

TEST_F(ConversationTest, ForgetsOnReset) {
  ASSERT_TRUE(ask("hello"));
  auto url = model_->base_url();
  url.resize(url.size() - 3);
  ASSERT_TRUE(run(net::fetch_all(*client_, {.method = "POST", .url = url + "/reset"}, 1000)));
  EXPECT_EQ(get("/stats").at("requests").to_number<int>(), 0);
}

// What a server other than ours may answer: fixed bodies with any content type.
class FixedAnswerTest : public ConversationTest {
 protected:
  Outcome answered(std::string body, std::string type = "application/json", int status = 200) {
    auto handler = [=, this](net::Request request) { return answer(std::move(request), status, type, body); };
    auto server = net::listen(*loop_, {}, handler);
    EXPECT_TRUE(server);
    auto asked = request("x");
    asked.provider.base_url = fmt::format("http://127.0.0.1:{}/v1", (*server)->port());
    asked.provider.api_key = "key";
    asked.provider.headers = {{"X-Extra", "1"}, {"User-Agent", "mine"}};
    auto outcome = ask(std::move(asked));
    run(finish_server(**server));
    return outcome;
  }
  static Task<Unit> finish_server(net::HttpServer& server) {
    co_await server.shutdown(0);
    co_return Unit{};
  }
  Task<net::Response> answer(net::Request request, int status, std::string type, std::string body) {
    seen_ = std::move(request);
    co_return net::Response{.status = status, .headers = {{"Content-Type", type}}, .body = std::move(body)};
  }
  net::Request seen_;
};

TEST_F(FixedAnswerTest, AcceptsADocumentInsteadOfAStream) {
  const auto outcome = answered(R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(sink_.text, "hi");
}

TEST_F(FixedAnswerTest, AcceptsAStreamOfAnyContentType) {
  ASSERT_TRUE(
      answered("\n: hello\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\r\n\r\n",
               "text/plain"));
  EXPECT_EQ(sink_.text, "hi");
}

TEST_F(FixedAnswerTest, RefusesOtherAnswers) {
  EXPECT_EQ(answered("just text", "text/event-stream").error().kind, Kind::malformed);
  EXPECT_EQ(answered("").error().kind, Kind::malformed);
  EXPECT_EQ(answered(R"({"ok":true})").error().kind, Kind::malformed);
  EXPECT_EQ(answered(R"({"error":{"message":"no such model"}})").error().message, "no such model");
  EXPECT_EQ(answered("<html>" + std::string(1 << 20, 'x'), "text/html").error().kind, Kind::malformed);
  EXPECT_EQ(answered("<html>", "text/html", 502).error().kind, Kind::overloaded);
}

TEST_F(FixedAnswerTest, SendsKeyAgentAndSession) {
  answered("{}");
  EXPECT_EQ(seen_.path, "/v1/chat/completions");
  EXPECT_EQ(*seen_.header("authorization"), "Bearer key");
  EXPECT_EQ(*seen_.header("x-session-affinity"), "ses_test");
  EXPECT_EQ(*seen_.header("x-extra"), "1");
  EXPECT_EQ(*seen_.header("user-agent"), "mine");
  EXPECT_EQ(*seen_.header("content-type"), "application/json");
}

}  // namespace
}  // namespace quarterdeck::llm
