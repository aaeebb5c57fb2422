#include "wire/result_schema.hpp"

#include <fmt/format.h>

#include "wire/describe/model.hpp"

namespace quarterdeck::wire {

namespace {
constexpr std::size_t kSchemaBytesMax = 20'000;
}

void result_schema_field(Reader& io, std::optional<domain::JsonText>& schema) {
  object_text_field(io, "result_schema", schema);
  if (io.problem().found() || !schema) return;
  const Path at{&io.path(), "result_schema"};
  if (schema->text.size() > kSchemaBytesMax) {
    return io.problem().custom(fmt::format("Expected at most {} bytes", kSchemaBytesMax), at);
  }
  const Json* type = value_at(io.raw().at("result_schema"), "type");
  const bool object = !type || (type->is_string() && type->get_string() == "object");
  if (!object) io.problem().expected("\"object\"", *type, Path{&at, "type"});
}

domain::JsonText format_for(const domain::JsonText& schema) {
  return {fmt::format(R"({{"type":"json_schema","schema":{}}})", schema.text)};
}

}  // namespace quarterdeck::wire
