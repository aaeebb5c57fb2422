#include "llm/scripted/decide.hpp"

namespace quarterdeck::llm::scripted {
namespace {

constexpr std::size_t kTitleWordsMax = 6;
constexpr std::size_t kTitleBytesMax = 50;

bool mentions_title(std::string_view text) { return text.contains("title") || text.contains("Title"); }

bool is_directive(std::string_view line) {
  for (const char* name : {"TOOL:", "PRE", "REASON", "LEN", "WORDS:", "SLOW:", "USAGE:", "REDACTED", "REFUSE", "FILTER",
                           "CACHED:", "ERR:", "RETRYAFTER:", "FAULT:", "[[bench", "\"TOOL:"}) {
    if (line.starts_with(name)) return true;
  }
  return false;
}

// The first words of what the user wants, without the request for a title and without directives.
std::string title_of(std::string_view text) {
  std::string title;
  while (!text.empty() && title.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto first = line.find_first_not_of(" \t\r\"'#<>*-");
    if (first == std::string_view::npos || (mentions_title(line) && line.find(':') != std::string_view::npos)) continue;
    line.remove_prefix(first);
    if (is_directive(line)) continue;
    std::size_t count = 0;
    for (auto& word : words(line)) {
      while (word.ends_with(' ') || word.ends_with('\r')) word.pop_back();
      if (++count > kTitleWordsMax || title.size() + word.size() + 1 > kTitleBytesMax) break;
      if (!title.empty()) title += ' ';
      title += word;
    }
    while (title.ends_with('.') || title.ends_with(',') || title.ends_with('"')) title.pop_back();
  }
  if (title.empty()) return "Scripted session";
  if (title[0] >= 'a' && title[0] <= 'z') title[0] = static_cast<char>(title[0] - 'a' + 'A');
  return title;
}

}  // namespace

Script decide(const Conversation& conversation, const Scenario* scenario, Memory& memory) {
  if (!conversation.has_tools && (mentions_title(conversation.system) || mentions_title(conversation.user))) {
    return {.kind = "title", .text = {title_of(conversation.user)}};
  }
  if (auto script = script_of_directives(conversation, memory)) return *std::move(script);
  if (auto script = script_of_bench(conversation)) return *std::move(script);
  if (scenario) {
    if (auto script = script_of_scenario(*scenario, conversation)) return *std::move(script);
  }
  Script script;
  for (int i = 0; i < 8; ++i) script.text.push_back(fmt::format("word{} ", i));
  return script;
}

}  // namespace quarterdeck::llm::scripted
