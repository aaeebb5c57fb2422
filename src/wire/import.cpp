#include "wire/import.hpp"

#include "wire/json.hpp"
#include "wire/message.hpp"
#include "wire/project.hpp"
#include "wire/session.hpp"

namespace quarterdeck::wire {
namespace {

Error in(std::string_view place, Error error) {
  error.message += fmt::format("\n  in {}", place);
  return error;
}

}  // namespace

Result<domain::ImportSession> decode_import(std::string_view json) {
  TRY(const Json parsed, parse(json));
  if (!parsed.is_object()) return fail(ErrorCode::invalid, "Expected object");
  const Json* info = value_at(parsed, "info");
  if (!info) return fail(ErrorCode::invalid, "Missing key\n  at [\"info\"]");
  domain::ImportSession out;
  auto session = decode_session(to_text(*info));
  if (!session) return std::unexpected(in("[\"info\"]", session.error()));
  out.info = std::move(*session);
  if (const Json* project = value_at(parsed, "project"); project && !project->is_null()) {
    auto known = decode_project(to_text(*project));
    if (!known) return std::unexpected(in("[\"project\"]", known.error()));
    out.project = std::move(*known);
  }
  const JsonArray* messages = array_at(parsed, "messages");
  if (!messages) return fail(ErrorCode::invalid, "Expected array\n  at [\"messages\"]");
  for (std::size_t i = 0; i < messages->size(); ++i) {
    auto message = decode_message_with_parts(to_text((*messages)[i]));
    if (!message) return std::unexpected(in(fmt::format("[\"messages\"][{}]", i), message.error()));
    out.messages.push_back(std::move(*message));
  }
  return out;
}

}  // namespace quarterdeck::wire
