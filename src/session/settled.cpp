#include "session/settled.hpp"

namespace quarterdeck::session {

void Settled::forget_from(std::size_t place) {
  if (place < begin_) return begin_at(0);
  while (!pieces_.empty() && pieces_.back().end > place) pieces_.pop_back();
}

void Settled::begin_at(std::size_t begin) {
  begin_ = begin;
  pieces_.clear();
}

void Settled::add(std::size_t end, std::vector<llm::ChatMessages::Shared> said) {
  Past past;
  if (!said.empty()) past = std::make_shared<const llm::ChatMessages::Past>(std::move(said));
  pieces_.push_back({end, std::move(past)});
}

llm::ChatMessages Settled::messages() const {
  llm::ChatMessages messages;
  for (const Piece& piece : pieces_) {
    if (piece.past) messages.push_back(piece.past);
  }
  return messages;
}

}  // namespace quarterdeck::session
