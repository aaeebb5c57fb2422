// Bodies that clients send: a value or an error with a message, and what is stored of them can be read again.
#include "fuzz_target.hpp"
#include "wire/message.hpp"
#include "wire/permission.hpp"
#include "wire/session.hpp"

namespace {

using namespace quarterdeck;

template <class T>
void explains(const Result<T>& result) {
  if (!result) CHECK(!result.error().message.empty());
}

template <class Decode, class Encode>
void comes_back(std::string_view input, Decode decode, Encode encode) {
  const auto value = decode(input);
  explains(value);
  if (!value) return;
  const std::string text = encode(*value);
  const auto again = decode(text);
  CHECK(again.has_value());
  CHECK(encode(*again) == text);
}

}  // namespace

FUZZ_TARGET(requests) {
  switch (fuzz::take_byte(input) % 9) {
    case 0: return explains(wire::decode_prompt(input));
    case 1: return explains(wire::decode_create_session(input));
    case 2: return explains(wire::decode_update_session(input));
    case 3: return explains(wire::decode_run_shell(input));
    case 4: return explains(wire::decode_reply_permission({"per_1"}, input));
    case 5: return comes_back(input, wire::decode_message, wire::encode_message);
    case 6: return comes_back(input, wire::decode_part, wire::encode_part);
    case 7: return comes_back(input, wire::decode_session, wire::encode_session);
    default: return comes_back(input, wire::decode_ruleset, wire::encode_ruleset);
  }
}
