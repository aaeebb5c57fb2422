#include "llm/chat_completions/decoder.hpp"

#include "llm/protocol/failure.hpp"

namespace quarterdeck::llm::chat_completions {
namespace {

using protocol::early_end;
using protocol::failure_of_foreign_body;
using protocol::failure_of_object;
using protocol::malformed_piece;

// More calls in one answer than this is a model gone wild or an attack.
constexpr std::size_t kCallsMax = 128;

constexpr std::size_t kDetailsMax = 1024;

std::string_view text_of(const wire::Json* value) {
  return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::int64_t nested(const wire::Json& usage, std::string_view object, std::string_view key) {
  const auto* inner = wire::value_at(usage, object);
  return inner ? std::max<std::int64_t>(wire::int_at(*inner, key), 0) : 0;
}

std::string_view trimmed(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

}  // namespace

std::string finish_word(std::string_view reason, bool called_tools) {
  if (reason == "tool_calls" || reason == "function_call") return "tool-calls";
  if (reason == "length" || reason == "max_tokens" || reason == "model_length") return "length";
  if (reason == "content_filter") return "content-filter";
  // Some servers say "stop" although the model called tools.
  if (called_tools) return "tool-calls";
  if (reason == "stop" || reason == "end_turn" || reason == "eos" || reason == "stop_sequence") return "stop";
  return "unknown";
}

domain::Tokens tokens_of(const wire::Json& usage) {
  const auto prompt = std::max<std::int64_t>(wire::int_at(usage, "prompt_tokens"), 0);
  const auto completion = std::max<std::int64_t>(wire::int_at(usage, "completion_tokens"), 0);
  auto cached = nested(usage, "prompt_tokens_details", "cached_tokens");
  if (cached == 0) cached = std::max<std::int64_t>(wire::int_at(usage, "prompt_cache_hit_tokens"), 0);
  if (cached == 0) cached = std::max<std::int64_t>(wire::int_at(usage, "cached_tokens"), 0);
  const auto written = nested(usage, "prompt_tokens_details", "cache_write_tokens");
  auto reasoning = nested(usage, "completion_tokens_details", "reasoning_tokens");
  if (reasoning == 0) reasoning = std::max<std::int64_t>(wire::int_at(usage, "reasoning_tokens"), 0);
  const auto total = wire::int_at(usage, "total_tokens", -1);

  domain::Tokens tokens;
  // Most providers count reasoning inside the completion; those that do not give themselves away by the sum.
  const bool outside = reasoning > completion || (reasoning > 0 && total == prompt + completion + reasoning);
  tokens.reasoning = reasoning;
  tokens.output = outside ? completion : completion - reasoning;
  tokens.cache_read = std::min(cached, prompt);
  tokens.cache_write = std::min(written, prompt - tokens.cache_read);
  tokens.input = prompt - tokens.cache_read - tokens.cache_write;
  tokens.total = total >= 0 ? total : prompt + completion + (outside ? reasoning : 0);
  return tokens;
}

void Decoder::on_data(std::string_view data) {
  if (ended()) return;
  data = trimmed(data);
  if (data.empty()) return;
  if (data == "[DONE]") {
    done_ = true;
    return;
  }
  const auto chunk = wire::parse(data);
  if (!chunk || !chunk->is_object()) {
    error_ = malformed_piece(data);
    return;
  }
  on_object(*chunk);
}

void Decoder::on_document(std::string_view json) {
  if (ended()) return;
  const auto document = wire::parse(json);
  const bool answer = document && (wire::array_at(*document, "choices") || wire::value_at(*document, "error") ||
                                   wire::string_at(*document, "object") == "error");
  if (!answer) {
    error_ = failure_of_foreign_body(json, "application/json");
    return;
  }
  on_object(*document);
  if (!error_) done_ = true;
}

void Decoder::on_object(const wire::Json& chunk) {
  const auto* error = wire::value_at(chunk, "error");
  if ((error && !error->is_null()) || wire::string_at(chunk, "object") == "error" ||
      wire::string_at(chunk, "type") == "error") {
    error_ = failure_of_object(chunk);
    return;
  }
  if (const auto* usage = wire::value_at(chunk, "usage")) on_usage(*usage);
  if (const auto* groq = wire::value_at(chunk, "x_groq")) {
    if (const auto* usage = wire::value_at(*groq, "usage")) on_usage(*usage);
  }
  if (const auto* choices = wire::array_at(chunk, "choices"); choices && !choices->empty()) {
    on_choice(choices->front());
  }
}

void Decoder::on_choice(const wire::Json& choice) {
  if (const auto* usage = wire::value_at(choice, "usage")) on_usage(*usage);
  const auto* message = wire::value_at(choice, "delta");
  if (!message || !message->is_object()) message = wire::value_at(choice, "message");
  if (message && message->is_object()) on_message(*message);
  const auto reason = text_of(wire::value_at(choice, "finish_reason"));
  if (reason == "error") {
    error_ = ModelError{.kind = ModelError::Kind::overloaded,
                        .message = "the provider ended the answer with an error",
                        .retryable = true};
  } else if (!reason.empty()) {
    flush_details();
    finish_reason_ = reason;
  }
}

void Decoder::on_message(const wire::Json& message) {
  const auto thought = text_of(wire::value_at(message, "reasoning_content"));
  reasoning(thought.empty() ? text_of(wire::value_at(message, "reasoning")) : thought);
  if (const auto* details = wire::array_at(message, "reasoning_details")) on_details(*details);
  if (const auto* content = wire::value_at(message, "content")) on_content(*content);
  const auto refusal = text_of(wire::value_at(message, "refusal"));
  refused_ |= !refusal.empty();
  text(refusal);
  if (const auto* calls = wire::array_at(message, "tool_calls")) {
    int position = 0;
    for (const auto& call : *calls) on_call(call, position++);
  }
  if (const auto* function = wire::value_at(message, "function_call"); function && function->is_object()) {
    wire::JsonObject call;
    call["index"] = 0;
    call["function"] = *function;
    on_call(call, 0);
  }
}

void Decoder::on_content(const wire::Json& content) {
  if (content.is_string()) return text(content.get_string());
  if (!content.is_array()) return;
  for (const auto& piece : content.get_array()) {
    if (wire::string_at(piece, "type") == "text") text(text_of(wire::value_at(piece, "text")));
    const auto* thinking = wire::value_at(piece, "thinking");
    if (!thinking) continue;
    if (thinking->is_string()) reasoning(thinking->get_string());
    if (const auto* inner = thinking->if_array()) {
      for (const auto& thought : *inner) reasoning(text_of(wire::value_at(thought, "text")));
    }
  }
}

void Decoder::on_call(const wire::Json& call, int position) {
  const auto* function = wire::value_at(call, "function");
  const auto id = text_of(wire::value_at(call, "id"));
  const auto name = function ? text_of(wire::value_at(*function, "name")) : std::string_view();
  if (calls_.size() >= kCallsMax) {
    error_ = ModelError{.kind = ModelError::Kind::malformed,
                        .message = fmt::format("the model asked for more than {} tool calls at once", kCallsMax)};
    return;
  }
  Call& target = call_for(call, id, name, position);
  const int index = static_cast<int>(&target - calls_.data());
  if (!target.started) {
    if (!id.empty()) target.id = id;
    if (!name.empty()) {
      target.started = true;
      if (target.id.empty()) target.id = make_id();
      said_something_ = true;
      flush_details();
      sink_.on_event(ToolCallStarted{index, target.id, std::string(name)});
      if (!target.early_arguments.empty()) {
        sink_.on_event(ToolCallDelta{index, std::exchange(target.early_arguments, {})});
      }
    }
  }
  const auto* arguments = function ? wire::value_at(*function, "arguments") : nullptr;
  if (!arguments || arguments->is_null()) return;
  // Some servers send the arguments as the object itself.
  std::string piece = arguments->is_string() ? std::string(arguments->get_string()) : wire::to_text(*arguments);
  if (piece.empty()) return;
  if (target.started) {
    sink_.on_event(ToolCallDelta{index, std::move(piece)});
  } else {
    target.early_arguments += piece;
  }
}

// Which call a piece belongs to. The same index with another id and a name is a new call (Google sends all calls with
// index 0); a piece without index belongs to the call with its id, or starts one if it has a name, or goes on with the
// last.
Decoder::Call& Decoder::call_for(const wire::Json& call, std::string_view id, std::string_view name, int position) {
  const auto* wire_index = wire::value_at(call, "index");
  const bool indexed = wire_index && wire_index->is_number();
  const int index = indexed ? static_cast<int>(std::clamp<std::int64_t>(wire::int_at(call, "index"), 0, 1 << 20)) : -1;
  const auto make = [&]() -> Call& { return calls_.emplace_back(Call{.wire_index = index}); };
  for (auto existing = calls_.rbegin(); existing != calls_.rend(); ++existing) {
    const bool same = indexed ? existing->wire_index == index : (!id.empty() && existing->id == id);
    if (!same) continue;
    const bool other = existing->started && !name.empty() && !id.empty() && existing->id != id;
    return other ? make() : *existing;
  }
  if (indexed || !name.empty() || calls_.empty() || position > 0) return make();
  return calls_.back();
}

void Decoder::on_usage(const wire::Json& usage) {
  if (usage.is_object()) tokens_ = tokens_of(usage);
}

std::string Decoder::make_id() { return fmt::format("call_{:016x}", random_.next()); }

void Decoder::text(std::string_view piece) {
  if (piece.empty()) return;
  flush_details();
  said_something_ = true;
  sink_.on_event(TextDelta{std::string(piece)});
}

void Decoder::reasoning(std::string_view piece) {
  if (piece.empty()) return;
  said_something_ = true;
  sink_.on_event(ReasoningDelta{std::string(piece)});
}

// Pieces of one detail (the same index and type) come after each other and belong together.
void Decoder::on_details(const wire::JsonArray& details) {
  for (const auto& detail : details) {
    if (!detail.is_object() || details_.size() >= kDetailsMax) continue;
    const auto& object = detail.get_object();
    auto* last = details_.empty() ? nullptr : &details_.back().get_object();
    const auto same = [&](const char* name) {
      const auto* left = last->if_contains(name);
      const auto* right = object.if_contains(name);
      return (!left && !right) || (left && right && *left == *right);
    };
    if (!last || !same("type") || !same("index")) {
      details_.push_back(detail);
      continue;
    }
    for (const auto& member : object) {
      const std::string_view name = member.key();
      auto* known = last->if_contains(name);
      const bool grows = name == "text" || name == "summary" || name == "data" || name == "signature";
      if (grows && known && known->is_string() && member.value().is_string()) {
        known->get_string().append(std::string_view(member.value().get_string()));
      } else if (!member.value().is_null()) {
        (*last)[name] = member.value();
      }
    }
  }
}

void Decoder::flush_details() {
  if (details_.empty()) return;
  const wire::JsonObject metadata{{"openrouter", wire::JsonObject{{"reasoning_details", std::exchange(details_, {})}}}};
  sink_.on_event(ReasoningEnded{wire::to_json_text(metadata)});
}

std::expected<ModelFinish, ModelError> Decoder::finish() const {
  if (error_) return std::unexpected(*error_);
  if (!finish_reason_ && !(done_ && said_something_)) {
    return std::unexpected(early_end());
  }
  const bool called = std::ranges::any_of(calls_, &Call::started);
  return ModelFinish{refused_ && !called ? "content-filter" : finish_word(finish_reason_.value_or(""), called),
                     tokens_};
}

}  // namespace quarterdeck::llm::chat_completions
