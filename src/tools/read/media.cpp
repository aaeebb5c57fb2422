#include "tools/read/media.hpp"

#include <algorithm>
#include <array>

namespace quarterdeck::tools {
namespace {

std::string lower_extension(const std::filesystem::path& file) {
  std::string extension = file.extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}
unsigned big_endian_16(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

// Walks the segments of a JPEG to its frame header (ITU T.81, B.2).
bool jpeg_has_frame(std::string_view bytes) {
  std::size_t at = 2;
  while (at + 9 < bytes.size() && byte_at(bytes, at) == 0xFF) {
    const unsigned marker = byte_at(bytes, at + 1);
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) return big_endian_16(bytes, at + 5) > 0 && big_endian_16(bytes, at + 7) > 0;
    if (marker == 0xFF) {
      ++at;  // fill byte
    } else if (marker >= 0xD0 && marker <= 0xD8) {
      at += 2;
    } else {
      at += 2 + std::max(big_endian_16(bytes, at + 2), 2u);
    }
  }
  return false;
}

}  // namespace

std::optional<std::string_view> media_type(const std::filesystem::path& file, std::string_view head) {
  if (head.starts_with(kPngSignature)) return "image/png";
  if (head.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (head.starts_with("GIF87a") || head.starts_with("GIF89a")) return "image/gif";
  if (head.starts_with("RIFF") && head.size() >= 12 && head.substr(8, 4) == "WEBP") return "image/webp";
  if (head.starts_with("%PDF-")) return "application/pdf";
  const std::string extension = lower_extension(file);
  if (extension == ".png") return "image/png";
  if (extension == ".jpg" || extension == ".jpeg") return "image/jpeg";
  if (extension == ".gif") return "image/gif";
  if (extension == ".webp") return "image/webp";
  if (extension == ".pdf") return "application/pdf";
  return std::nullopt;
}

bool is_whole_image(std::string_view mime, std::string_view bytes) {
  if (mime == "image/png") {
    return bytes.starts_with(kPngSignature) && bytes.size() > 45 && bytes.substr(12, 4) == "IHDR" &&
           bytes.substr(16, 4) != std::string_view("\0\0\0\0", 4) &&
           bytes.substr(20, 4) != std::string_view("\0\0\0\0", 4) && bytes.contains("IDAT") && bytes.contains("IEND");
  }
  if (mime == "image/jpeg") return bytes.starts_with("\xFF\xD8\xFF") && jpeg_has_frame(bytes);
  if (mime == "image/gif") {
    const bool sized = byte_at(bytes, 6) + byte_at(bytes, 7) > 0 && byte_at(bytes, 8) + byte_at(bytes, 9) > 0;
    const bool palette = (byte_at(bytes, 10) & 0x80) != 0;  // without a global one few decoders agree
    return bytes.starts_with("GIF8") && bytes.size() > 20 && sized && palette && bytes.contains(',');
  }
  if (mime == "image/webp") return bytes.size() > 30 && bytes.starts_with("RIFF") && bytes.substr(8, 6) == "WEBPVP";
  return false;
}

bool is_binary(const std::filesystem::path& file, std::string_view head) {
  constexpr std::array<std::string_view, 28> kExtensions{".zip", ".tar",  ".gz",  ".exe", ".dll",  ".so",  ".class",
                                                         ".jar", ".war",  ".7z",  ".doc", ".docx", ".xls", ".xlsx",
                                                         ".ppt", ".pptx", ".odt", ".ods", ".odp",  ".bin", ".dat",
                                                         ".obj", ".o",    ".a",   ".lib", ".wasm", ".pyc", ".pyo"};
  if (head.empty()) return false;
  const std::string extension = lower_extension(file);
  if (std::ranges::find(kExtensions, std::string_view(extension)) != kExtensions.end()) return true;
  if (head.contains('\0')) return true;
  const auto controls = std::ranges::count_if(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 9 || (byte > 13 && byte < 32);
  });
  return static_cast<std::size_t>(controls) * 10 > head.size() * 3;
}

}  // namespace quarterdeck::tools
