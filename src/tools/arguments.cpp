#include "tools/arguments.hpp"

namespace quarterdeck::tools {

std::optional<std::int64_t> ArgumentReader::integer_of(const wire::Json& json) {
  if (json.is_int64()) return json.get_int64();
  if (json.is_uint64()) return INT64_MAX;  // beyond every limit that we know
  const double number = json.to_number<double>();
  if (!(std::abs(number) < 9e15) || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

void ArgumentReader::integer(std::string_view name, std::optional<std::int64_t>& value, LowerBound bound) {
  field(name, value);
  if (problem_.found() || !value) return;
  const wire::Path at{&path_, name};
  if (bound.exclusive ? *value > bound.value : *value >= bound.value) return;
  const auto what = fmt::format("a value greater than {}{}", bound.exclusive ? "" : "or equal to ", bound.value);
  problem_.expected(what, *object_.if_contains(name), at);
}

ToolFailure invalid_arguments(std::string_view tool, const Error& error) {
  return {.message = fmt::format("The {} tool was called with invalid arguments: SchemaError({}).\nPlease rewrite the "
                                 "input so it satisfies the expected schema.",
                                 tool, error.message)};
}

}  // namespace quarterdeck::tools
