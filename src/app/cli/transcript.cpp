#include "app/cli/transcript.hpp"

#include <fmt/format.h>

#include "app/cli/quantity.hpp"
#include "app/cli/tool_summary.hpp"

namespace quarterdeck::app {
namespace {

std::string with_end(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.empty() ? text : text + "\n";
}

std::string_view state_name(const domain::ToolState& state) {
  if (std::holds_alternative<domain::ToolPending>(state)) return "pending";
  if (std::holds_alternative<domain::ToolRunning>(state)) return "running";
  return {};
}

std::string tool_text(const domain::ToolPart& call, const Style& style, std::string_view directory) {
  const Marks& mark = marks(style);
  const auto input_of = [](const auto& state) { return state.input.text; };
  const std::string subject = tool_subject(call.tool, std::visit(input_of, call.state), directory);
  std::string out = painted(style, Paint::cyan, mark.tool) + " " + painted(style, Paint::bold, harmless(call.tool));
  const std::size_t used = width(call.tool) + 5;
  if (!subject.empty()) out += "  " + one_line(style, subject, style.columns > used ? style.columns - used : 1);
  out += "\n";
  if (const std::string_view name = state_name(call.state); !name.empty()) {
    return out + "  " + painted(style, Paint::yellow, fmt::format("{} {}", mark.more, name)) + "\n";
  }
  const ToolOutcome outcome = tool_outcome(call, style, directory);
  out += "  " + painted(style, outcome.ok ? Paint::green : Paint::red, outcome.ok ? mark.ok : mark.bad);
  if (!outcome.headline.empty()) out += " " + outcome.headline;
  out += "\n";
  for (const auto& line : outcome.lines) out += "    " + painted(style, Paint::dim, line) + "\n";
  if (outcome.lines_left_out > 0)
    out +=
        "    " + painted(style, Paint::dim, fmt::format("{} {} more lines", mark.more, outcome.lines_left_out)) + "\n";
  return out;
}

std::string part_text(const domain::Part& part, const Style& style, std::string_view directory) {
  const auto text = [&]<class T>(const T& content) -> std::string {
    if constexpr (std::same_as<T, domain::TextPart>) {
      if (content.synthetic.value_or(false)) return {};
      return with_end(harmless(content.text));
    } else if constexpr (std::same_as<T, domain::ReasoningPart>) {
      std::string out;
      for (const auto line : lines_of(content.text)) out += painted(style, Paint::dim, harmless(line)) + "\n";
      return out;
    } else if constexpr (std::same_as<T, domain::ToolPart>) {
      return tool_text(content, style, directory);
    } else if constexpr (std::same_as<T, domain::FilePart>) {
      return painted(style, Paint::dim,
                     fmt::format("[file {} {}]", harmless(content.filename.value_or("")), harmless(content.mime))) +
             "\n";
    }
    return {};
  };
  return std::visit(text, part.content);
}

}  // namespace

std::string transcript_head(const domain::Session& session, std::string_view status, const Style& style, TimeMs now) {
  std::string model;
  if (session.model) model = session.model->provider_id + "/" + session.model->model_id;
  std::string out = painted(style, Paint::bold, one_line(style, session.title, style.columns)) + "\n";
  const auto row = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) out += painted(style, Paint::dim, padded(name, 11)) + harmless(value) + "\n";
  };
  row("id", session.id.value);
  row("status", status);
  row("directory", session.directory);
  row("agent", session.agent.value_or(""));
  row("model", model);
  row("created", age(now, session.created) + (now - session.created < 1000 ? "" : " ago"));
  row("updated", age(now, session.updated) + (now - session.updated < 1000 ? "" : " ago"));
  row("tokens", tokens_text(session.tokens));
  row("cost", dollars(session.cost));
  return out;
}

std::string transcript(const std::vector<domain::MessageWithParts>& messages, const Style& style,
                       std::string_view directory, TimeMs now) {
  std::string out;
  const MessageId* answered = nullptr;
  for (const auto& message : messages) {
    std::string body;
    for (const auto& part : message.parts) body += part_text(part, style, directory);
    const auto* assistant = std::get_if<domain::AssistantMessage>(&message.info);
    if (assistant != nullptr && assistant->error) {
      body += painted(style, Paint::red,
                      fmt::format("{} {}: {}", marks(style).bad, harmless(assistant->error->name),
                                  harmless(assistant->error->message))) +
              "\n";
    }
    if (body.empty()) continue;
    // The steps of one turn read as one answer.
    const bool goes_on = assistant != nullptr && answered != nullptr && *answered == assistant->parent_id;
    if (!goes_on) {
      const std::string who = assistant != nullptr ? fmt::format("{} {} {}", harmless(assistant->agent),
                                                                 marks(style).dot, harmless(assistant->model_id))
                                                   : "you";
      out += fmt::format("\n{} {}\n", painted(style, Paint::bold, who),
                         painted(style, Paint::dim, age(now, domain::created_of(message.info))));
    }
    answered = assistant != nullptr ? &assistant->parent_id : nullptr;
    out += body;
  }
  return out;
}

}  // namespace quarterdeck::app
