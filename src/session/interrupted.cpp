#include "session/interrupted.hpp"

#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

JsonText interrupted_metadata(const std::optional<JsonText>& metadata) {
  wire::JsonObject object;
  if (metadata) {
    if (auto parsed = wire::parse(metadata->text); parsed && parsed->is_object()) object = parsed->get_object();
  }
  object["interrupted"] = true;
  return wire::to_json_text(object);
}

}  // namespace

MessageError aborted_error() { return {.name = "MessageAbortedError", .message = "Aborted"}; }

ToolState interrupted(const ToolState& state, std::string_view why, TimeMs now) {
  ToolError error{.error = std::string(why), .start = now, .end = now};
  error.metadata = interrupted_metadata({});
  if (const auto* running = std::get_if<ToolRunning>(&state)) {
    error.input = running->input;
    error.start = running->start;
    error.metadata = interrupted_metadata(running->metadata);
  }
  return error;
}

}  // namespace quarterdeck::session
