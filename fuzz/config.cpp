// A configuration document, with comments and trailing commas: values or an error that names the place; merging and
// hiding secrets keep it valid.
#include "config/config.hpp"
#include "config/document.hpp"
#include "config/merge.hpp"
#include "fuzz_target.hpp"
#include "wire/json.hpp"

FUZZ_TARGET(config) {
  using namespace quarterdeck;
  auto json = wire::parse(input, {.syntax = wire::JsonSyntax::relaxed});
  if (!json || !json->is_object()) return;
  const auto decoded = config::decode_document(json->get_object(), "/home/dev");
  if (!decoded) CHECK(!decoded.error().message.empty());

  wire::JsonObject merged;
  config::merge(merged, json->get_object());
  config::merge(merged, json->get_object());
  wire::Json shown = merged;
  config::hide_secrets(shown);
  CHECK(wire::parse(wire::to_text(shown)).has_value());
}
