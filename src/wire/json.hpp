// The JSON library's only door. Parse with limits, print, quote. Everything else of the house sees domain values or
// domain::JsonText.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/result.hpp"
#include "domain/json_text.hpp"

namespace quarterdeck::wire {

using Json = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

enum class JsonSyntax {
  strict,
  relaxed,  // with // and /* */ comments and trailing commas: configuration files
};

struct ParseLimits {
  std::size_t depth_max = 128;
  JsonSyntax syntax = JsonSyntax::strict;
};

// Errors: `invalid`, with the byte offset in the message. Input must be UTF-8 and one whole document.
// With `storage` the value lives in it and must not outlive it.
Result<Json> parse(std::string_view text, ParseLimits limits = {}, boost::json::storage_ptr storage = {});

std::string to_text(const Json& value);
domain::JsonText to_json_text(const Json& value);

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so what we send is always valid.
void append_quoted(std::string& out, std::string_view text);
std::string quoted(std::string_view text);

// `text` with every byte that is not UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

// Lenient access for foreign documents (provider answers, configuration): null pointer when absent or of another type.
const JsonObject* object_at(const Json& value, std::string_view key);
const JsonArray* array_at(const Json& value, std::string_view key);
std::string string_at(const Json& value, std::string_view key, std::string_view otherwise = "");
std::int64_t int_at(const Json& value, std::string_view key, std::int64_t otherwise = 0);
const Json* value_at(const Json& value, std::string_view key);

}  // namespace quarterdeck::wire
