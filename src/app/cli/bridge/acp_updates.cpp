#include "app/cli/bridge/acp_updates.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "app/cli/tool_summary.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::size_t kOutputBytesMax = 64 * 1024;

std::string chunk(std::string_view kind, const MessageId& message, std::string_view text) {
  return fmt::format(R"({{"sessionUpdate":"{}","messageId":{},"content":{{"type":"text","text":{}}}}})", kind,
                     wire::quoted(message.value), wire::quoted(text));
}

std::string text_content(std::string_view text) {
  const std::string cut = wire::valid_utf8(text.substr(0, kOutputBytesMax));
  return fmt::format(R"({{"type":"content","content":{{"type":"text","text":{}}}}})", wire::quoted(cut));
}

// Where the call looks or works.
std::string path_of(const wire::Json& input) {
  for (const std::string_view key : {"filePath", "path", "file_path"}) {
    if (auto path = wire::string_at(input, key); !path.empty()) return path;
  }
  return "";
}

std::string diff_content(std::string_view tool, const wire::Json& input) {
  const std::string path = path_of(input);
  if (path.empty()) return "";
  if (tool == "edit") {
    return fmt::format(R"({{"type":"diff","path":{},"oldText":{},"newText":{}}})", wire::quoted(path),
                       wire::quoted(wire::string_at(input, "oldString")),
                       wire::quoted(wire::string_at(input, "newString")));
  }
  if (tool == "write") {
    return fmt::format(R"({{"type":"diff","path":{},"oldText":null,"newText":{}}})", wire::quoted(path),
                       wire::quoted(wire::string_at(input, "content")));
  }
  return "";
}

// The agent's to-do list is ACP's plan.
std::string plan_of(const wire::Json& input) {
  const auto* todos = wire::array_at(input, "todos");
  if (!todos) return "";
  std::string entries;
  for (const wire::Json& todo : *todos) {
    std::string status = wire::string_at(todo, "status", "pending");
    if (status == "cancelled") status = "completed";
    if (status != "in_progress" && status != "completed") status = "pending";
    std::string priority = wire::string_at(todo, "priority", "medium");
    if (priority != "high" && priority != "low") priority = "medium";
    entries += fmt::format(R"({}{{"content":{},"status":"{}","priority":"{}"}})", entries.empty() ? "" : ",",
                           wire::quoted(wire::string_at(todo, "content")), status, priority);
  }
  return fmt::format(R"({{"sessionUpdate":"plan","entries":[{}]}})", entries);
}

}  // namespace

std::string_view acp_kind(std::string_view tool) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kinds{{{"bash", "execute"},
                                                                                 {"read", "read"},
                                                                                 {"edit", "edit"},
                                                                                 {"write", "edit"},
                                                                                 {"apply_patch", "edit"},
                                                                                 {"glob", "search"},
                                                                                 {"grep", "search"},
                                                                                 {"list", "search"},
                                                                                 {"webfetch", "fetch"},
                                                                                 {"websearch", "fetch"},
                                                                                 {"external_directory", "read"}}};
  const auto found = std::ranges::find(kinds, tool, &std::pair<std::string_view, std::string_view>::first);
  return found == kinds.end() ? "other" : found->second;
}

std::vector<std::string> AcpUpdates::on(const LiveEvent& event) {
  std::vector<std::string> out;
  if (event.session != session_) return out;
  if (const auto* message = std::get_if<domain::MessageUpdated>(&event.fact)) {
    if (const auto* answer = std::get_if<domain::AssistantMessage>(&message->info)) answers_.insert(answer->id);
  } else if (const auto* updated = std::get_if<domain::PartUpdated>(&event.fact)) {
    if (answers_.contains(updated->part.message_id)) part(out, updated->part, "agent_message_chunk");
  } else if (const auto* delta = std::get_if<domain::TextDelta>(&event.fact)) {
    const auto known = said_.find(delta->part_id);
    if (known != said_.end() && !known->second.hidden && delta->field == "text" && !delta->delta.empty()) {
      known->second.bytes += delta->delta.size();
      out.push_back(chunk(known->second.reasoning ? "agent_thought_chunk" : "agent_message_chunk", delta->message_id,
                          delta->delta));
    }
  }
  return out;
}

std::vector<std::string> AcpUpdates::replay(const domain::MessageWithParts& message) {
  std::vector<std::string> out;
  const bool answers = std::holds_alternative<domain::AssistantMessage>(message.info);
  for (const domain::Part& each : message.parts)
    part(out, each, answers ? "agent_message_chunk" : "user_message_chunk");
  if (answers) answers_.insert(std::get<domain::AssistantMessage>(message.info).id);
  return out;
}

void AcpUpdates::part(std::vector<std::string>& out, const domain::Part& part, std::string_view text_update) {
  Said& said = said_[part.id];
  const auto say = [&](std::string_view update, std::string_view text) {
    if (text.size() <= said.bytes) return;
    out.push_back(chunk(update, part.message_id, text.substr(said.bytes)));
    said.bytes = text.size();
  };
  if (const auto* text = std::get_if<domain::TextPart>(&part.content)) {
    said.hidden = text->synthetic.value_or(false) || text->ignored.value_or(false);
    if (!said.hidden) say(text_update, text->text);
  } else if (const auto* reasoning = std::get_if<domain::ReasoningPart>(&part.content)) {
    said.reasoning = true;
    say("agent_thought_chunk", reasoning->text);
  } else if (const auto* tool = std::get_if<domain::ToolPart>(&part.content)) {
    call(out, *tool, said);
  }
}

void AcpUpdates::call(std::vector<std::string>& out, const domain::ToolPart& call, Said& said) {
  const std::string_view kind = acp_kind(call.tool);
  const std::string input_text = std::visit([](const auto& state) { return state.input.text; }, call.state);
  const wire::Json input = wire::parse(input_text).value_or(wire::JsonObject{});
  const std::string path = path_of(input);
  const std::string locations = path.empty() ? "[]" : fmt::format(R"([{{"path":{}}}])", wire::quoted(path));
  std::string title = tool_subject(call.tool, input_text, directory_);
  if (title.empty()) title = call.tool;
  if (said.state == 0) {
    said.state = 1;
    out.push_back(fmt::format(
        R"({{"sessionUpdate":"tool_call","toolCallId":{},"title":{},"kind":"{}","status":"pending","locations":{},"rawInput":{}}})",
        wire::quoted(call.call_id), wire::quoted(call.tool), kind, locations, input_text));
  }
  const auto update = [&](std::string_view status, const std::string& content, const std::string& output) {
    out.push_back(fmt::format(
        R"({{"sessionUpdate":"tool_call_update","toolCallId":{},"status":"{}","kind":"{}","title":{},"locations":{},"rawInput":{}{}{}}})",
        wire::quoted(call.call_id), status, kind, wire::quoted(title), locations, input_text,
        content.empty() ? "" : ",\"content\":[" + content + "]", output.empty() ? "" : ",\"rawOutput\":" + output));
  };
  if (std::holds_alternative<domain::ToolRunning>(call.state) && said.state < 2) {
    said.state = 2;
    update("in_progress", "", "");
  } else if (const auto* done = std::get_if<domain::ToolCompleted>(&call.state); done && said.state < 3) {
    said.state = 3;
    if (!done->title.empty()) title = done->title;
    std::string content = diff_content(call.tool, input);
    content += (content.empty() ? "" : ",") + text_content(done->output);
    const std::string cut = wire::valid_utf8(std::string_view(done->output).substr(0, kOutputBytesMax));
    update("completed", content, fmt::format(R"({{"output":{}}})", wire::quoted(cut)));
    if (call.tool == "todowrite") {
      if (auto plan = plan_of(input); !plan.empty()) out.push_back(std::move(plan));
    }
  } else if (const auto* failed = std::get_if<domain::ToolError>(&call.state); failed && said.state < 3) {
    said.state = 3;
    update("failed", text_content(failed->error), fmt::format(R"({{"error":{}}})", wire::quoted(failed->error)));
  }
}

}  // namespace quarterdeck::app
