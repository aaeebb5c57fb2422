// What parses prints, and what was printed parses to the same; quoting makes valid JSON of any bytes.
#include "wire/json.hpp"
#include "fuzz_target.hpp"

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
    CHECK(to_text(*again) == text);
  }
  const auto string = parse(quoted(input));
  CHECK(string.has_value() && string->is_string());
  CHECK(std::string_view(string->get_string()) == valid_utf8(input));
}
