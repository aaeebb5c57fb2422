#include "llm/bedrock/crypto_library.hpp"

#include <dlfcn.h>

namespace quarterdeck::llm::bedrock {
namespace {

Result<CryptoLibrary> load() {
  void* file = ::dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  if (!file) {
    return fail(ErrorCode::unavailable, "libcrypto cannot be loaded (Debian: apt install libssl3): {}", ::dlerror());
  }
  CryptoLibrary library{};
  const char* missing = nullptr;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(file, name));
    if (!function) missing = name;
  };
  find(library.sha256, "EVP_sha256");
  find(library.digest, "EVP_Digest");
  find(library.hmac, "HMAC");
  if (missing) return fail(ErrorCode::unavailable, "libcrypto is too old: it has no {}", missing);
  return library;
}

// C++ makes the initialisation of a local static safe between threads.
const Result<CryptoLibrary>& loaded() {
  static const Result<CryptoLibrary> library = load();
  return library;
}

}  // namespace

Result<void> load_crypto() {
  if (!loaded()) return std::unexpected(loaded().error());
  return {};
}

const CryptoLibrary& crypto() {
  ASSERT(loaded(), "whoever signs has loaded it");
  return *loaded();
}

}  // namespace quarterdeck::llm::bedrock
