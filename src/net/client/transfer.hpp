// One request on its way: curl's easy handle with its options, callbacks and deadlines. Lives on the loop.
// Law: finish() happens once; after it the sink is not called any more.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/async.hpp"
#include "net/client/curl_library.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::net {

class Transfer {
 public:
  Transfer(Loop& loop, ClientRequest request, ResponseSink& sink);

  // Errors: `invalid`.
  Result<void> prepare();
  CURL* easy() const { return easy_.get(); }
  // Arms the deadlines; `give_up` ends the transfer with an error when one has passed.
  void start(std::move_only_function<void(Error)> give_up);
  // What curl says at the end, in the words of the interface.
  Result<void> outcome_of(CURLcode code) const;
  void finish(Result<void> outcome);
  bool finished() const { return finished_; }
  OneShot<Unit> done() const { return done_; }
  // The outcome; rethrows what the sink threw.
  Result<void> result();

 private:
  static std::size_t on_header(const char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(const char* bytes, std::size_t size, std::size_t count, void* self);
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  bool take_header_line(std::string_view line);
  void check_deadlines();

  struct FreeEasy {
    void operator()(CURL* easy) const { curl().easy_cleanup(easy); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl().slist_free_all(list); }
  };

  Loop& loop_;
  ClientRequest request_;
  ResponseSink* sink_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::unique_ptr<curl_slist, FreeList> header_list_;
  std::string host_;  // for messages: without credentials or query
  char curl_error_[CURL_ERROR_SIZE] = {};

  int status_ = 0;
  Headers headers_;
  std::size_t header_bytes_ = 0;
  bool head_done_ = false;
  bool sink_stopped_ = false;
  std::string refused_;  // the address that may_connect refused
  std::exception_ptr thrown_;

  std::move_only_function<void(Error)> give_up_;
  std::unique_ptr<Loop::Handle> deadline_;
  std::int64_t started_ms_ = 0;
  std::int64_t heard_ms_ = 0;

  bool finished_ = false;
  Result<void> outcome_;
  OneShot<Unit> done_;
};

}  // namespace quarterdeck::net
