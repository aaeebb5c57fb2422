// Writing to the process's own standard streams: whole, in order, and with a word when nobody reads any more.
#pragma once

#include <string_view>

namespace quarterdeck::app {

// False when the other end is closed or full for good.
bool write_all(int fd, std::string_view bytes);
// "quarterdeck: <text>" on standard error.
void complain(std::string_view text);

}  // namespace quarterdeck::app
