#include "llm/protocol/failure.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>

#include <time.h>

namespace quarterdeck::llm::protocol {
namespace {

using Kind = ModelError::Kind;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

template <std::size_t N>
bool mentions(std::string_view lowered, const std::array<std::string_view, N>& phrases) {
  return std::ranges::any_of(phrases, [&](std::string_view phrase) { return lowered.contains(phrase); });
}

// Lower case. Each is one provider's way of saying it.
constexpr std::array<std::string_view, 21> kOverflow{"model_context_window_exceeded",
                                                     "input length and `max_tokens` exceed",
                                                     "too many tokens in the request",
                                                     "context_length_exceeded",
                                                     "context length exceeded",
                                                     "maximum context length",
                                                     "exceeds the context window",
                                                     "context window exceeds",
                                                     "exceeds the available context size",
                                                     "greater than the context length",
                                                     "exceeded model token limit",
                                                     "prompt is too long",
                                                     "input is too long",
                                                     "maximum prompt length",
                                                     "reduce the length of the messages",
                                                     "input token count",
                                                     "too many input tokens",
                                                     "exceed_context_size",
                                                     "context window is full",
                                                     "request too large for model",
                                                     "string_above_max_length"};
constexpr std::array<std::string_view, 4> kContentFilter{"content_filter", "prohibited_content",
                                                         "content management policy", "content_policy_violation"};
constexpr std::array<std::string_view, 5> kNoCredit{"credit balance is too low", "billing_hard_limit_reached",
                                                    "insufficient_quota", "insufficient balance",
                                                    "exceeded your current quota"};
constexpr std::array<std::string_view, 6> kRateLimited{
    "throttlingexception", "too many requests", "rate_limit", "rate limit", "too_many_requests", "resource_exhausted"};
constexpr std::array<std::string_view, 6> kOverloaded{"overloaded",  "server_error", "internal_error",
                                                      "unavailable", "bad gateway",  "capacity"};
constexpr std::array<std::string_view, 8> kAuth{
    "accessdeniedexception", "unrecognizedclientexception", "expiredtokenexception", "api_key_invalid",
    "invalid_api_key",       "authentication_error",        "permission_error",      "incorrect api key"};

// `words` is everything the provider said, lower case.
void classify(ModelError& error, std::optional<int> status, std::string_view words) {
  const bool may_overflow = !status || *status == 400 || *status == 413 || *status == 422 || *status >= 500;
  if (may_overflow && mentions(words, kOverflow)) {
    error.kind = Kind::context_overflow;
  } else if (mentions(words, kContentFilter)) {
    error.kind = Kind::content_filter;
  } else if (status == 429 || (!status && mentions(words, kRateLimited))) {
    error.kind = Kind::rate_limited;
    error.retryable = !mentions(words, kNoCredit);
  } else if (status == 401 || status == 403 || (!status && mentions(words, kAuth))) {
    error.kind = Kind::auth;
  } else if (status == 404) {
    error.kind = Kind::not_found;
  } else if (status == 408 || (status && words.contains("model is not ready"))) {
    error.kind = Kind::timeout;
    error.retryable = true;
  } else if (status == 413) {
    error.kind = Kind::context_overflow;
  } else if (status == 409 || (status && *status >= 500) || (!status && mentions(words, kOverloaded))) {
    error.kind = Kind::overloaded;
    error.retryable = true;
  } else {
    error.kind = Kind::invalid_request;
  }
}

// The sentence for people in an error object, wherever this provider puts it.
std::string message_of(const wire::Json& error) {
  if (error.is_string()) return std::string(error.get_string());
  for (const char* key : {"message", "Message", "detail", "error", "msg"}) {
    if (auto text = wire::string_at(error, key); !text.empty()) return text;
  }
  return {};
}

const wire::Json& inner_error(const wire::Json& document) {
  // Google's compatible endpoint wraps the object into an array.
  if (document.is_array() && !document.get_array().empty()) return inner_error(document.get_array().front());
  const auto* error = wire::value_at(document, "error");
  return error && !error->is_null() ? *error : document;
}

bool looks_like_html(std::string_view body) {
  const auto start = body.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return start != std::string_view::npos && body[start] == '<';
}

std::string_view status_words(int status) {
  switch (status) {
    case 400: return "bad request";
    case 401: return "the API key is missing or wrong";
    case 403: return "the API key may not do this";
    case 404: return "not found: check the base URL and the model's name";
    case 413: return "the request is too large";
    case 429: return "too many requests";
    case 529: return "the provider is overloaded";
    default: return status >= 500 ? "the provider failed" : "the provider refused the request";
  }
}

}  // namespace

std::optional<std::int64_t> retry_after_ms(const net::Headers& headers, TimeMs now_ms) {
  const auto number = [](std::string_view text) -> std::optional<double> {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return std::clamp(value, 0.0, 1e12);
  };
  if (const auto* text = net::find_header(headers, "retry-after-ms")) {
    if (const auto ms = number(*text)) return static_cast<std::int64_t>(*ms);
  }
  const auto* text = net::find_header(headers, "retry-after");
  if (!text) return std::nullopt;
  if (const auto seconds = number(*text)) return static_cast<std::int64_t>(*seconds * 1000);
  std::tm parts{};
  const char* end = ::strptime(text->c_str(), "%a, %d %b %Y %H:%M:%S", &parts);
  if (!end) return std::nullopt;
  return std::max<std::int64_t>(static_cast<std::int64_t>(::timegm(&parts)) * 1000 - now_ms, 0);
}

ModelError failure_of_response(int status, const net::Headers& headers, std::string_view body, TimeMs now_ms) {
  ModelError error{.status = status, .retry_after_ms = retry_after_ms(headers, now_ms)};
  error.body = wire::valid_utf8(body.substr(0, kErrorBodyBytesMax));
  if (const auto document = wire::parse(body)) error.message = message_of(inner_error(*document));
  if (error.message.empty() && !looks_like_html(body)) error.message = wire::valid_utf8(body.substr(0, 500));
  classify(error, status, lower(*error.body));
  if (error.message.find_first_not_of(" \t\r\n") == std::string::npos) {
    error.message = fmt::format("HTTP {}: {}", status, status_words(status));
  }
  return error;
}

ModelError failure_of_object(const wire::Json& object) {
  const auto& inner = inner_error(object);
  ModelError error;
  error.body = wire::to_text(object).substr(0, kErrorBodyBytesMax);
  error.message = message_of(inner);
  if (error.message.empty()) error.message = "the provider reported an error: " + error.body->substr(0, 300);
  for (const char* key : {"code", "status", "status_code"}) {
    const auto code = wire::int_at(inner, key);
    if (code >= 400 && code <= 599) error.status = static_cast<int>(code);
  }
  classify(error, error.status, lower(*error.body));
  // An answer that had begun was acceptable as a request: what the provider does not explain is its own trouble.
  if (error.kind == Kind::invalid_request && !error.status) {
    error.kind = Kind::overloaded;
    error.retryable = true;
  }
  return error;
}

ModelError failure_of_foreign_body(std::string_view body, std::string_view content_type) {
  ModelError error{.kind = Kind::malformed, .status = 200};
  error.body = wire::valid_utf8(body.substr(0, kErrorBodyBytesMax));
  if (looks_like_html(body)) {
    error.message =
        "the provider answered with a web page instead of a model's answer: check the base URL, and whether "
        "a proxy or a login page is in the way";
  } else if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    error.message = "the provider answered with an empty body";
    error.retryable = true;
  } else {
    error.message =
        fmt::format("the provider's answer is not of the protocol that was asked for (content type \"{}\"): {}",
                    wire::valid_utf8(content_type.substr(0, 100)), wire::valid_utf8(body.substr(0, 200)));
  }
  return error;
}

ModelError malformed_piece(std::string_view data) {
  return {.kind = Kind::malformed,
          .message = "the stream holds a piece that is not a JSON object: " + wire::valid_utf8(data.substr(0, 200)),
          .body = wire::valid_utf8(data.substr(0, kErrorBodyBytesMax)),
          .retryable = true};
}

ModelError early_end() {
  return {.kind = Kind::network, .message = "the stream ended before the answer was complete", .retryable = true};
}

}  // namespace quarterdeck::llm::protocol
