#include "llm/protocol/decoder.hpp"

#include "llm/protocol/failure.hpp"

namespace quarterdeck::llm::protocol {

void TypedDecoder::on_event(const net::SseEvent& event) {
  if (ended()) return;
  const auto start = event.data.find_first_not_of(" \t\r\n");
  if (start == std::string::npos || event.data == "[DONE]") return;
  const auto object = wire::parse(event.data);
  if (!object || !object->is_object()) return fail(malformed_piece(event.data));
  on_object(event.event, *object);
}

void TypedDecoder::on_document(std::string_view json) {
  if (ended()) return;
  const auto document = wire::parse(json);
  if (document && wire::value_at(*document, "error")) return fail_with(*document);
  // Google wraps an error into an array.
  if (document && document->is_array() && !document->get_array().empty() &&
      wire::value_at(document->get_array().front(), "error")) {
    return fail_with(*document);
  }
  if (!document || !document->is_object() || !on_answer(*document)) {
    if (!error_) fail(failure_of_foreign_body(json, "application/json"));
  }
}

std::expected<ModelFinish, ModelError> TypedDecoder::finish() const {
  if (error_) return std::unexpected(*error_);
  if (!done_) return std::unexpected(early_end());
  return ModelFinish{reason_, tokens_};
}

void TypedDecoder::text(std::string_view piece) {
  if (piece.empty()) return;
  if (in_reasoning_) end_reasoning();
  in_text_ = true;
  sink_.on_event(TextDelta{std::string(piece)});
}

void TypedDecoder::end_text(Metadata metadata) {
  if (!std::exchange(in_text_, false)) return;
  sink_.on_event(TextEnded{std::move(metadata)});
}

void TypedDecoder::reasoning(std::string_view piece) {
  if (piece.empty()) return;
  if (in_text_) end_text();
  in_reasoning_ = true;
  sink_.on_event(ReasoningDelta{std::string(piece)});
}

void TypedDecoder::end_reasoning(Metadata metadata) {
  if (!std::exchange(in_reasoning_, false) && !metadata) return;
  if (in_text_) end_text();
  sink_.on_event(ReasoningEnded{std::move(metadata)});
}

std::optional<int> TypedDecoder::start_call(std::string id, std::string name, Metadata metadata) {
  if (static_cast<std::size_t>(calls_) >= kCallsMax) {
    fail({.kind = ModelError::Kind::malformed,
          .message = fmt::format("the model asked for more than {} tool calls at once", kCallsMax)});
    return std::nullopt;
  }
  if (in_reasoning_) end_reasoning();
  if (in_text_) end_text();
  sink_.on_event(ToolCallStarted{calls_, std::move(id), std::move(name), std::move(metadata)});
  return calls_++;
}

void TypedDecoder::arguments(int index, std::string_view piece) {
  if (!piece.empty()) sink_.on_event(ToolCallDelta{index, std::string(piece)});
}

void TypedDecoder::done(std::string reason, More more) {
  if (in_reasoning_) end_reasoning();
  if (in_text_) end_text();
  reason_ = std::move(reason);
  done_ = true;
  over_ = more == More::no;
}

void TypedDecoder::fail(ModelError error) {
  if (!error_) error_ = std::move(error);
}

void TypedDecoder::fail_with(const wire::Json& error) { fail(failure_of_object(error)); }

Metadata metadata_of(std::string_view provider,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  std::string inside;
  for (const auto& [name, value] : members) {
    if (value.empty()) continue;
    if (!inside.empty()) inside += ',';
    inside += wire::quoted(name) + ':' + wire::quoted(value);
  }
  if (inside.empty()) return std::nullopt;
  return domain::JsonText{fmt::format("{{{}:{{{}}}}}", wire::quoted(provider), inside)};
}

std::string metadata_member(const Metadata& metadata, std::string_view provider, std::string_view name) {
  if (!metadata) return {};
  const auto parsed = wire::parse(metadata->text);
  const auto* ours = parsed ? wire::value_at(*parsed, provider) : nullptr;
  return ours ? wire::string_at(*ours, name) : std::string();
}

}  // namespace quarterdeck::llm::protocol
