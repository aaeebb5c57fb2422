// Tells text from pictures and from bytes that no model can read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace quarterdeck::tools {

// "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf": by content (`head`: the first bytes), else by
// the file's extension. nullopt: not such a file.
std::optional<std::string_view> media_type(const std::filesystem::path& file, std::string_view head);

// The picture can be decoded as far as its container tells: sizes are there and above zero, the end is there.
bool is_whole_image(std::string_view mime, std::string_view bytes);

// By extension, by a NUL byte in `head` (the first 4,096 bytes), or by more than 30 % control characters there.
bool is_binary(const std::filesystem::path& file, std::string_view head);

}  // namespace quarterdeck::tools
