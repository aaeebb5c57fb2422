#include "llm/scripted_model.hpp"

#include <deque>
#include <map>

#include "base/async.hpp"
#include "base/paths.hpp"
#include "llm/chat_completions.hpp"
#include "llm/scripted/answer_stream.hpp"
#include "llm/scripted/decide.hpp"
#include "net/http_server.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm {
namespace scripted {
namespace {

constexpr std::size_t kRequestsKept = 100;
constexpr std::size_t kRequestBytesKept = 8 * 1024 * 1024;
constexpr std::int64_t kHangMsMax = 10 * 60 * 1000;
constexpr std::int64_t kGraceMs = 1'000;
constexpr std::string_view kJson = "application/json";

// Shared by the server and every request that still runs when the server goes.
struct State {
  State(Loop& owner, std::optional<Scenario> rules) : loop(owner), scenario(std::move(rules)) {}

  Loop& loop;
  std::optional<Scenario> scenario;
  Memory memory;
  std::stop_source stop;  // ends hanging requests
  std::uint64_t requests = 0;
  std::map<std::string, std::uint64_t> kinds;
  std::deque<std::string> bodies;
  std::size_t body_bytes = 0;

  ScenarioModel model() const { return scenario ? scenario->model : ScenarioModel{}; }

  void keep(std::string body) {
    body_bytes += body.size();
    bodies.push_back(std::move(body));
    while (bodies.size() > 1 && (bodies.size() > kRequestsKept || body_bytes > kRequestBytesKept)) {
      body_bytes -= bodies.front().size();
      bodies.pop_front();
    }
  }
};

net::Response json(int status, std::string body) {
  return {.status = status, .headers = {{"Content-Type", std::string(kJson)}}, .body = std::move(body)};
}

std::string models_document(const State& state) {
  const auto model = state.model();
  return fmt::format(
      R"({{"object":"list","data":[{{"id":{},"object":"model","created":1,"owned_by":"quarterdeck","name":{}}}]}})",
      wire::quoted(model.id), wire::quoted(model.name));
}

std::string stats_document(const State& state) {
  std::string kinds;
  for (const auto& [kind, count] : state.kinds) {
    kinds += fmt::format("{}{}:{}", kinds.empty() ? "" : ",", wire::quoted(kind), count);
  }
  return fmt::format(R"({{"requests":{},"kinds":{{{}}}}})", state.requests, kinds);
}

std::string requests_document(const State& state) {
  std::string out = "[";
  for (const auto& body : state.bodies) {
    if (out.size() > 1) out += ',';
    out += wire::parse(body) ? body : wire::quoted(body);
  }
  return out + "]";
}

Task<net::Response> answer(std::shared_ptr<State> state, net::Request request) {
  ++state->requests;
  auto conversation = read_conversation(request.body);
  if (!conversation) {
    ++state->kinds["invalid"];
    co_return json(400, error_document(400, conversation.error().message));
  }
  if (const auto* session = request.header("x-session-affinity")) conversation->session = *session;
  state->keep(std::move(request.body));
  auto script = decide(*conversation, state->scenario ? &*state->scenario : nullptr, state->memory);
  ++state->kinds[script.kind];

  if (script.fault == Fault::hang) {
    co_await sleep_ms(state->loop, kHangMsMax, state->stop.get_token());
    co_return json(503, error_document(503, "the scripted silence is over"));
  }
  if (script.fault == Fault::html) {
    co_return net::Response{.headers = {{"Content-Type", "text/html"}},
                            .body = "<!doctype html><html><title>Sign in</title><p>Not a model.</html>"};
  }
  if (script.status != 200) {
    auto response = json(script.status, error_document(script.status, script.error));
    if (script.retry_after_s) response.headers.push_back({"Retry-After", std::to_string(*script.retry_after_s)});
    co_return response;
  }
  std::string model = conversation->model.empty() ? state->model().id : conversation->model;
  if (!conversation->stream) co_return json(200, document_of(script, model));
  co_return net::Response{.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-cache"}},
                          .body = std::make_unique<AnswerStream>(state->loop, system_clock(), std::move(script),
                                                                 std::move(model), state->requests)};
}

Task<net::Response> handle(std::shared_ptr<State> state, net::Request request) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.method == "POST" && request.path == "/v1/chat/completions") {
    co_return co_await answer(std::move(state), std::move(request));
  }
  if (get && request.path == "/v1/models") co_return json(200, models_document(*state));
  if (get && request.path == "/stats") co_return json(200, stats_document(*state));
  if (get && request.path == "/requests") co_return json(200, requests_document(*state));
  if (request.method == "POST" && request.path == "/reset") {
    state->memory.clear();
    state->kinds.clear();
    state->bodies.clear();
    state->body_bytes = state->requests = 0;
    co_return json(200, "{}");
  }
  co_return json(404, error_document(404, fmt::format("there is no {} {} here", request.method, request.path)));
}

class Server final : public ScriptedModel {
 public:
  Server(std::shared_ptr<State> state, std::string host, std::unique_ptr<net::HttpServer> http)
      : state_(std::move(state)), host_(std::move(host)), http_(std::move(http)) {}
  ~Server() override { state_->stop.request_stop(); }

  std::uint16_t port() const override { return http_->port(); }
  std::string base_url() const override { return fmt::format("http://{}:{}/v1", host_, port()); }

  domain::ProviderInfo provider() const override {
    const auto about = state_->model();
    domain::ModelInfo model{.id = about.id,
                            .provider_id = "scripted",
                            .api_id = about.id,
                            .name = about.name,
                            .family = "scripted",
                            .tool_call = true,
                            .reasoning = true,
                            .attachment = true,
                            .context_tokens = 200'000,
                            .output_tokens = 32'000};
    return {.id = "scripted",
            .name = "Scripted model",
            .source = "builtin",
            .protocol = std::string(kOpenAiChat),
            .npm = "@ai-sdk/openai-compatible",
            .base_url = base_url(),
            .models = {{about.id, std::move(model)}}};
  }

  Task<void> shutdown() override {
    state_->stop.request_stop();
    // Those that hang have just been told to end; nobody else takes long.
    co_await http_->shutdown(kGraceMs);
  }

 private:
  std::shared_ptr<State> state_;
  std::string host_;
  std::unique_ptr<net::HttpServer> http_;
};

}  // namespace
}  // namespace scripted

Result<std::unique_ptr<ScriptedModel>> start_scripted_model(net::EventLoop& loop, ScriptedModelOptions options) {
  std::optional<scripted::Scenario> scenario;
  if (options.scenario_file) {
    TRY(options.scenario_text, read_file(*options.scenario_file));
  }
  if (!options.scenario_text.empty()) {
    const auto file = options.scenario_file ? options.scenario_file->string() : "scenario";
    TRY(scenario, scripted::parse_scenario(options.scenario_text, file));
  }
  auto state = std::make_shared<scripted::State>(loop, std::move(scenario));
  net::ServerOptions server{.host = options.host, .port = options.port};
  server.limits.body_bytes_max = 64 * 1024 * 1024;
  server.limits.write_timeout_ms = 10 * 60 * 1000;  // a hanging stream writes nothing for long, on purpose
  auto handler = [state](net::Request request) { return scripted::handle(state, std::move(request)); };
  TRY(auto http, net::listen(loop, std::move(server), std::move(handler)));
  return std::make_unique<scripted::Server>(std::move(state), std::move(options.host), std::move(http));
}

}  // namespace quarterdeck::llm
