#include "net/client/curl_multi.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace quarterdeck::net {

CurlMulti::CurlMulti(Loop& loop, Done on_done) : loop_(loop), on_done_(std::move(on_done)) {
  multi_ = curl().multi_init();
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!multi_ || !epoll_.valid()) throw std::runtime_error("libcurl cannot start");
  curl().multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl().multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
  curl().multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  watch_ = loop_.watch_readable(epoll_.get(), [this] { on_sockets_ready(); });
}

CurlMulti::~CurlMulti() { curl().multi_cleanup(multi_); }

void CurlMulti::outside_callbacks(Loop::Callback work) {
  if (acting_) {
    postponed_.push_back(std::move(work));
  } else {
    work();
  }
}

int CurlMulti::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
  const int epoll = static_cast<CurlMulti*>(self)->epoll_.get();
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.data.fd = socket;
  if (what & CURL_POLL_IN) event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
  if (::epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) < 0 && errno == ENOENT) {
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
  }
  return 0;
}

int CurlMulti::on_timer(CURLM*, long timeout_ms, void* self) {
  auto* multi = static_cast<CurlMulti*>(self);
  multi->timer_.reset();
  if (timeout_ms >= 0) {
    multi->timer_ = multi->loop_.after_ms(timeout_ms, [multi] {
      multi->act(CURL_SOCKET_TIMEOUT, 0);
      multi->finish_action();
    });
  }
  return 0;
}

void CurlMulti::on_sockets_ready() {
  std::array<epoll_event, 64> ready;
  const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready[static_cast<std::size_t>(i)];
    int events = 0;
    if (event.events & (EPOLLIN | EPOLLHUP)) events |= CURL_CSELECT_IN;
    if (event.events & EPOLLOUT) events |= CURL_CSELECT_OUT;
    if (event.events & EPOLLERR) events |= CURL_CSELECT_ERR;
    act(event.data.fd, events);
  }
  finish_action();
}

void CurlMulti::act(curl_socket_t socket, int events) {
  acting_ = true;
  int running = 0;
  curl().multi_socket_action(multi_, socket, events, &running);
  acting_ = false;
}

void CurlMulti::finish_action() {
  for (auto& work : std::exchange(postponed_, {})) work();
  int left = 0;
  while (const CURLMsg* message = curl().multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) on_done_(message->easy_handle, message->data.result);
  }
}

}  // namespace quarterdeck::net
