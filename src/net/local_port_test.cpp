#include "net/local_port.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/unique_fd.hpp"

namespace quarterdeck::net {
namespace {

TEST(LocalPort, TellsWhoListensFromWhoDoesNot) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::uint16_t port = ntohs(address.sin_port);
  EXPECT_FALSE(may_listen_locally(port)) << "bound, but nobody accepts";
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_TRUE(may_listen_locally(port));
}

}  // namespace
}  // namespace quarterdeck::net
