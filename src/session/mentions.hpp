// `@name` in prompts: files and agents that the text speaks of.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "domain/agent.hpp"
#include "domain/command.hpp"

namespace quarterdeck::session {

// What stands behind each @, in order, without repetition: "src/main.cpp" of "see @src/main.cpp." An @ inside a word or
// after a backtick is none.
std::vector<std::string> mentions_in(std::string_view text);

// The text, and a file part for each mention that is a file or directory (relative to the worktree), or an agent part for
// each that is an agent. Reads the file system: call it on the pool.
std::vector<domain::PromptPart> parts_of_text(const std::string& text, const std::filesystem::path& worktree,
                                              const std::filesystem::path& home,
                                              const std::vector<domain::Agent>& agents);

// After each mention of an agent: the words that tell the model to call it.
void add_agent_hints(std::vector<domain::PromptPart>& parts, const domain::Agent& caller);

}  // namespace quarterdeck::session
