// Messages of the Language Server Protocol on a byte stream: a head with the length, an empty line, the JSON.
// Pure: bytes go in as they come.
// Source: LSP 3.17, "Base Protocol".
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace quarterdeck::lsp {

inline constexpr std::size_t kHeadBytesMax = 4 * 1024;
inline constexpr std::size_t kBodyBytesMax = 16 * 1024 * 1024;

std::string framed(std::string_view json);

class Unframer {
 public:
  // Calls `message` for each that is whole now. Errors: `invalid`: the stream cannot be understood any more.
  Result<void> add(std::string_view bytes, const std::function<void(std::string_view)>& message);

 private:
  Result<std::size_t> length_of(std::string_view head) const;

  std::string buffer_;
  std::size_t wanted_ = 0;  // bytes of the body; 0: in the head
};

}  // namespace quarterdeck::lsp
