// Every wire protocol: the same conversation over each, against the scripted model that speaks it (and refuses what the
// real service refuses); the same events however the bytes of the answer are cut.
#include <gtest/gtest.h>

#include "base/async.hpp"
#include "base/encoding.hpp"
#include "llm/bedrock/dialect.hpp"
#include "llm/chat_completions/dialect.hpp"
#include "llm/gemini/dialect.hpp"
#include "llm/messages/dialect.hpp"
#include "llm/protocols.hpp"
#include "llm/responses/dialect.hpp"
#include "llm/scripted/frames.hpp"
#include "llm/testing/scripted_model_fixture.hpp"
#include "net/http_server.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm {
namespace {

using Kind = ModelError::Kind;
using Outcome = std::expected<ModelFinish, ModelError>;

constexpr std::string_view kPixel =
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

// What a session makes of the events: parts in order.
struct Part {
  std::string kind;  // text | reasoning | call
  std::string text;
  std::string name;
  std::string id;
  Metadata metadata;
  bool operator==(const Part&) const = default;
};

struct PartSink final : ModelSink {
  void on_event(ModelEvent event) override {
    if (auto* text = std::get_if<TextDelta>(&event)) add("text", text->text);
    if (auto* thought = std::get_if<ReasoningDelta>(&event)) add("reasoning", thought->text);
    if (auto* end = std::get_if<TextEnded>(&event)) close("text", end->metadata);
    if (auto* end = std::get_if<ReasoningEnded>(&event)) close("reasoning", end->metadata);
    if (auto* call = std::get_if<ToolCallStarted>(&event)) {
      open = false;
      calls.push_back(parts.size());
      parts.push_back({"call", "", call->name, call->id, call->metadata});
    }
    if (auto* piece = std::get_if<ToolCallDelta>(&event)) {
      parts[calls.at(static_cast<std::size_t>(piece->index))].text += piece->arguments;
    }
  }
  void add(const std::string& kind, const std::string& text) {
    if (!open || parts.empty() || parts.back().kind != kind) parts.push_back({kind, "", "", "", {}});
    parts.back().text += text;
    open = true;
  }
  void close(const std::string& kind, const Metadata& metadata) {
    if (!open || parts.empty() || parts.back().kind != kind) parts.push_back({kind, "", "", "", {}});
    parts.back().metadata = metadata;
    open = false;
  }
  std::vector<Part> of(std::string_view kind) const {
    std::vector<Part> out;
    for (const auto& part : parts) {
      if (part.kind == kind) out.push_back(part);
    }
    return out;
  }
  std::string text() const {
    std::string all;
    for (const auto& part : of("text")) all += part.text;
    return all;
  }
  std::vector<Part> parts;
  std::vector<std::size_t> calls;
  bool open = false;
};

struct Wire {
  std::string name;  // of the test
  std::string npm;
  std::string path;  // of the base URL
  std::string options;  // of the provider
  std::string model_options = "{}";
};
std::ostream& operator<<(std::ostream& out, const Wire& wire) { return out << wire.name; }

const Wire kWires[] = {
    {"Chat", "@ai-sdk/openai-compatible", "/v1", "{}"},
    {"OpenRouter", "@openrouter/ai-sdk-provider", "/v1", "{}"},
    {"Mistral", "@ai-sdk/mistral", "/v1", "{}"},
    {"Responses", "@ai-sdk/openai", "/v1", "{}", R"({"reasoningEffort":"high"})"},
    {"Messages", "@ai-sdk/anthropic", "/v1", "{}", R"({"thinking":{"type":"enabled","budgetTokens":4000}})"},
    {"Gemini", "@ai-sdk/google", "/v1beta", "{}"},
    {"AzureResponses", "@ai-sdk/azure", "/openai", "{}"},
    {"AzureChat", "@ai-sdk/azure", "/openai", R"({"useCompletionUrls":true,"apiVersion":"2025-04-01-preview"})"},
    {"AzureDeployment", "@ai-sdk/azure", "/openai", R"({"useCompletionUrls":true,"useDeploymentBasedUrls":true})"},
    {"Bedrock", "@ai-sdk/amazon-bedrock", "",
     R"({"region":"eu-central-1","accessKeyId":"AKIDEXAMPLE","secretAccessKey":"scripted-secret"})",
     R"({"reasoningConfig":{"type":"enabled","budgetTokens":2000}})"},
    {"BedrockWithToken", "@ai-sdk/amazon-bedrock", "", "{}"},
};

class EveryProtocol : public testing::ScriptedModelFixture, public ::testing::WithParamInterface<Wire> {
 protected:
  ModelRequest request(std::string text) {
    const Wire& wire = GetParam();
    auto url = model_->base_url();
    url.resize(url.size() - 3);
    const bool signs = wire.options.contains("secretAccessKey");
    ModelRequest request{.provider = {.id = "p",
                                      .protocol = protocol_of_npm(wire.npm),
                                      .npm = wire.npm,
                                      .base_url = url + wire.path,
                                      .api_key = signs ? "" : "key",
                                      .options = {wire.options}},
                         .model = {.id = "m",
                                   .provider_id = "p",
                                   .api_id = wire.npm == "@ai-sdk/google" ? "gemini-3-pro" : "anthropic.claude-v1:0",
                                   .reasoning = true,
                                   .attachment = true,
                                   .output_tokens = 16'000,
                                   .options = {wire.model_options}},
                         .output_tokens_max = 8'000,
                         .session_id = "ses_test",
                         .first_byte_timeout_ms = 5'000,
                         .idle_timeout_ms = 5'000};
    request.tools = {{"bash", "Runs a command.", {R"({"type":"object","properties":{"command":{"type":"string"}}})"}},
                     {"read", "Reads a file.", {R"({"type":"object","properties":{"path":{"type":"string"}}})"}}};
    request.messages = {
        {Role::system, {TextContent{"Be brief."}}},
        {Role::user, {TextContent{std::move(text)}, FileContent{"image/png", std::string(kPixel), "dot.png"}}}};
    return request;
  }
  Outcome ask(const ModelRequest& asked) {
    sink_ = {};
    return run(protocols_.at(asked.provider.protocol)->stream(asked, sink_, {}));
  }
  // The step as the session stores it and shows it to the model again.
  void append_step(ModelRequest& request, std::string said_by = "p/m") const {
    ChatMessage said{.role = Role::assistant, .content = {}, .said_by = std::move(said_by)};
    ChatMessage results{.role = Role::tool, .content = {}};
    for (const auto& part : sink_.parts) {
      if (part.kind == "text") said.content.push_back(TextContent{part.text, part.metadata});
      if (part.kind == "reasoning") said.content.push_back(ReasoningContent{part.text, part.metadata});
      if (part.kind != "call") continue;
      said.content.push_back(ToolCallContent{part.id, part.name, {part.text}, part.metadata});
      results.content.push_back(ToolResultContent{.id = part.id, .name = part.name, .output = "done: " + part.name});
    }
    request.messages.push_back(std::move(said));
    request.messages.push_back(std::move(results));
  }

  // Messages are shared and do not change: a changed one takes the place of the old.
  static void change(ModelRequest& request, std::size_t index, const std::function<void(Content&)>& edit) {
    ChatMessages changed;
    for (std::size_t i = 0; i < request.messages.size(); ++i) {
      auto message = request.messages[i];
      for (auto& content : message.content) {
        if (i == index) edit(content);
      }
      changed.push_back(std::move(message));
    }
    request.messages = std::move(changed);
  }

  std::map<std::string, std::unique_ptr<Provider>> protocols_ = make_protocols(*loop_, *client_);
  PartSink sink_;
};

constexpr std::string_view kTwoSteps =
    "REASON\nPRE\nCACHED:40\nTOOL:[[\"bash\",{\"command\":\"ls -l "
    "ü\"}],[\"read\",{}]]\nTOOL:[[\"bash\",{\"command\":\"two\"}]]";

TEST_P(EveryProtocol, CarriesAConversationWithThoughtsParallelCallsAndAnImage) {
  auto asked = request(std::string(kTwoSteps));
  for (int step = 0; step < 2; ++step) {
    const auto outcome = ask(asked);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->reason, "tool-calls");
    EXPECT_EQ(outcome->tokens.input, 60);
    EXPECT_EQ(outcome->tokens.cache_read, 40);
    EXPECT_EQ(outcome->tokens.output + outcome->tokens.reasoning, 8);
    EXPECT_EQ(outcome->tokens.total, 108);
    ASSERT_EQ(sink_.of("reasoning").size(), 1u);
    EXPECT_EQ(sink_.of("reasoning")[0].text, "think0 think1 think2 ");
    EXPECT_EQ(sink_.text(), "I will call a tool. ");
    const auto calls = sink_.of("call");
    ASSERT_EQ(calls.size(), step == 0 ? 2u : 1u);
    EXPECT_EQ(calls[0].name, "bash");
    EXPECT_EQ(calls[0].text, step == 0 ? R"({"command":"ls -l ü"})" : R"({"command":"two"})");
    if (step == 0) {
      EXPECT_EQ(calls[1].name, "read");
      EXPECT_EQ(calls[1].text, "{}");
      EXPECT_NE(calls[0].id, calls[1].id);
    }
    append_step(asked);
    // A tool that shows an image.
    change(asked, asked.messages.size() - 1, [](Content& content) {
      std::get<ToolResultContent>(content).files = {{"image/png", std::string(kPixel), {}}};
    });
  }
  const auto outcome = ask(asked);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->reason, "stop");
  EXPECT_EQ(sink_.text(), "Done.");
  // And the next turn.
  asked.messages.push_back({Role::assistant, {TextContent{"Done."}}, "p/m"});
  asked.messages.push_back({Role::user, {TextContent{"WORDS:2"}}});
  ASSERT_TRUE(ask(asked));
  EXPECT_EQ(sink_.text(), "word0 word1 ");
}

TEST_P(EveryProtocol, GoesOnWhereAnotherModelStopped) {
  auto asked = request(std::string(kTwoSteps));
  const auto first = ask(asked);
  ASSERT_TRUE(first) << first.error().message;
  append_step(asked, "other/model");
  change(asked, asked.messages.size() - 2, [](Content& content) {
    if (auto* call = std::get_if<ToolCallContent>(&content)) call->id = "öther:" + call->id;
    if (auto* thought = std::get_if<ReasoningContent>(&content)) {
      thought->metadata = domain::JsonText{R"({"anthropic":{"signature":"x"},"openai":{"reasoningEncryptedContent":"x"},
          "google":{"thoughtSignature":"x"},"bedrock":{"signature":"x"}})"};
    }
  });
  change(asked, asked.messages.size() - 1, [](Content& content) {
    auto& result = std::get<ToolResultContent>(content);
    result.id = "öther:" + result.id;
    result.error = true;
  });
  const auto outcome = ask(asked);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(sink_.of("call").at(0).text, R"({"command":"two"})");
}

TEST_P(EveryProtocol, TellsAHistoryOfCallsWithoutOfferingTools) {
  auto asked = request(std::string(kTwoSteps));
  ASSERT_TRUE(ask(asked));
  append_step(asked);
  asked.tools.clear();
  asked.messages.push_back({Role::user, {TextContent{"WORDS:1"}}});
  const auto outcome = ask(asked);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(sink_.text(), "word0 ");
}

TEST_P(EveryProtocol, EndsByLengthByRefusalAndByFilter) {
  EXPECT_EQ(ask(request("LEN"))->reason, "length");
  EXPECT_EQ(ask(request("FILTER"))->reason, "content-filter");
  const auto refused = ask(request("REFUSE"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->reason, "content-filter");
  EXPECT_EQ(sink_.text(), "I cannot help with that.");
}

TEST_P(EveryProtocol, GivesEveryFailureItsKind) {
  const std::tuple<const char*, Kind, bool> table[] = {{"ERR:429\nRETRYAFTER:7", Kind::rate_limited, true},
                                                       {"ERR:401", Kind::auth, false},
                                                       {"ERR:403", Kind::auth, false},
                                                       {"ERR:404", Kind::not_found, false},
                                                       {"ERR:400", Kind::invalid_request, false},
                                                       {"ERR:500", Kind::overloaded, true},
                                                       {"ERR:503", Kind::overloaded, true},
                                                       {"ERR:529", Kind::overloaded, true},
                                                       {"FAULT:overflow", Kind::context_overflow, false},
                                                       {"FAULT:reset", Kind::network, true},
                                                       {"FAULT:reset-mid", Kind::network, true},
                                                       {"FAULT:eof-mid", Kind::network, true},
                                                       {"FAULT:html", Kind::malformed, false},
                                                       {"FAULT:badjson", Kind::malformed, true},
                                                       {"FAULT:errobj", Kind::overloaded, true},
                                                       {"FAULT:empty", Kind::malformed, true}};
  for (const auto& [text, kind, retryable] : table) {
    const auto outcome = ask(request(text));
    ASSERT_FALSE(outcome) << text;
    EXPECT_EQ(outcome.error().kind, kind) << text << ": " << outcome.error().message;
    EXPECT_EQ(outcome.error().retryable, retryable) << text << ": " << outcome.error().message;
    if (kind == Kind::rate_limited) EXPECT_EQ(outcome.error().retry_after_ms, 7'000);
  }
}

TEST_P(EveryProtocol, DoesNotWaitForEver) {
  for (const char* fault : {"FAULT:hang", "FAULT:hang-mid"}) {
    auto asked = request(fault);
    asked.first_byte_timeout_ms = asked.idle_timeout_ms = 150;
    const auto outcome = ask(asked);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, Kind::timeout) << outcome.error().message;
  }
}

TEST_P(EveryProtocol, IsFastEnoughForTheBench) {
  const auto outcome = ask(request("[[bench deltas=500 think=3 size=64]]"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(std::ranges::count(sink_.text(), '@'), 500);
  EXPECT_EQ(std::ranges::count(sink_.of("reasoning").at(0).text, '@'), 3);
}

INSTANTIATE_TEST_SUITE_P(All, EveryProtocol, ::testing::ValuesIn(kWires),
                         [](const auto& each) { return each.param.name; });

using Claude = EveryProtocol;
TEST_P(Claude, SendsRedactedThoughtsBack) {
  auto asked = request("REDACTED\nTOOL:[[\"bash\",{}]]");
  ASSERT_TRUE(ask(asked));
  const auto thoughts = sink_.of("reasoning");
  ASSERT_EQ(thoughts.size(), 2u);
  EXPECT_EQ(thoughts[1].text, "");
  EXPECT_TRUE(thoughts[1].metadata->text.contains("redactedData"));
  append_step(asked);
  const auto outcome = ask(asked);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(sink_.text(), "Done.");
}
TEST_P(Claude, IsRefusedWhenAThoughtWasChanged) {
  auto asked = request("REASON\nTOOL:[[\"bash\",{}]]");
  ASSERT_TRUE(ask(asked));
  append_step(asked);
  change(asked, 2, [](Content& content) {
    if (auto* thought = std::get_if<ReasoningContent>(&content)) thought->text += "!";
  });
  const auto outcome = ask(asked);
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error().message.contains("Invalid `signature`")) << outcome.error().message;
}
INSTANTIATE_TEST_SUITE_P(All, Claude, ::testing::Values(kWires[4]), [](const auto& each) { return each.param.name; });

// ---------------------------------------------------------------------------------- the same, however it is cut

struct Reader {
  std::string name;
  const scripted::Speech& speech;
  std::function<std::unique_ptr<protocol::Decoder>(ModelSink&, Random&)> decoder;
  std::function<std::unique_ptr<protocol::Framing>()> framing;
};

std::vector<Reader> readers() {
  const auto plain = [](std::unique_ptr<protocol::Decoder> (*make)(ModelSink&)) {
    return [make](ModelSink& sink, Random&) { return make(sink); };
  };
  return {{"chat", scripted::chat_speech(), chat_completions::make_decoder, protocol::sse_framing},
          {"responses", scripted::responses_speech(), plain(responses::make_decoder), protocol::sse_framing},
          {"messages", scripted::messages_speech(), plain(messages::make_decoder), protocol::sse_framing},
          {"gemini", scripted::gemini_speech(), gemini::make_decoder, protocol::sse_framing},
          {"converse", scripted::converse_speech(), plain(bedrock::make_decoder), bedrock::make_framing}};
}

struct Read {
  std::vector<Part> parts;
  Outcome outcome;
  bool operator==(const Read&) const = default;
};

Read read(const Reader& reader, const std::vector<std::string_view>& pieces) {
  PartSink sink;
  const auto decoder = reader.decoder(sink, system_random());
  const auto framing = reader.framing();
  for (const auto piece : pieces) {
    framing->feed(piece);
    while (auto event = framing->next()) decoder->on_event(*event);
  }
  return {sink.parts, decoder->finish()};
}

std::string stream_of(const Reader& reader, const scripted::Script& script) {
  const auto writer = reader.speech.writer(script, "m");
  const auto frames = scripted::frames_of(script, *writer);
  return scripted::joined(frames.before) + scripted::joined(frames.after);
}

const scripted::Script kScript{.reasoning = {"let me ", "sée"},
                               .text = {"I will ", "call ☂\n"},
                               .calls = {{"bash", R"({"command":"echo \"hi\" ü"})"}, {"read", R"({"path":"/a"})"}},
                               .finish = "tool_calls",
                               .cached_tokens = 30};

TEST(CutAnywhere, GivesTheSameAnswer) {
  for (const auto& reader : readers()) {
    const auto bytes = stream_of(reader, kScript);
    const auto whole = read(reader, {bytes});
    ASSERT_TRUE(whole.outcome) << reader.name;
    EXPECT_EQ(whole.outcome->reason, "tool-calls") << reader.name;
    ASSERT_EQ(whole.parts.size(), 4u) << reader.name;
    EXPECT_EQ(whole.parts[0].text, "let me sée");
    EXPECT_EQ(whole.parts[1].text, "I will call ☂\n");
    EXPECT_EQ(whole.parts[2].text, R"({"command":"echo \"hi\" ü"})");
    EXPECT_EQ(whole.parts[3].name, "read");
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const std::string_view all = bytes;
      ASSERT_EQ(read(reader, {all.substr(0, cut), all.substr(cut)}), whole) << reader.name << " cut at " << cut;
    }
    std::vector<std::string_view> single;
    for (std::size_t i = 0; i < bytes.size(); ++i) single.push_back(std::string_view(bytes).substr(i, 1));
    EXPECT_EQ(read(reader, single), whole) << reader.name;
  }
}

TEST(CutAnywhere, GivesTheSameErrorInTheStream) {
  auto script = kScript;
  script.fault = scripted::Fault::error_object;
  for (const auto& reader : readers()) {
    const auto bytes = stream_of(reader, script);
    const auto whole = read(reader, {bytes});
    ASSERT_FALSE(whole.outcome) << reader.name;
    EXPECT_EQ(whole.outcome.error().kind, Kind::overloaded) << reader.name;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const std::string_view all = bytes;
      ASSERT_EQ(read(reader, {all.substr(0, cut), all.substr(cut)}), whole) << reader.name << " cut at " << cut;
    }
  }
}

// An answer that is cut off is never taken for a whole one, wherever that happens before its end is known.
TEST(CutOff, IsNeverAWholeAnswerBeforeItsEnd) {
  for (const auto& reader : readers()) {
    const auto writer = reader.speech.writer(kScript, "m");
    auto frames = scripted::frames_of(kScript, *writer);
    const auto end = scripted::joined(frames.before).size() + scripted::joined(frames.after).size() - [&] {
      auto last = reader.speech.writer(kScript, "m");
      return scripted::joined(last->finish()).size();
    }();
    const auto bytes = scripted::joined(frames.before) + scripted::joined(frames.after);
    // Up to a few bytes of slack for ids and sequence numbers in the last frames.
    for (std::size_t size = 0; size + 64 < end; size += 7) {
      const auto outcome = read(reader, {std::string_view(bytes).substr(0, size)}).outcome;
      ASSERT_FALSE(outcome) << reader.name << " after " << size << " bytes";
      ASSERT_TRUE(outcome.error().retryable) << reader.name;
    }
  }
}

}  // namespace
}  // namespace quarterdeck::llm
