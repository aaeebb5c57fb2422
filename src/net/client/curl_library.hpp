// libcurl, loaded when the first request goes out. With the TLS, Kerberos and LDAP libraries that Debian builds it with,
// it is some 8 MB of resident memory and 30 files to map at start; a server that calls no model needs none of it.
// The header's declarations give the types; the calls go through this table.
#pragma once

#include <curl/curl.h>

#include "base/result.hpp"

namespace quarterdeck::net {

struct CurlLibrary {
  decltype(&curl_global_init) global_init;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_cleanup) multi_cleanup;
  decltype(&curl_multi_setopt) multi_setopt;
  decltype(&curl_multi_add_handle) multi_add_handle;
  decltype(&curl_multi_remove_handle) multi_remove_handle;
  decltype(&curl_multi_socket_action) multi_socket_action;
  decltype(&curl_multi_info_read) multi_info_read;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
  decltype(&::curl_url) url;
  decltype(&curl_url_cleanup) url_cleanup;
  decltype(&curl_url_set) url_set;
  decltype(&curl_url_get) url_get;
  decltype(&curl_url_strerror) url_strerror;
  decltype(&curl_free) free;
};

// Any thread; loads at most once. Error: `unavailable`, with what the loader says.
Result<void> load_curl();
// Only after load_curl() succeeded.
const CurlLibrary& curl();

}  // namespace quarterdeck::net
