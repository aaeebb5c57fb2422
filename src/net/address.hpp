// Internet addresses and networks of them, as text. Sources: RFC 4291, the IANA registries of special-purpose addresses.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace quarterdeck::net {

// An IPv4 address counts as its IPv4-mapped IPv6 address (::ffff:a.b.c.d).
struct Address {
  std::array<std::uint8_t, 16> bytes{};
};
// "93.184.216.34", "2001:db8::1", "[::1]". Nothing for anything else.
std::optional<Address> parse_address(std::string_view text);

struct Network {
  Address address;
  int prefix_bits = 128;
  bool contains(const Address& other) const;
};
// "10.0.0.0/8", "fd00::/8", or one address.
std::optional<Network> parse_network(std::string_view text);

// True for an address of the public Internet: not this machine, its networks, a provider's metadata service, a carrier's
// or overlay's private range, or a form of IPv6 that carries such an IPv4 address.
bool is_public(const Address& address);

}  // namespace quarterdeck::net
