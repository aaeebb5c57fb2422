#include "tools/text_file.hpp"

#include <sys/stat.h>

#include <cerrno>

#include "base/paths.hpp"
#include "wire/json.hpp"

namespace quarterdeck::tools {

FileKind kind_of(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return errno == ENOTDIR ? FileKind::under_file : FileKind::missing;
  if (S_ISDIR(status.st_mode)) return FileKind::directory;
  return S_ISREG(status.st_mode) ? FileKind::file : FileKind::other;
}

std::string file_problem(std::string_view operation, const std::filesystem::path& file, int error_number) {
  std::string_view reason = "Unknown";
  switch (error_number) {
    case ENOENT: reason = "NotFound"; break;
    case EACCES:
    case EPERM:
    case EROFS: reason = "PermissionDenied"; break;
    case EEXIST: reason = "AlreadyExists"; break;
    case EISDIR:
    case ENOTDIR:
    case ELOOP: reason = "BadResource"; break;
    case EBUSY: reason = "Busy"; break;
    default: break;
  }
  return fmt::format("{}: FileSystem.{} ({})", reason, operation, file.string());
}

bool strip_byte_order_mark(std::string& text) {
  if (!text.starts_with(kByteOrderMark)) return false;
  text.erase(0, kByteOrderMark.size());
  return true;
}

std::expected<TextFile, std::string> load_text(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return std::unexpected(file_problem("readFile", file, errno));
  // A pipe or a device could keep us for ever.
  if (!S_ISREG(status.st_mode)) return std::unexpected(file_problem("readFile", file, EISDIR));
  if (static_cast<std::size_t>(status.st_size) > kTextFileBytesMax) {
    return std::unexpected(fmt::format("File is too large to change with this tool ({} MB at most): {}",
                                       kTextFileBytesMax >> 20, file.string()));
  }
  auto bytes = read_file(file);
  if (!bytes)
    return std::unexpected(file_problem("readFile", file, bytes.error().code == ErrorCode::denied ? EACCES : 0));
  TextFile loaded;
  loaded.byte_order_mark = strip_byte_order_mark(*bytes);
  loaded.text = wire::valid_utf8(*bytes);
  return loaded;
}

std::expected<void, std::string> save_text(const std::filesystem::path& file, std::string_view text,
                                           bool byte_order_mark, unsigned mode) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) {
    const bool in_the_way = error.value() == ENOTDIR || error.value() == EEXIST;
    return std::unexpected(in_the_way ? file_problem("writeFile", file, ENOTDIR)
                                      : file_problem("makeDirectory", file.parent_path(), error.value()));
  }
  if (kind_of(file) == FileKind::directory) return std::unexpected(file_problem("writeFile", file, EISDIR));
  std::string bytes(byte_order_mark ? kByteOrderMark : "");
  bytes += text;
  const auto written = write_file_atomically(file, bytes, mode);
  if (written) return {};
  if (written.error().code == ErrorCode::denied) return std::unexpected(file_problem("writeFile", file, EACCES));
  return std::unexpected(written.error().message);
}

std::string with_line_feeds(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    out += text[i];
  }
  return out;
}

}  // namespace quarterdeck::tools
