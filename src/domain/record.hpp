// A document that is kept beside a session: its standing in the fleet, its attention, what it was handed over with.
// Law: of a session, a kind and a key there is one, the newest.
#pragma once

#include <optional>
#include <string>

#include "domain/json_text.hpp"

namespace quarterdeck::domain {

struct RecordPut {
  std::string kind;  // "standing", "attention", "ref"…: whoever writes it knows the shape of the body
  std::string key;   // within the session and the kind; may be empty
  bool open = false;  // has to be looked at when the server starts
  std::optional<JsonText> body;  // an object; absent: there is none any more
  bool operator==(const RecordPut&) const = default;
};

}  // namespace quarterdeck::domain
