#include "net/address.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::net {
namespace {

bool open(std::string_view text) {
  const auto address = parse_address(text);
  EXPECT_TRUE(address) << text;
  return address && is_public(*address);
}

TEST(Address, OfThePublicInternetIsPublic) {
  for (const char* text : {"1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1",
                           "2606:4700::1111", "[2a00:1450:4001:81b::200e]", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"}) {
    EXPECT_TRUE(open(text)) << text;
  }
}

TEST(Address, OfThisMachineItsNetworksAndMetadataServicesIsNot) {
  for (const char* text : {"127.0.0.1",
                           "127.9.9.9",
                           "0.0.0.0",
                           "10.1.2.3",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "169.254.169.254",
                           "100.100.100.100",
                           "100.64.0.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "192.0.0.192",
                           "::",
                           "::1",
                           "[::1]",
                           "fd00:ec2::254",
                           "fd7a:115c:a1e0::1",
                           "fe80::1%eth0",
                           "ff02::1",
                           "::ffff:127.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::7f00:1",
                           "2002:7f00:1::",
                           "2001:0:1::",
                           "::127.0.0.1"}) {
    EXPECT_FALSE(open(text)) << text;
  }
}

TEST(Address, ThatIsNoneIsNothing) {
  for (const char* text : {"", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "::1::", "[::1"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(Network, ContainsWhatSharesItsPrefix) {
  EXPECT_TRUE(parse_network("10.0.0.0/8")->contains(*parse_address("10.255.0.1")));
  EXPECT_FALSE(parse_network("10.0.0.0/8")->contains(*parse_address("11.0.0.1")));
  EXPECT_TRUE(parse_network("192.168.4.0/22")->contains(*parse_address("192.168.7.255")));
  EXPECT_FALSE(parse_network("192.168.4.0/22")->contains(*parse_address("192.168.8.0")));
  EXPECT_TRUE(parse_network("0.0.0.0/0")->contains(*parse_address("9.9.9.9")));
  EXPECT_FALSE(parse_network("0.0.0.0/0")->contains(*parse_address("2606:4700::1")));
  EXPECT_TRUE(parse_network("127.0.0.1")->contains(*parse_address("::ffff:127.0.0.1")));
  EXPECT_TRUE(parse_network("fd00::/8")->contains(*parse_address("fd12::1")));
}

TEST(Network, ThatIsNoneIsNothing) {
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "::/129", "host/8", ""}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
}

}  // namespace
}  // namespace quarterdeck::net
