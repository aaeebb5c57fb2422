#include "wire/fleet.hpp"

#include "wire/describe/fleet.hpp"

namespace quarterdeck::wire {
namespace {

template <class E>
std::string_view name_in(E value) {
  for (const auto& [member, name] : enum_names(value)) {
    if (member == value) return name;
  }
  return "";
}

template <class E>
std::optional<E> named(std::string_view text) {
  for (const auto& [member, name] : enum_names(E{})) {
    if (name == text) return member;
  }
  return std::nullopt;
}

}  // namespace

std::string encode_standing(const domain::Standing& standing) { return encode(standing); }
Result<domain::Standing> decode_standing(std::string_view json) { return decode_text<domain::Standing>(json); }
std::string encode_attention(const domain::Attention& attention) { return encode(attention); }
Result<domain::Attention> decode_attention(std::string_view json) { return decode_text<domain::Attention>(json); }
std::string encode_roster_row(const domain::RosterRow& row) { return encode(row); }

std::string_view priority_name(domain::Priority priority) { return name_in(priority); }
std::string_view group_name(domain::Attention::Group group) { return name_in(group); }
std::string_view state_name(domain::Attention::State state) { return name_in(state); }
std::optional<domain::Priority> priority_named(std::string_view name) { return named<domain::Priority>(name); }
std::optional<domain::Attention::Group> group_named(std::string_view name) {
  return named<domain::Attention::Group>(name);
}
std::optional<domain::Attention::State> state_named(std::string_view name) {
  return named<domain::Attention::State>(name);
}

}  // namespace quarterdeck::wire
