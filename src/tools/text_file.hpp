// A text file as the changing tools see it, and how it goes back to disk. Blocking: call these on the pool.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

#include "tools/tool.hpp"

namespace quarterdeck::tools {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kTextFileBytesMax = 64 << 20;  // what a tool takes into memory whole

enum class FileKind { missing, file, directory, under_file, other };
FileKind kind_of(const std::filesystem::path& file);  // follows links

struct TextFile {
  std::string text;  // without the byte order mark; bytes that are not UTF-8 are U+FFFD
  bool byte_order_mark = false;
};

// Errors are sentences for the model.
std::expected<TextFile, std::string> load_text(const std::filesystem::path& file);

// Creates parents, keeps mode (`mode` is for a new file) and links, is atomic. Errors as load_text.
std::expected<void, std::string> save_text(const std::filesystem::path& file, std::string_view text,
                                           bool byte_order_mark, unsigned mode = 0644);

// Takes a leading byte order mark off; true when there was one.
bool strip_byte_order_mark(std::string& text);

// "NotFound: FileSystem.readFile (/a/b)": how OpenCode words a refusal of the file system.
std::string file_problem(std::string_view operation, const std::filesystem::path& file, int error_number);

// Every "\r\n" becomes "\n".
std::string with_line_feeds(std::string_view text);

}  // namespace quarterdeck::tools
