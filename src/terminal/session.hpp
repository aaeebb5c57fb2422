// One terminal: its description, its command's end, its scrollback and who looks at it.
#pragma once

#include <memory>
#include <set>
#include <stop_token>

#include "domain/terminal.hpp"
#include "net/conversation.hpp"
#include "process/terminal.hpp"
#include "terminal/scrollback.hpp"
#include "terminal/terminals.hpp"

namespace quarterdeck::terminal {

class Viewer;

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(domain::Pty described, Place opened_in) : pty(std::move(described)), place(std::move(opened_in)) {}

  void show(std::string_view bytes) {
    scrollback.append(bytes);
    wake_viewers();
  }
  void wake_viewers();
  // Nothing more comes: viewers are told so, and what it showed is forgotten once they have it.
  void end();
  std::unique_ptr<net::Conversation> view(std::int64_t cursor);

  domain::Pty pty;
  Place place;
  bool removed = false;
  std::unique_ptr<process::Terminal> terminal;  // until its command has ended
  Scrollback scrollback;
  std::stop_source stop;

 private:
  friend Viewer;
  void forget_what_nobody_reads();

  std::set<Viewer*> viewers_;
};

}  // namespace quarterdeck::terminal
