#include "app/cli/json_lines.hpp"

#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include "wire/json.hpp"
#include "wire/message.hpp"

namespace quarterdeck::app {
namespace {

// What the part is called as a line; empty while it is not complete.
std::string_view line_type(const domain::PartContent& content) {
  const auto name = []<class T>(const T& part) -> std::string_view {
    if constexpr (std::same_as<T, domain::StepStartPart>) {
      return "step_start";
    } else if constexpr (std::same_as<T, domain::StepFinishPart>) {
      return "step_finish";
    } else if constexpr (std::same_as<T, domain::TextPart>) {
      return part.time && part.time->end ? "text" : "";
    } else if constexpr (std::same_as<T, domain::ReasoningPart>) {
      return part.time.end ? "reasoning" : "";
    } else if constexpr (std::same_as<T, domain::ToolPart>) {
      const bool ended = std::holds_alternative<domain::ToolCompleted>(part.state) ||
                         std::holds_alternative<domain::ToolError>(part.state);
      return ended ? "tool_use" : "";
    }
    return "";
  };
  return std::visit(name, content);
}

}  // namespace

std::string JsonLines::on(const LiveEvent& event, TimeMs now) {
  if (event.session != session_) return {};
  const auto head = [&](std::string_view type) {
    return fmt::format(R"({{"type":"{}","timestamp":{},"sessionID":{})", type, now, wire::quoted(session_.value));
  };
  if (const auto* message = std::get_if<domain::MessageUpdated>(&event.fact)) {
    const auto* answer = std::get_if<domain::AssistantMessage>(&message->info);
    if (answer != nullptr && answer->parent_id == prompt_) answers_.insert(answer->id);
  } else if (const auto* updated = std::get_if<domain::PartUpdated>(&event.fact)) {
    const std::string_view type = line_type(updated->part.content);
    if (type.empty() || !answers_.contains(updated->part.message_id) || !printed_.insert(updated->part.id).second)
      return {};
    return fmt::format("{},\"part\":{}}}\n", head(type), wire::encode_part(updated->part));
  } else if (const auto* failed = std::get_if<domain::SessionFailed>(&event.fact)) {
    if (std::exchange(error_printed_, true)) return {};
    return fmt::format("{},\"error\":{}}}\n", head("error"), wire::encode_message_error(failed->error));
  }
  return {};
}

}  // namespace quarterdeck::app
