// The built-in scripted model: a real HTTP server that speaks the chat completions protocol and answers from a script.
// It stands in for a language model in the demo, in tests and in benchmarks. What it answers: scripted/decide.hpp; the
// directives in scripted/directives.hpp; the scenario file in scripted/scenario.hpp.
//   POST /v1/chat/completions    GET /v1/models    GET /stats    GET /requests (the last bodies)    POST /reset
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/model.hpp"
#include "net/event_loop.hpp"

namespace quarterdeck::llm {

// The scenario of `make run`, which repairs the sample project's bug, is `kDemoScenario` in
// llm/embedded/kDemoScenario.hpp, made from scripted/demo.json.

struct ScriptedModelOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0 = any free one
  std::optional<std::filesystem::path> scenario_file;
  std::string scenario_text;  // instead of a file; neither = directives and default words only
};

class ScriptedModel {
 public:
  virtual ~ScriptedModel() = default;
  virtual std::uint16_t port() const = 0;
  virtual std::string base_url() const = 0;  // http://127.0.0.1:<port>/v1
  // The provider "scripted" with its one model, labelled as what it is.
  virtual domain::ProviderInfo provider() const = 0;
  virtual Task<void> shutdown() = 0;
};

// Errors: those of net::listen; `not_found` and `invalid` for the scenario file, naming file, place and expectation.
Result<std::unique_ptr<ScriptedModel>> start_scripted_model(net::EventLoop& loop, ScriptedModelOptions options = {});

}  // namespace quarterdeck::llm
