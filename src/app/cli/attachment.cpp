#include "app/cli/attachment.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "app/cli/client.hpp"
#include "base/encoding.hpp"
#include "base/paths.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {
namespace {

std::string mime_of(const std::filesystem::path& path, std::string_view bytes) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kKnown{{{".png", "image/png"},
                                                                                 {".jpg", "image/jpeg"},
                                                                                 {".jpeg", "image/jpeg"},
                                                                                 {".gif", "image/gif"},
                                                                                 {".webp", "image/webp"},
                                                                                 {".pdf", "application/pdf"}}};
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const auto& [suffix, mime] : kKnown) {
    if (extension == suffix) return std::string(mime);
  }
  const bool text = bytes.find('\0') == bytes.npos && wire::valid_utf8(bytes) == bytes;
  return text ? "text/plain" : "application/octet-stream";
}

}  // namespace

Result<domain::FilePart> read_attachment(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return fail(ErrorCode::invalid, "{} is a folder; --file takes files", path.string());
  if (std::filesystem::is_regular_file(path, ignored) &&
      std::filesystem::file_size(path, ignored) > kAttachmentBytesMax) {
    return fail(ErrorCode::too_large,
                "{} is larger than {} MB; name it in the task instead, so that the agent reads it", path.string(),
                kAttachmentBytesMax / 1'000'000);
  }
  TRY(const std::string bytes, read_file(path));
  if (bytes.size() > kAttachmentBytesMax)
    return fail(ErrorCode::too_large, "{} is too large to send along", path.string());
  const std::string mime = mime_of(path, bytes);
  return domain::FilePart{
      .mime = mime, .filename = path.filename().string(), .url = "data:" + mime + ";base64," + base64(bytes)};
}

}  // namespace quarterdeck::app
