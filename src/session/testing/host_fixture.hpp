// The engine over the real store and feed, with a model and tools that do as they are told; it can be restarted.
#pragma once

#include <gtest/gtest.h>

#include "base/testing/test_loop.hpp"
#include "session/host.hpp"
#include "session/instance.hpp"
#include "session/testing/fake_provider.hpp"
#include "store/open.hpp"
#include "store/testing/samples.hpp"
#include "tools/testing/fixture.hpp"

namespace quarterdeck::session::testing {

using namespace domain;

// Answers with its own input; the word "wait" in it makes it wait until it is stopped.
class EchoTool final : public tools::Tool {
 public:
  explicit EchoTool(std::vector<std::string>& runs) : runs_(runs) {}
  std::string_view name() const override { return "echo"; }
  std::string_view description() const override { return "Says its input"; }
  std::string_view parameters() const override { return R"({"type":"object"})"; }
  Task<tools::ToolResult> run(JsonText input, tools::ToolContext& context) override {
    auto allowed = co_await context.host.ask({.permission = "echo", .patterns = {input.text}, .always = {"*"}});
    if (!allowed) co_return std::unexpected(allowed.error());
    runs_.push_back(input.text);
    if (input.text.contains("wait")) {
      context.host.progress({}, JsonText{R"({"output":"so far"})"});
      co_await sleep_ms(context.loop, 60'000, context.stop);
      co_return std::unexpected(tools::ToolFailure{.kind = tools::ToolFailure::Kind::cancelled, .message = "stopped"});
    }
    co_return tools::ToolOutput{.title = "echo", .output = input.text};
  }

 private:
  std::vector<std::string>& runs_;
};

class HostFixture : public ::testing::Test {
 protected:
  HostFixture() { start(); }
  ~HostFixture() override { stop(); }

  void start() {
    shutdown_ = std::stop_source();
    auto opened = store::open_sqlite(loop_, system_clock(), system_random(), {.directory = dir_.path() / "data"});
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
    feed_ = std::make_unique<feed::Feed>(
        loop_, *pool_, system_clock(), system_random(),
        [this](store::Seq after, std::int64_t limit) { return store_->query().events_after(after, limit); }, 0);
    instances_ = std::make_unique<Instances>(loop_, *pool_, processes_, places(),
                                             [](config::Config) { return fake_providers(); });
    std::vector<std::shared_ptr<tools::Tool>> list;
    list.push_back(std::make_unique<EchoTool>(runs_));
    tools_.emplace(std::move(list));
    engine_.emplace(Engine{.loop = loop_,
                           .pool = *pool_,
                           .clock = system_clock(),
                           .ids = ids_,
                           .store = store_->events(),
                           .query = store_->query(),
                           .feed = *feed_,
                           .protocols = {{"fake", &provider_}},
                           .tools = *tools_,
                           .processes = processes_,
                           .instances = *instances_,
                           .places = places(),
                           .options = options_,
                           .shutdown = shutdown_.get_token()});
    host_ = std::make_unique<Host>(*engine_);
  }
  void stop() {
    shutdown_.request_stop();
    loop_.run_until(host_->shutdown());
    host_.reset();
    feed_.reset();
    store_.reset();
  }
  void restart() {
    stop();
    start();
    ASSERT_TRUE(loop_.run_until(host_->recover()));
  }

  static Task<std::vector<ProviderInfo>> fake_providers() {
    ProviderInfo provider{.id = "fake", .name = "Fake", .protocol = "fake"};
    provider.models["model"] = {
        .id = "model", .provider_id = "fake", .api_id = "model", .prices = {.input = 1, .output = 2}};
    co_return std::vector{provider};
  }
  Places places() const {
    return {.home = dir_.path(),
            .data = dir_.path() / "data",
            .config = dir_.path() / "c",
            .opencode_config = dir_.path() / "o"};
  }

  SessionId open(Ruleset rules = {}) {
    CreateSession command{.directory = dir_.path().string(), .title = "a title"};
    if (!rules.empty()) command.permission = std::move(rules);
    return loop_.run_until(host_->create(std::move(command)))->id;
  }
  static Prompt saying(std::string text) { return {.parts = {{.content = TextPart{.text = std::move(text)}}}}; }
  MessageId admit(const SessionId& id, std::string text) {
    return *loop_.run_until(host_->prompt(id, saying(std::move(text))));
  }
  MessageId send(const SessionId& id, std::string text, Delivery delivery) {
    Prompt prompt = saying(std::move(text));
    prompt.delivery = delivery;
    return *loop_.run_until(host_->prompt(id, std::move(prompt)));
  }
  // Answers what is being asked.
  void allow_for_good(const SessionId& id) {
    ASSERT_TRUE(loop_.run_until(store_->events().append(
        store::Batch{id, dir_.path().string(), "global", {RulesSaved{{{"rule_1", "echo", "*"}}}}})));
  }
  void allow(const SessionId& id) {
    for (const auto& request : *store_->query().open_requests(id)) {
      ASSERT_TRUE(loop_.run_until(host_->reply({.request_id = request.id, .reply = Reply::once, .message = {}})));
    }
  }
  // What each answer is an answer to, in the order of the answers.
  std::vector<MessageId> parents(const SessionId& id) {
    std::vector<MessageId> out;
    for (const auto& message : history(id)) {
      if (const auto* assistant = std::get_if<AssistantMessage>(&message.info)) out.push_back(assistant->parent_id);
    }
    return out;
  }
  Result<MessageId> answer(const SessionId& id, const MessageId& prompt) {
    return loop_.run_until(host_->answer(id, prompt));
  }
  AssistantMessage say(const SessionId& id, std::string text) {
    const auto last = answer(id, admit(id, std::move(text)));
    return std::get<AssistantMessage>(store_->query().message(id, *last)->info);
  }
  std::vector<MessageWithParts> history(const SessionId& id) { return *store_->query().history(id); }
  template <class P>
  std::vector<P> parts(const SessionId& id) {
    std::vector<P> out;
    for (const auto& message : history(id)) {
      for (const auto& part : message.parts) {
        if (const auto* content = std::get_if<P>(&part.content)) out.push_back(*content);
      }
    }
    return out;
  }
  void until(std::function<bool()> so) {
    loop_.run_while([&] { return !so(); });
  }

  store::testing::TempDir dir_;
  quarterdeck::testing::TestLoop loop_;
  std::unique_ptr<BlockingPool> pool_ = make_blocking_pool(2);
  IdSource ids_{system_clock(), system_random()};
  tools::testing::NoProcesses processes_;
  FakeProvider provider_{loop_};
  EngineOptions options_{.version = "test"};
  std::vector<std::string> runs_;
  std::stop_source shutdown_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<feed::Feed> feed_;
  std::unique_ptr<Instances> instances_;
  std::optional<tools::Registry> tools_;
  std::optional<Engine> engine_;
  std::unique_ptr<Host> host_;
};

}  // namespace quarterdeck::session::testing
