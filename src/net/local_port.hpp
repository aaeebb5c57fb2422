// Whether anything listens on a port of this machine, without an HTTP client and without waiting.
#pragma once

#include <cstdint>

namespace quarterdeck::net {

// False only when the kernel refuses the connection at once, as it does on 127.0.0.1 when nobody listens.
bool may_listen_locally(std::uint16_t port);

}  // namespace quarterdeck::net
