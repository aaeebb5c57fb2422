#include "llm/scripted_model.hpp"

#include <ctime>
#include <deque>
#include <map>

#include "base/async.hpp"
#include "base/paths.hpp"
#include "llm/bedrock/crypto_library.hpp"
#include "llm/bedrock/sigv4.hpp"
#include "llm/chat_completions.hpp"
#include "llm/protocols.hpp"
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

// The secret is the one that every client of the scripted model uses: scripted-secret.
bool signature_holds(const net::Request& request, std::string_view authorization) {
  const auto member = [&](std::string_view name) {
    const auto at = authorization.find(name);
    if (at == std::string_view::npos) return std::string_view();
    const auto rest = authorization.substr(at + name.size());
    return rest.substr(0, rest.find_first_of(", "));
  };
  if (!bedrock::load_crypto()) return false;
  const auto* date = request.header("x-amz-date");
  const auto credential = member("Credential=");
  std::tm parts{};
  if (!date || !::strptime(date->c_str(), "%Y%m%dT%H%M%SZ", &parts)) return false;
  std::vector<std::string_view> scope;  // key id, day, region, service, aws4_request
  for (auto rest = credential; !rest.empty();) {
    const auto slash = rest.find('/');
    scope.push_back(rest.substr(0, slash));
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
  }
  if (scope.size() != 5) return false;
  const auto* host = request.header("host");
  const auto query = request.target.find('?');
  bedrock::SignedRequest covered{.method = request.method,
                                 .host = host ? *host : "",
                                 .path = request.target.substr(0, query),
                                 .query = query == std::string::npos ? "" : request.target.substr(query + 1),
                                 .body = request.body};
  for (auto names = member("SignedHeaders="); !names.empty();) {
    const auto end = names.find(';');
    const auto name = names.substr(0, end);
    names.remove_prefix(end == std::string_view::npos ? names.size() : end + 1);
    const auto* value = request.header(name);
    if (value && name != "host") covered.headers.push_back({std::string(name), *value});
  }
  const bedrock::AwsKeys keys{std::string(scope[0]), "scripted-secret", ""};
  const auto added = bedrock::sign(covered, keys, {std::string(scope[2]), std::string(scope[3])},
                                   static_cast<TimeMs>(::timegm(&parts)) * 1000);
  return net::find_header(added, "authorization")->ends_with(std::string(member("Signature=")));
}

// Where a request goes: the protocol, and what of it stands in the path.
struct Address {
  const Speech* speech = nullptr;
  std::string model;
  std::optional<bool> streams;  // where the path says it
  bool azure = false;
};

std::optional<Address> address_of(std::string_view path) {
  if (path == "/v1/chat/completions") return Address{&chat_speech(), {}, {}};
  if (path == "/v1/responses") return Address{&responses_speech(), {}, {}};
  if (path == "/v1/messages") return Address{&messages_speech(), {}, {}};
  const auto between = [&](std::string_view before, std::string_view after) -> std::optional<std::string> {
    if (!path.starts_with(before) || !path.ends_with(after) || path.size() <= before.size() + after.size()) return {};
    return std::string(path.substr(before.size(), path.size() - before.size() - after.size()));
  };
  for (const std::string_view version : {"/v1beta", "/v1"}) {
    const auto models = fmt::format("{}/models/", version);
    if (auto model = between(models, ":streamGenerateContent")) return Address{&gemini_speech(), *model, true};
    if (auto model = between(models, ":generateContent")) return Address{&gemini_speech(), *model, false};
  }
  if (auto model = between("/model/", "/converse-stream")) return Address{&converse_speech(), *model, true};
  if (auto model = between("/model/", "/converse")) return Address{&converse_speech(), *model, false};
  if (path == "/openai/v1/chat/completions") return Address{&chat_speech(), {}, {}, true};
  if (path == "/openai/v1/responses") return Address{&responses_speech(), {}, {}, true};
  if (auto model = between("/openai/deployments/", "/chat/completions"))
    return Address{&chat_speech(), *model, {}, true};
  if (auto model = between("/openai/deployments/", "/responses")) return Address{&responses_speech(), *model, {}, true};
  return std::nullopt;
}

// What the real services look at before the body. Keys are anything; a signature must be right.
std::optional<std::string> denial(const net::Request& request, const Address& address) {
  const auto* authorization = request.header("authorization");
  if (address.azure) {
    if (!request.header("api-key") && !authorization) return "Access denied due to invalid subscription key";
    if (!request.query_value("api-version")) return "api-version is missing";
  }
  if (address.speech == &messages_speech()) {
    if (!request.header("x-api-key") && !authorization) return "x-api-key header is required";
    if (!request.header("anthropic-version")) return "anthropic-version: header is required";
  }
  if (address.speech == &gemini_speech() && !request.header("x-goog-api-key") && !request.query_value("key")) {
    return "Method doesn't allow unregistered callers";
  }
  if (address.speech == &converse_speech()) {
    if (!authorization) return "Missing Authentication Token";
    if (authorization->starts_with("AWS4-HMAC-SHA256") && !signature_holds(request, *authorization)) {
      return "The request signature we calculated does not match the signature you provided.";
    }
  }
  return std::nullopt;
}

std::string_view aws_error(int status) {
  switch (status) {
    case 429: return "ThrottlingException";
    case 400: return "ValidationException";
    case 401:
    case 403: return "AccessDeniedException";
    case 404: return "ResourceNotFoundException";
    case 503: return "ServiceUnavailableException";
    default: return "InternalServerException";
  }
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

Task<net::Response> answer(std::shared_ptr<State> state, net::Request request, Address address) {
  const Speech& speech = *address.speech;
  ++state->requests;
  if (auto denied = denial(request, address)) {
    ++state->kinds["denied"];
    co_return json(401, speech.error(401, *denied));
  }
  auto conversation = speech.read(request.body);
  state->keep(request.body);
  if (!conversation) {
    ++state->kinds["invalid"];
    co_return json(400, speech.error(400, conversation.error().message));
  }
  if (!address.model.empty()) conversation->model = address.model;
  if (address.streams) conversation->stream = *address.streams;
  if (const auto* session = request.header("x-session-affinity")) conversation->session = *session;
  auto script = decide(*conversation, state->scenario ? &*state->scenario : nullptr, state->memory);
  ++state->kinds[script.kind];
  if (script.fault == Fault::hang) {
    co_await sleep_ms(state->loop, kHangMsMax, state->stop.get_token());
    co_return json(503, speech.error(503, "the scripted silence is over"));
  }
  if (script.fault == Fault::html) {
    co_return net::Response{.headers = {{"Content-Type", "text/html"}},
                            .body = "<!doctype html><html><title>Sign in</title><p>Not a model.</html>"};
  }
  if (script.fault == Fault::empty)
    co_return net::Response{.headers = {{"Content-Type", std::string(kJson)}}, .body = ""};
  if (script.status != 200) {
    auto response = json(script.status, speech.error(script.status, script.error));
    if (script.retry_after_s) response.headers.push_back({"Retry-After", std::to_string(*script.retry_after_s)});
    if (&speech == &converse_speech())
      response.headers.push_back({"x-amzn-ErrorType", std::string(aws_error(script.status))});
    co_return response;
  }
  std::string model = conversation->model.empty() ? state->model().id : conversation->model;
  if (!conversation->stream) co_return json(200, speech.document(script, model));
  co_return net::Response{
      .headers = {{"Content-Type", std::string(speech.content_type())}, {"Cache-Control", "no-cache"}},
      .body = std::make_unique<AnswerStream>(state->loop, system_clock(), speech, std::move(script), std::move(model),
                                             state->requests)};
}

Task<net::Response> handle(std::shared_ptr<State> state, net::Request request) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.method == "POST") {
    if (auto address = address_of(request.path)) {
      co_return co_await answer(std::move(state), std::move(request), std::move(*address));
    }
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
  co_return json(404, chat_speech().error(404, fmt::format("there is no {} {} here", request.method, request.path)));
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
