#include "net/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>
#include <string>

namespace quarterdeck::net {
namespace {

constexpr int kMappedBits = 96;

bool is_mapped(const Address& address) {
  static constexpr std::array<std::uint8_t, 12> kPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kPrefix.begin(), kPrefix.end(), address.bytes.begin());
}

Address mapped(std::span<const std::uint8_t, 4> v4) {
  Address address;
  address.bytes[10] = address.bytes[11] = 0xff;
  std::ranges::copy(v4, address.bytes.begin() + 12);
  return address;
}

bool in_any(std::span<const std::string_view> networks, const Address& address) {
  return std::ranges::any_of(networks, [&](std::string_view text) { return parse_network(text)->contains(address); });
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  text = text.substr(0, text.find('%'));  // the zone of a link-local address
  const std::string zero_ended(text);
  std::array<std::uint8_t, 4> v4{};
  if (inet_pton(AF_INET, zero_ended.c_str(), v4.data()) == 1) return mapped(v4);
  Address address;
  if (inet_pton(AF_INET6, zero_ended.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

bool Network::contains(const Address& other) const {
  const auto whole = static_cast<std::size_t>(prefix_bits / 8);
  if (std::memcmp(address.bytes.data(), other.bytes.data(), whole) != 0) return false;
  const int rest = prefix_bits % 8;
  return rest == 0 || (address.bytes[whole] >> (8 - rest)) == (other.bytes[whole] >> (8 - rest));
}

std::optional<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  Network network{.address = *address};
  if (slash == text.npos) return network;
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), network.prefix_bits);
  if (error != std::errc() || end != digits.data() + digits.size() || network.prefix_bits < 0) return std::nullopt;
  const bool v4 = text.substr(0, slash).find(':') == text.npos;
  if (network.prefix_bits > (v4 ? 32 : 128)) return std::nullopt;
  if (v4) network.prefix_bits += kMappedBits;
  return network;
}

bool is_public(const Address& address) {
  static constexpr std::array<std::string_view, 14> kSpecialV4{
      "0.0.0.0/8",       "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",    "169.254.0.0/16",
      "172.16.0.0/12",   "192.0.0.0/24",   "192.0.2.0/24",  "192.168.0.0/16", "198.18.0.0/15",
      "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",   "240.0.0.0/4"};
  // Only 2000::/3 is given out; the first two of these carry an IPv4 address (6to4, Teredo), which is not looked into.
  static constexpr std::array<std::string_view, 4> kSpecialV6{"2002::/16", "2001::/32", "2001:db8::/32", "3fff::/20"};
  if (is_mapped(address)) return !in_any(kSpecialV4, address);
  const bool nat64 = parse_network("64:ff9b::/96")->contains(address);
  if (nat64) return !in_any(kSpecialV4, mapped(std::span(address.bytes).last<4>()));
  return parse_network("2000::/3")->contains(address) && !in_any(kSpecialV6, address);
}

}  // namespace quarterdeck::net
