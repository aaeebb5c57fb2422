#include "terminal/scrollback.hpp"

#include <algorithm>

#include "wire/json.hpp"

namespace quarterdeck::terminal {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// How long the character is that begins with `c`; 1 for what begins none.
std::size_t character_bytes(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0xF0 && byte < 0xF8) return 4;
  if (byte >= 0xE0 && byte < 0xF0) return 3;
  return byte >= 0xC0 && byte < 0xE0 ? 2 : 1;
}

// Beyond U+FFFF a character takes two units; those are the ones of four bytes.
std::int64_t units_of(char first) { return character_bytes(first) == 4 ? 2 : 1; }

std::int64_t units_in(std::string_view text) {
  std::int64_t units = 0;
  for (const char c : text) {
    if (!continues(c)) units += units_of(c);
  }
  return units;
}

// How many bytes at the end are the beginning of a character whose rest has not come.
std::size_t incomplete_bytes(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const char c = text[text.size() - back];
    if (!continues(c)) return character_bytes(c) > back ? back : 0;
  }
  return 0;
}

}  // namespace

void Scrollback::append(std::string_view bytes) {
  std::string text = std::exchange(incomplete_, {});
  text += bytes;
  const std::size_t left = incomplete_bytes(text);
  incomplete_ = text.substr(text.size() - left);
  text.resize(text.size() - left);
  text = wire::valid_utf8(text);
  if (text.empty()) return;
  const std::int64_t units = units_in(text);
  if (chunks_.empty() || chunks_.back().text.size() + text.size() > kChunkBytes) {
    chunks_.push_back({.begin = end_, .units = units, .text = std::move(text)});
  } else {
    chunks_.back().text += text;
    chunks_.back().units += units;
  }
  end_ += units;
  while (chunks_.size() > 1 && end_ - chunks_[1].begin >= kUnitsMax) chunks_.pop_front();
}

std::string Scrollback::read(std::int64_t& position, std::int64_t end) const {
  position = std::max(position, begin());
  const auto after = std::ranges::upper_bound(chunks_, position, {}, &Chunk::begin);
  if (position >= end || after == chunks_.begin()) return {};
  const Chunk& chunk = *std::prev(after);
  std::int64_t at = chunk.begin;
  std::size_t from = 0;
  const auto skip_to = [&](std::size_t byte, std::int64_t wanted) {
    while (byte < chunk.text.size() && at < wanted) {
      at += units_of(chunk.text[byte]);
      byte += character_bytes(chunk.text[byte]);
    }
    return byte;
  };
  from = skip_to(0, position);
  const std::size_t to = skip_to(from, end);
  position = at;
  return chunk.text.substr(from, to - from);
}

void Scrollback::clear() {
  chunks_.clear();
  incomplete_.clear();
}

}  // namespace quarterdeck::terminal
