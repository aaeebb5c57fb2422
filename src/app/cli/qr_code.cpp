#include "app/cli/qr_code.hpp"

#include <dlfcn.h>
#include <qrencode.h>

#include <memory>

namespace quarterdeck::app {
namespace {

constexpr int kQuiet = 2;

// The header's declarations give the types; the calls go through this table.
struct Library {
  decltype(&::QRcode_encodeString8bit) encode = nullptr;
  decltype(&::QRcode_free) free = nullptr;
};

Library load() {
  void* file = ::dlopen("libqrencode.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!file) return {};
  return {reinterpret_cast<decltype(Library::encode)>(::dlsym(file, "QRcode_encodeString8bit")),
          reinterpret_cast<decltype(Library::free)>(::dlsym(file, "QRcode_free"))};
}

}  // namespace

std::string qr_code(const std::string& text, bool colour) {
  static const Library library = load();
  if (!library.encode || !library.free) return {};
  const std::unique_ptr<QRcode, decltype(library.free)> code(library.encode(text.c_str(), 0, QR_ECLEVEL_L),
                                                             library.free);
  if (!code) return {};
  const int width = code->width;
  const auto light = [&](int x, int y) {
    if (x < 0 || y < 0 || x >= width || y >= width) return true;
    return (code->data[y * width + x] & 1) == 0;
  };
  std::string out;
  for (int y = -kQuiet; y < width + kQuiet; y += 2) {
    // White on black whatever the terminal's own colours are.
    if (colour) out += "\033[40;97m";
    for (int x = -kQuiet; x < width + kQuiet; ++x) {
      const bool upper = light(x, y), lower = light(x, y + 1);
      out += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
    }
    out += colour ? "\033[0m\n" : "\n";
  }
  return out;
}

}  // namespace quarterdeck::app
