// Decodes a chunked body, fed with pieces cut anywhere. Ours, because Beast 1.81 aborts the process when the last chunk
// comes alone and its trailers follow byte by byte (BOOST_ASSERT(n >= 5) in parse_chunk_header).
// Trailers and chunk extensions are checked, bounded and dropped. RFC 9112, section 7.1.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quarterdeck::net {

class ChunkedBody {
 public:
  enum class Status { more, complete, malformed, too_large };

  explicit ChunkedBody(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}
  // Appends to `body` and cuts from `bytes` what it has used: all of it, or up to the end of the body.
  Status feed(std::string_view& bytes, std::string& body);

 private:
  enum class At {
    size,
    size_space,
    extension,
    size_line_feed,
    data,
    data_return,
    data_line_feed,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_line_feed,
    end_line_feed
  };
  // False when `c` cannot stand here.
  bool step(char c);
  bool take_digit(char c);

  std::size_t body_bytes_max_;
  At at_ = At::size;
  std::size_t chunk_left_ = 0;
  std::size_t body_left_ = body_bytes_max_;
  int digits_ = 0;
  std::size_t overhead_bytes_ = 0;  // extensions and trailers
  bool too_large_ = false;
  bool complete_ = false;
};

}  // namespace quarterdeck::net
