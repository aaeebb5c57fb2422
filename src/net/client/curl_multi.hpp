// libcurl's multi interface driven by our loop: one epoll set holds curl's sockets, the loop watches that set, and
// curl's timer is one of the loop's. No thread besides curl's resolver. libcurl: curl_multi_socket_action(3).
// Law: curl forbids add and remove inside its callbacks, so work that comes from there waits until the call returned.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/loop.hpp"
#include "base/unique_fd.hpp"
#include "net/client/curl_library.hpp"

namespace quarterdeck::net {

class CurlMulti {
 public:
  using Done = std::move_only_function<void(CURL*, CURLcode)>;
  CurlMulti(Loop& loop, Done on_done);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  // Runs `work` with curl outside of its callbacks: now, or as soon as it is.
  void outside_callbacks(Loop::Callback work);
  CURLM* handle() const { return multi_; }

 private:
  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*);
  static int on_timer(CURLM*, long timeout_ms, void* self);
  void on_sockets_ready();
  void act(curl_socket_t socket, int events);
  void finish_action();

  Loop& loop_;
  Done on_done_;
  CURLM* multi_;
  UniqueFd epoll_;
  std::unique_ptr<Loop::Handle> watch_;
  std::unique_ptr<Loop::Handle> timer_;
  bool acting_ = false;
  std::vector<Loop::Callback> postponed_;
};

}  // namespace quarterdeck::net
