// gzip of answers (RFC 1952) by zlib, and whether a client takes it (RFC 9110, 12.5.3).
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace quarterdeck::net {

// One body after the other; keeps zlib's 256 KB of working memory between them.
class Gzip {
 public:
  Gzip();
  ~Gzip();
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  enum class More { yes, no };
  // Appends to `out`; More::no ends the body and makes ready for the next.
  void write(std::string_view bytes, More more, std::string& out);
  std::string compress(std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// False for "gzip;q=0" and when gzip is not named (nor "*").
bool accepts_gzip(std::string_view accept_encoding);
// Pictures, fonts and archives are compressed already.
bool worth_compressing(std::string_view content_type);

}  // namespace quarterdeck::net
