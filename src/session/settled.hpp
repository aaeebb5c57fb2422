// The beginning of a history whose turns are over, as the model sees it: in pieces, which the requests of all later turns
// share. A turn costs what was said since; what the pieces hold is not looked at again.
// Law: a change of a message drops the piece that holds it and all behind; the pieces then grow again (context.cpp).
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "llm/chat_messages.hpp"

namespace quarterdeck::session {

class Settled {
 public:
  using Past = std::shared_ptr<const llm::ChatMessages::Past>;

  // Messages of the history that the pieces stand for: from `begin`, what was said before being summarised, to `end`.
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return pieces_.empty() ? begin_ : pieces_.back().end; }

  // The message at `place` changes, comes or goes.
  void forget_from(std::size_t place);
  // What is before `begin` is said no more.
  void begin_at(std::size_t begin);
  void add(std::size_t end, std::vector<llm::ChatMessages::Shared> said);
  llm::ChatMessages messages() const;

 private:
  struct Piece {
    std::size_t end = 0;
    Past past;  // null: nothing is said in it
  };
  std::size_t begin_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace quarterdeck::session
