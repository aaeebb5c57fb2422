// What a prompt's files say, read when it is admitted: later the files may be others. Texts and directories become
// synthetic text parts, as if the read tool had been called; images and documents become data: URLs. A resource of an MCP
// server (source.type "resource") is asked for there.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.hpp"
#include "domain/command.hpp"
#include "llm/provider.hpp"
#include "session/engine.hpp"
#include "session/instance.hpp"

namespace quarterdeck::session {

inline constexpr std::size_t kAttachmentBytesMax = 20 * 1024 * 1024;  // of one image or document

struct Attached {
  std::vector<domain::PromptPart> parts;
  std::vector<std::string> problems;  // files that could not be read; the model is told too
};

// Where a file:// URL points, from the session's directory.
std::filesystem::path attached_path(std::string_view url, const std::filesystem::path& directory);

// A file: URL may name lines (?start=3&end=5). Error `too_large`, with the part's place, for a file above the limit.
Task<Result<Attached>> read_attachments(Engine& engine, std::shared_ptr<Instance> instance, SessionId session,
                                        std::string agent, std::vector<domain::PromptPart> parts);

// The same conversation with a sentence in the place of every file that the model cannot take.
llm::ChatMessages without_unsupported(llm::ChatMessages messages, const domain::ModelInfo& model);

}  // namespace quarterdeck::session
