#include "base/digest.hpp"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace quarterdeck {
namespace {

// The header's declarations give the types; the calls go through this table.
struct Library {
  decltype(&::EVP_sha256) algorithm;
  decltype(&::EVP_Digest) digest;
  decltype(&::HMAC) hmac;
};

Result<Library> load() {
  void* file = ::dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  if (!file) {
    return fail(ErrorCode::unavailable, "libcrypto cannot be loaded (Debian: apt install libssl3): {}", ::dlerror());
  }
  Library library{};
  const char* missing = nullptr;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(file, name));
    if (!function) missing = name;
  };
  find(library.algorithm, "EVP_sha256");
  find(library.digest, "EVP_Digest");
  find(library.hmac, "HMAC");
  if (missing) return fail(ErrorCode::unavailable, "libcrypto is too old: it has no {}", missing);
  return library;
}

// C++ makes the initialisation of a local static safe between threads.
const Result<Library>& loaded() {
  static const Result<Library> library = load();
  return library;
}

std::string text(const std::array<unsigned char, EVP_MAX_MD_SIZE>& bytes, unsigned length) {
  return {reinterpret_cast<const char*>(bytes.data()), length};
}

}  // namespace

Result<std::string> sha256(std::string_view bytes) {
  TRY(const Library library, Result<Library>(loaded()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  library.digest(bytes.data(), bytes.size(), out.data(), &length, library.algorithm(), nullptr);
  return text(out, length);
}

Result<std::string> hmac_sha256(std::string_view key, std::string_view bytes) {
  TRY(const Library library, Result<Library>(loaded()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  library.hmac(library.algorithm(), key.data(), static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data(), &length);
  return text(out, length);
}

}  // namespace quarterdeck
