// A JSON value kept as its text: tool input, provider metadata, anything whose shape is not ours. Opaque here; wire/
// puts it into documents byte for byte and makes it from them. Never empty in a valid object: "no value" is an
// std::optional or the literal null.
#pragma once

#include <string>

namespace quarterdeck::domain {

struct JsonText {
  std::string text = "null";
  bool operator==(const JsonText&) const = default;
};

}  // namespace quarterdeck::domain
