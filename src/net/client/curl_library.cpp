#include "net/client/curl_library.hpp"

#include <dlfcn.h>

namespace quarterdeck::net {
namespace {

// The name of the ABI that the headers describe, under both flavours that distributions ship.
constexpr const char* kFiles[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

Result<CurlLibrary> load() {
  void* file = nullptr;
  std::string why;
  for (const char* name : kFiles) {
    file = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (file) break;
    if (why.empty()) why = ::dlerror();
  }
  if (!file) return fail(ErrorCode::unavailable, "libcurl cannot be loaded (Debian: apt install libcurl4): {}", why);
  CurlLibrary library{};
  const char* missing = nullptr;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(file, name));
    if (!function) missing = name;
  };
  find(library.global_init, "curl_global_init");
  find(library.easy_init, "curl_easy_init");
  find(library.easy_cleanup, "curl_easy_cleanup");
  find(library.easy_setopt, "curl_easy_setopt");
  find(library.easy_getinfo, "curl_easy_getinfo");
  find(library.easy_strerror, "curl_easy_strerror");
  find(library.multi_init, "curl_multi_init");
  find(library.multi_cleanup, "curl_multi_cleanup");
  find(library.multi_setopt, "curl_multi_setopt");
  find(library.multi_add_handle, "curl_multi_add_handle");
  find(library.multi_remove_handle, "curl_multi_remove_handle");
  find(library.multi_socket_action, "curl_multi_socket_action");
  find(library.multi_info_read, "curl_multi_info_read");
  find(library.slist_append, "curl_slist_append");
  find(library.slist_free_all, "curl_slist_free_all");
  find(library.url, "curl_url");
  find(library.url_cleanup, "curl_url_cleanup");
  find(library.url_set, "curl_url_set");
  find(library.url_get, "curl_url_get");
  find(library.url_strerror, "curl_url_strerror");
  find(library.free, "curl_free");
  if (missing) return fail(ErrorCode::unavailable, "libcurl is too old: it has no {}", missing);
  if (library.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fail(ErrorCode::unavailable, "libcurl cannot start");
  return library;
}

// C++ makes the initialisation of a local static safe between threads.
const Result<CurlLibrary>& loaded() {
  static const Result<CurlLibrary> library = load();
  return library;
}

}  // namespace

Result<void> load_curl() {
  if (!loaded()) return std::unexpected(loaded().error());
  return {};
}

const CurlLibrary& curl() {
  ASSERT(loaded(), "whoever calls libcurl has loaded it");
  return *loaded();
}

}  // namespace quarterdeck::net
