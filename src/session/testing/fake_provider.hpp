// A model provider for engine tests: plays the answers it was given, one a call, and keeps the requests.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "llm/provider.hpp"

namespace quarterdeck::session::testing {

struct FakeAnswer {
  std::vector<llm::ModelEvent> events;
  llm::ModelFinish finish{.reason = "stop", .tokens = {.input = 10, .output = 5}};
  std::optional<llm::ModelError> error;  // after the events, instead of the finish
  bool hang = false;                     // after the events: until stopped
};

inline FakeAnswer says(std::string text) { return {.events = {llm::TextDelta{std::move(text)}}}; }
inline FakeAnswer calls(std::string tool, std::string arguments, std::string id = "call_1") {
  return {
      .events = {llm::ToolCallStarted{0, std::move(id), std::move(tool)}, llm::ToolCallDelta{0, std::move(arguments)}},
      .finish = {.reason = "tool-calls"}};
}
inline FakeAnswer fails(llm::ModelError error) { return {.error = std::move(error)}; }

class FakeProvider final : public llm::Provider {
 public:
  explicit FakeProvider(Loop& loop) : loop_(loop) {}

  void answer(FakeAnswer answer) { answers_.push_back(std::move(answer)); }
  const std::vector<llm::ModelRequest>& requests() const { return requests_; }
  bool streaming() const { return streaming_; }

  Task<std::expected<llm::ModelFinish, llm::ModelError>> stream(llm::ModelRequest request, llm::ModelSink& sink,
                                                                std::stop_token stop) override {
    requests_.push_back(std::move(request));
    FakeAnswer answer = says("(no more answers)");
    if (!answers_.empty()) {
      answer = std::move(answers_.front());
      answers_.pop_front();
    }
    for (llm::ModelEvent& event : answer.events) sink.on_event(std::move(event));
    if (answer.hang) {
      streaming_ = true;
      co_await sleep_ms(loop_, 60'000, stop);
      streaming_ = false;
      co_return std::unexpected(llm::ModelError{.kind = llm::ModelError::Kind::cancelled, .message = "stopped"});
    }
    // A real answer takes at least one turn of the loop.
    co_await sleep_ms(loop_, 0);
    if (answer.error) co_return std::unexpected(std::move(*answer.error));
    co_return std::move(answer.finish);
  }

 private:
  Loop& loop_;
  std::deque<FakeAnswer> answers_;
  std::vector<llm::ModelRequest> requests_;
  bool streaming_ = false;
};

}  // namespace quarterdeck::session::testing
