#include "mcp/client/oauth.hpp"

#include "base/clock.hpp"
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "mcp/client/oauth_metadata.hpp"
#include "wire/json.hpp"

namespace quarterdeck::mcp {
namespace {

constexpr std::size_t kDocumentBytesMax = 256 * 1024;
constexpr std::int64_t kEarlyMs = 30'000;  // a token is renewed this long before its end

struct ServerMetadata {
  std::string issuer;
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string registration_endpoint;
  std::vector<std::string> token_methods;  // how clients may show their secret
};

struct Stored {
  std::string access_token;
  std::string refresh_token;
  std::int64_t expires_ms = 0;  // 0: not told
  std::string scope;
  std::string client_id;
  std::string client_secret;
  std::string verifier;
  std::string state;
  std::string redirect_uri;
  std::string token_endpoint;
};

std::vector<std::string> strings_at(const wire::Json& json, std::string_view name) {
  std::vector<std::string> values;
  if (const wire::JsonArray* list = wire::array_at(json, name)) {
    for (const wire::Json& value : *list) {
      if (value.is_string()) values.emplace_back(std::string_view(value.get_string()));
    }
  }
  return values;
}

class RealOAuth final : public OAuth {
 public:
  explicit RealOAuth(OAuthOptions options) : options_(std::move(options)) { load(); }

  Task<std::string> token() override {
    const bool ends = stored_.expires_ms > 0 && stored_.expires_ms - kEarlyMs < system_clock().now_ms();
    if (ends && !stored_.refresh_token.empty()) static_cast<void>(co_await renew());
    co_return stored_.access_token;
  }

  Task<bool> refused(std::string challenge) override {
    challenge_ = challenge_parameters(challenge);
    stored_.access_token.clear();
    if (stored_.refresh_token.empty()) co_return false;
    co_return co_await renew();
  }

  Task<Result<Start>> start(std::string redirect_uri) override {
    CO_TRY(const ServerMetadata server, co_await discover());
    if (!options_.config.redirect_uri.empty()) redirect_uri = options_.config.redirect_uri;
    CO_TRY_VOID(co_await ensure_client(server, redirect_uri));
    stored_.verifier = random_secret();
    stored_.state = random_secret();
    stored_.redirect_uri = redirect_uri;
    stored_.token_endpoint = server.token_endpoint;
    CO_TRY_VOID(save());
    CO_TRY(const std::string challenge, code_challenge(stored_.verifier));
    std::vector<std::pair<std::string, std::string>> query{
        {"response_type", "code"},     {"client_id", stored_.client_id},  {"redirect_uri", redirect_uri},
        {"code_challenge", challenge}, {"code_challenge_method", "S256"}, {"state", stored_.state},
        {"resource", resource_}};
    if (const std::string scope = wanted_scope(); !scope.empty()) query.emplace_back("scope", scope);
    const char joint = server.authorization_endpoint.contains('?') ? '&' : '?';
    co_return Start{server.authorization_endpoint + joint + form(query), stored_.state};
  }

  Task<Result<void>> finish(std::string code) override {
    if (stored_.verifier.empty()) co_return fail(ErrorCode::conflict, "no sign-in was started for {}", options_.server);
    std::vector<std::pair<std::string, std::string>> fields{{"grant_type", "authorization_code"},
                                                            {"code", code},
                                                            {"redirect_uri", stored_.redirect_uri},
                                                            {"code_verifier", stored_.verifier},
                                                            {"resource", resource_.empty() ? options_.url : resource_}};
    CO_TRY_VOID(co_await ask_for_token(std::move(fields)));
    stored_.verifier.clear();
    stored_.state.clear();
    co_return save();
  }

  std::string state() const override { return stored_.state; }
  bool needs_registration() const override { return needs_registration_; }

  void forget() override {
    stored_ = {};
    if (const auto saved = save(); !saved) log::warn("{}", saved.error().message);
  }

 private:
  Task<std::optional<wire::Json>> document(std::string url) {
    net::ClientRequest request{.url = std::move(url),
                               .headers = {{"Accept", "application/json"}, {"MCP-Protocol-Version", "2025-11-25"}},
                               .total_timeout_ms = 10'000};
    auto answer = co_await net::fetch_all(options_.http, std::move(request), kDocumentBytesMax);
    if (!answer || answer->status != 200) co_return std::nullopt;
    auto json = wire::parse(answer->body);
    if (!json || !json->is_object()) co_return std::nullopt;
    co_return std::move(*json);
  }

  Task<Result<ServerMetadata>> discover() {
    std::vector<std::string> places = resource_metadata_urls(options_.url);
    if (const auto named = challenge_.find("resource_metadata"); named != challenge_.end()) {
      places.insert(places.begin(), named->second);
    }
    std::string issuer;
    resource_ = options_.url;
    for (const std::string& place : places) {
      const auto found = co_await document(place);
      if (!found) continue;
      const auto servers = strings_at(*found, "authorization_servers");
      if (!servers.empty()) issuer = servers.front();
      const std::string resource = wire::string_at(*found, "resource");
      // A document that speaks for another place must not get us to send a token for it.
      if (!resource.empty() && !options_.url.starts_with(origin_of(resource))) {
        co_return fail(ErrorCode::denied, "{} says that it is the metadata of {}, not of {}", place, resource,
                       options_.url);
      }
      if (!resource.empty()) resource_ = resource;
      scopes_supported_ = strings_at(*found, "scopes_supported");
      break;
    }
    // Revision 2025-03-26: the server's own origin.
    if (issuer.empty()) issuer = origin_of(options_.url);
    for (const std::string& place : server_metadata_urls(issuer)) {
      const auto found = co_await document(place);
      if (!found) continue;
      ServerMetadata server{.issuer = wire::string_at(*found, "issuer"),
                            .authorization_endpoint = wire::string_at(*found, "authorization_endpoint"),
                            .token_endpoint = wire::string_at(*found, "token_endpoint"),
                            .registration_endpoint = wire::string_at(*found, "registration_endpoint"),
                            .token_methods = strings_at(*found, "token_endpoint_auth_methods_supported")};
      if (server.authorization_endpoint.empty() || server.token_endpoint.empty()) continue;
      token_methods_ = server.token_methods;
      co_return server;
    }
    const std::string origin = origin_of(issuer);
    co_return ServerMetadata{.issuer = issuer,
                             .authorization_endpoint = origin + "/authorize",
                             .token_endpoint = origin + "/token",
                             .registration_endpoint = origin + "/register"};
  }

  Task<Result<void>> ensure_client(const ServerMetadata& server, const std::string& redirect_uri) {
    needs_registration_ = false;
    if (!options_.config.client_id.empty()) {
      stored_.client_id = options_.config.client_id;
      stored_.client_secret = options_.config.client_secret;
      co_return Result<void>();
    }
    if (!stored_.client_id.empty() && stored_.redirect_uri == redirect_uri) co_return Result<void>();
    const auto by_hand = [&](std::string_view why) {
      needs_registration_ = true;
      return fail(ErrorCode::denied,
                  "{}; register a client with {} and set \"oauth\": {{\"clientId\": …}} for the MCP server {}", why,
                  server.issuer, options_.server);
    };
    if (server.registration_endpoint.empty()) co_return by_hand("clients cannot register themselves");
    wire::JsonObject body{{"client_name", "Quarterdeck"},
                          {"redirect_uris", wire::JsonArray{wire::Json(redirect_uri)}},
                          {"grant_types", wire::JsonArray{"authorization_code", "refresh_token"}},
                          {"response_types", wire::JsonArray{"code"}},
                          {"token_endpoint_auth_method", secret_method(server)}};
    if (const std::string scope = wanted_scope(); !scope.empty()) body["scope"] = scope;
    net::ClientRequest request{.method = "POST",
                               .url = server.registration_endpoint,
                               .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}},
                               .body = wire::to_text(body),
                               .total_timeout_ms = 15'000};
    auto answer = co_await net::fetch_all(options_.http, std::move(request), kDocumentBytesMax);
    if (!answer) co_return std::unexpected(answer.error());
    const auto json = wire::parse(answer->body);
    const std::string id = json ? wire::string_at(*json, "client_id") : "";
    if (answer->status < 200 || answer->status >= 300 || id.empty()) {
      co_return by_hand(fmt::format("the registration was answered with status {}", answer->status));
    }
    stored_.client_id = id;
    stored_.client_secret = wire::string_at(*json, "client_secret");
    co_return Result<void>();
  }

  // A public client where that is possible: a secret on a user's machine is none.
  static std::string secret_method(const ServerMetadata& server) {
    const auto offered = [&](std::string_view method) {
      return std::ranges::find(server.token_methods, method) != server.token_methods.end();
    };
    if (server.token_methods.empty() || offered("none")) return "none";
    return offered("client_secret_post") ? "client_secret_post" : "client_secret_basic";
  }

  std::string wanted_scope() const {
    if (!options_.config.scope.empty()) return options_.config.scope;
    if (const auto named = challenge_.find("scope"); named != challenge_.end()) return named->second;
    return fmt::format("{}", fmt::join(scopes_supported_, " "));
  }

  Task<bool> renew() {
    std::vector<std::pair<std::string, std::string>> fields{{"grant_type", "refresh_token"},
                                                            {"refresh_token", stored_.refresh_token},
                                                            {"resource", resource_.empty() ? options_.url : resource_}};
    if (stored_.token_endpoint.empty()) co_return false;
    const auto renewed = co_await ask_for_token(std::move(fields));
    if (!renewed) {
      log::warn("MCP server {}: {}", options_.server, renewed.error().message);
      if (renewed.error().code == ErrorCode::denied) stored_.refresh_token.clear();
    }
    if (const auto saved = save(); !saved) log::warn("{}", saved.error().message);
    co_return renewed.has_value();
  }

  Task<Result<void>> ask_for_token(std::vector<std::pair<std::string, std::string>> fields) {
    net::ClientRequest request{
        .method = "POST",
        .url = stored_.token_endpoint,
        .headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}},
        .total_timeout_ms = 15'000};
    const bool basic = !stored_.client_secret.empty() && !token_methods_.empty() &&
                       std::ranges::find(token_methods_, "client_secret_post") == token_methods_.end();
    if (basic) {
      const std::string pair = percent_encode(stored_.client_id) + ":" + percent_encode(stored_.client_secret);
      request.headers.push_back({"Authorization", "Basic " + base64(pair)});
    } else {
      fields.emplace_back("client_id", stored_.client_id);
      if (!stored_.client_secret.empty()) fields.emplace_back("client_secret", stored_.client_secret);
    }
    request.body = form(fields);
    auto answer = co_await net::fetch_all(options_.http, std::move(request), kDocumentBytesMax);
    if (!answer) co_return std::unexpected(answer.error());
    const auto json = wire::parse(answer->body);
    const std::string token = json ? wire::string_at(*json, "access_token") : "";
    if (answer->status != 200 || token.empty()) {
      const std::string why = json ? wire::string_at(*json, "error_description", wire::string_at(*json, "error")) : "";
      const ErrorCode code = answer->status >= 500 ? ErrorCode::unavailable : ErrorCode::denied;
      co_return fail(code, "the sign-in was refused with status {}{}{}", answer->status, why.empty() ? "" : ": ",
                     wire::valid_utf8(why));
    }
    stored_.access_token = token;
    const std::string refresh = wire::string_at(*json, "refresh_token");
    if (!refresh.empty()) stored_.refresh_token = refresh;
    const std::int64_t seconds = wire::int_at(*json, "expires_in");
    stored_.expires_ms = seconds > 0 ? system_clock().now_ms() + seconds * 1000 : 0;
    stored_.scope = wire::string_at(*json, "scope", stored_.scope);
    co_return Result<void>();
  }

  wire::JsonObject all() const {
    const auto text = read_file(options_.file);
    auto json = text ? wire::parse(*text) : Result<wire::Json>(wire::JsonObject());
    return json && json->is_object() ? std::move(json->get_object()) : wire::JsonObject();
  }

  void load() {
    const wire::Json file(all());
    const wire::Json* entry = wire::value_at(file, options_.server);
    if (!entry || wire::string_at(*entry, "serverUrl") != options_.url) return;
    if (const wire::Json* tokens = wire::value_at(*entry, "tokens")) {
      stored_.access_token = wire::string_at(*tokens, "accessToken");
      stored_.refresh_token = wire::string_at(*tokens, "refreshToken");
      stored_.expires_ms = wire::int_at(*tokens, "expiresAt") * 1000;
      stored_.scope = wire::string_at(*tokens, "scope");
    }
    if (const wire::Json* client = wire::value_at(*entry, "clientInfo")) {
      stored_.client_id = wire::string_at(*client, "clientId");
      stored_.client_secret = wire::string_at(*client, "clientSecret");
      stored_.redirect_uri = wire::string_at(*client, "redirectUri");
      stored_.token_endpoint = wire::string_at(*client, "tokenEndpoint");
    }
    stored_.verifier = wire::string_at(*entry, "codeVerifier");
    stored_.state = wire::string_at(*entry, "oauthState");
  }

  Result<void> save() const {
    wire::JsonObject file = all();
    if (stored_.client_id.empty() && stored_.access_token.empty()) {
      file.erase(options_.server);
    } else {
      wire::JsonObject entry{{"serverUrl", options_.url}};
      if (!stored_.access_token.empty()) {
        wire::JsonObject tokens{{"accessToken", stored_.access_token}};
        if (!stored_.refresh_token.empty()) tokens["refreshToken"] = stored_.refresh_token;
        if (stored_.expires_ms > 0) tokens["expiresAt"] = stored_.expires_ms / 1000;
        if (!stored_.scope.empty()) tokens["scope"] = stored_.scope;
        entry["tokens"] = std::move(tokens);
      }
      wire::JsonObject client{{"clientId", stored_.client_id},
                              {"redirectUri", stored_.redirect_uri},
                              {"tokenEndpoint", stored_.token_endpoint}};
      if (!stored_.client_secret.empty()) client["clientSecret"] = stored_.client_secret;
      entry["clientInfo"] = std::move(client);
      if (!stored_.verifier.empty()) {
        entry["codeVerifier"] = stored_.verifier;
        entry["oauthState"] = stored_.state;
      }
      file[options_.server] = std::move(entry);
    }
    return write_file_atomically(options_.file, wire::to_text(file) + "\n", 0600);
  }

  OAuthOptions options_;
  Stored stored_;
  std::map<std::string, std::string> challenge_;
  std::string resource_;
  std::vector<std::string> scopes_supported_;
  std::vector<std::string> token_methods_;
  bool needs_registration_ = false;
};

}  // namespace

std::unique_ptr<OAuth> make_oauth(OAuthOptions options) { return std::make_unique<RealOAuth>(std::move(options)); }

}  // namespace quarterdeck::mcp
