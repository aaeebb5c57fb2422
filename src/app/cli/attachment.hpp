// Files that go along with a prompt: sent inline, so that they need not be on the server's machine.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "domain/message.hpp"

namespace quarterdeck::app {

// Servers refuse bodies over 10 MB, and base64 adds a third.
inline constexpr std::size_t kAttachmentBytesMax = 7'000'000;

// Errors: `not_found`, `denied`, `too_large`, `invalid` (a folder).
Result<domain::FilePart> read_attachment(const std::filesystem::path& path);

}  // namespace quarterdeck::app
