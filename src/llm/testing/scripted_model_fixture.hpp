// A test that talks to the scripted model over real sockets.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "base/async.hpp"
#include "llm/scripted_model.hpp"
#include "net/event_loop.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::llm::testing {

class ScriptedModelFixture : public ::testing::Test {
 protected:
  ScriptedModelFixture() : loop_(net::make_event_loop()), client_(net::make_http_client(*loop_)) {
    auto model = start_scripted_model(*loop_);
    EXPECT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
  }

  // Connections end on the loop: without this they would outlive it.
  void TearDown() override { run(finish(*model_)); }
  static Task<Unit> finish(ScriptedModel& model) {
    co_await model.shutdown();
    co_return Unit{};
  }

  // Runs the loop until `task` is done.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> value;
    TaskGroup group(*loop_);
    auto work = [](Task<T> inner, std::optional<T>& out, net::EventLoop& loop) -> Task<void> {
      out.emplace(co_await std::move(inner));
      loop.stop();
    };
    group.spawn(work(std::move(task), value, *loop_));
    // A fresh run of the loop: what the last one left behind was finished by its end.
    loop_->run();
    return std::move(*value);
  }

  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<ScriptedModel> model_;
};

}  // namespace quarterdeck::llm::testing
