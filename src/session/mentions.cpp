#include "session/mentions.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "permission/rules.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::size_t kMentionsMax = 100;

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
// Ends a mention: white space, a backtick, a comma.
bool ends(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '`' || c == ','; }

std::string file_url(const std::filesystem::path& file) {
  std::string url = "file://";
  for (const auto& segment : file) {
    if (segment != "/") url += "/" + percent_encode(segment.string());
  }
  return url;
}

}  // namespace

std::vector<std::string> mentions_in(std::string_view text) {
  std::vector<std::string> found;
  for (std::size_t at = text.find('@'); at != text.npos && found.size() < kMentionsMax; at = text.find('@', at + 1)) {
    if (at > 0 && (is_word(text[at - 1]) || text[at - 1] == '`')) continue;
    std::size_t end = at + 1;
    while (end < text.size() && !ends(text[end])) ++end;
    // A full stop at the end belongs to the sentence.
    while (end > at + 1 && text[end - 1] == '.') --end;
    std::string name(text.substr(at + 1, end - at - 1));
    if (!name.empty() && std::ranges::find(found, name) == found.end()) found.push_back(std::move(name));
  }
  return found;
}

std::vector<PromptPart> parts_of_text(const std::string& text, const std::filesystem::path& worktree,
                                      const std::filesystem::path& home, const std::vector<Agent>& agents) {
  std::vector<PromptPart> parts;
  parts.push_back({.id = {}, .content = TextPart{.text = text}});
  for (const std::string& name : mentions_in(text)) {
    const std::filesystem::path file =
        name.starts_with("~/") ? home / name.substr(2) : (worktree / name).lexically_normal();
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (!error && std::filesystem::exists(status)) {
      const bool directory = std::filesystem::is_directory(status);
      parts.push_back({.id = {},
                       .content = FilePart{.mime = directory ? "application/x-directory" : "text/plain",
                                           .filename = name,
                                           .url = file_url(file),
                                           .source = {}}});
    } else if (std::ranges::find(agents, name, &Agent::name) != agents.end()) {
      parts.push_back({.id = {}, .content = AgentPart{.name = name, .source = {}}});
    }
  }
  return parts;
}

void add_agent_hints(std::vector<PromptPart>& parts, const Agent& caller) {
  std::vector<PromptPart> out;
  out.reserve(parts.size());
  for (PromptPart& part : parts) {
    const auto* mention = std::get_if<AgentPart>(&part.content);
    std::string hint;
    if (mention) {
      const bool denied = permission::evaluate("task", mention->name, {caller.permission}).action == Action::deny;
      hint = fmt::format(
          " Use the above message and context to generate a prompt and call the task tool with subagent: {}{}",
          mention->name, denied ? " . Invoked by user; guaranteed to exist." : "");
    }
    out.push_back(std::move(part));
    if (!hint.empty()) out.push_back({.id = {}, .content = TextPart{.text = std::move(hint), .synthetic = true}});
  }
  parts = std::move(out);
}

}  // namespace quarterdeck::session
