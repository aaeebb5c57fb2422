// Metadata of the tools that find files.
#pragma once

#include <cstdint>

namespace quarterdeck::tools {

struct FilesFound {
  std::int64_t count = 0;
  bool truncated = false;  // there may be more
};
template <class Io>
void describe(Io& io, FilesFound& found) {
  io.field("count", found.count);
  io.field("truncated", found.truncated);
}

}  // namespace quarterdeck::tools
