// A stored event, possibly cut or with flipped bits: an event or an error; what is read can be written and read again.
#include "fuzz_target.hpp"
#include "wire/event.hpp"
#include "wire/json.hpp"

FUZZ_TARGET(events) {
  using namespace quarterdeck;
  // type, line feed, properties
  const auto cut = input.find('\n');
  if (cut == std::string_view::npos) return;
  const std::string_view type = input.substr(0, cut);
  const auto event = wire::decode_event(type, 1, input.substr(cut + 1));
  if (!event) {
    CHECK(!event.error().message.empty());
    return;
  }
  CHECK(wire::static_type(type) == type);
  const wire::EncodedEvent written = wire::encode_event({"ses_1"}, *event);
  const auto again = wire::decode_event(written.type, 1, written.properties);
  CHECK(again.has_value());
  CHECK(wire::encode_event({"ses_1"}, *again).properties == written.properties);
}
