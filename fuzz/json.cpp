// What parses prints, and what was printed parses to the same; quoting makes valid JSON of any bytes.
#include "wire/json.hpp"

#include <algorithm>
#include <cmath>

#include "fuzz_target.hpp"

namespace {

using quarterdeck::wire::Json;

// Numbers that need a double may move in the last bit: Boost.JSON 1.81 does not read them exactly.
bool same(const Json& a, const Json& b) {
  // What is too large for a double is printed as null.
  if (a.is_double() && b.is_null()) return !std::isfinite(a.get_double());
  if (a.is_number() && b.is_number() && (a.is_double() || b.is_double())) {
    const double x = a.to_number<double>();
    const double y = b.to_number<double>();
    return x == y || std::abs(x - y) <= 1e-14 * std::abs(x);
  }
  if (a.is_array() && b.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), same);
  if (a.is_object() && b.is_object()) {
    return std::ranges::equal(a.get_object(), b.get_object(), [](const auto& left, const auto& right) {
      return left.key() == right.key() && same(left.value(), right.value());
    });
  }
  return a == b;
}

}  // namespace

FUZZ_TARGET(json) {
  using namespace quarterdeck::wire;
  const bool relaxed = (quarterdeck::fuzz::take_byte(input) & 1) != 0;
  ParseLimits limits;
  if (relaxed) limits.syntax = JsonSyntax::relaxed;
  const auto value = parse(input, limits);
  if (value) {
    const std::string text = to_text(*value);
    const auto again = parse(text);
    CHECK(again.has_value());
    CHECK(same(*value, *again));
  }
  const auto string = parse(quoted(input));
  CHECK(string.has_value() && string->is_string());
  CHECK(std::string_view(string->get_string()) == valid_utf8(input));
}
