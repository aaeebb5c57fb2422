#include "terminal/session.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace quarterdeck::terminal {

// text* (what was there) ─▶ 0x00 {"cursor":n} (binary) ─▶ text* (live) ─▶ close
class Viewer final : public net::Conversation {
 public:
  Viewer(std::shared_ptr<Session> session, std::int64_t cursor) : session_(std::move(session)) {
    session_->viewers_.insert(this);
    greeting_end_ = session_->scrollback.end();
    cursor_ = cursor < 0 ? greeting_end_ : std::min(cursor, greeting_end_);
    too_late_ = !session_->terminal;
  }
  ~Viewer() override {
    session_->viewers_.erase(this);
    session_->forget_what_nobody_reads();
  }
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  Next take() override {
    if (too_late_) return {.message = {}, .close = net::SocketClose{.code = 4404, .reason = "session exited"}};
    Next next;
    const Scrollback& scrollback = session_->scrollback;
    if (std::string text = scrollback.read(cursor_, greeted_ ? scrollback.end() : greeting_end_); !text.empty()) {
      next.message = net::SocketMessage{.kind = net::SocketMessage::Kind::text, .bytes = std::move(text)};
    } else if (!std::exchange(greeted_, true)) {
      std::string position(1, '\0');
      position += fmt::format(R"({{"cursor":{}}})", cursor_);
      next.message = net::SocketMessage{.kind = net::SocketMessage::Kind::binary, .bytes = std::move(position)};
    } else if (!session_->terminal) {
      next.close = net::SocketClose{};
    }
    return next;
  }
  void when_ready(Loop::Callback wake) override { wake_ = std::move(wake); }
  bool receive(net::SocketMessage message) override {
    return !session_->terminal || session_->terminal->write(message.bytes);
  }

  void wake() {
    if (auto call = std::exchange(wake_, nullptr)) call();
  }

 private:
  std::shared_ptr<Session> session_;
  std::int64_t cursor_ = 0;
  std::int64_t greeting_end_ = 0;
  bool greeted_ = false;
  bool too_late_ = false;
  Loop::Callback wake_;
};

void Session::wake_viewers() {
  // One that is woken may go, or go to sleep again.
  const std::set<Viewer*> all = viewers_;
  for (Viewer* viewer : all) {
    if (viewers_.contains(viewer)) viewer->wake();
  }
}

void Session::end() {
  terminal.reset();
  wake_viewers();
  forget_what_nobody_reads();
}

void Session::forget_what_nobody_reads() {
  if (!terminal && viewers_.empty()) scrollback.clear();
}

std::unique_ptr<net::Conversation> Session::view(std::int64_t cursor) {
  return std::make_unique<Viewer>(shared_from_this(), cursor);
}

}  // namespace quarterdeck::terminal
