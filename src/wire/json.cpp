#include "wire/json.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

namespace quarterdeck::wire {
namespace {

// Length of the valid UTF-8 sequence at the start of `text`, or 0. RFC 3629: no surrogates, no overlong forms.
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first == 0xE0) return follows(1, 0xA0) && follows(2) ? 3 : 0;
  if (first == 0xED) return follows(1, 0x80, 0x9F) && follows(2) ? 3 : 0;
  if (first >= 0xE1 && first <= 0xEF) return follows(1) && follows(2) ? 3 : 0;
  if (first == 0xF0) return follows(1, 0x90) && follows(2) && follows(3) ? 4 : 0;
  if (first >= 0xF1 && first <= 0xF3) return follows(1) && follows(2) && follows(3) ? 4 : 0;
  if (first == 0xF4) return follows(1, 0x80, 0x8F) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void append_escaped(std::string& out, unsigned char c) {
  constexpr char hex[] = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    default:
      out += "\\u00";
      out += hex[c >> 4];
      out += hex[c & 15];
  }
}

template <class Number>
void append_number(std::string& out, Number value) {
  char digits[40];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// Ours instead of boost::json::serialize, which prints 0.5 as 5E-1: what came from a client goes back as it looked.
void append_value(std::string& out, const Json& value) {
  switch (value.kind()) {
    case boost::json::kind::null: out += "null"; return;
    case boost::json::kind::bool_: out += value.get_bool() ? "true" : "false"; return;
    case boost::json::kind::int64: return append_number(out, value.get_int64());
    case boost::json::kind::uint64: return append_number(out, value.get_uint64());
    case boost::json::kind::double_:
      if (!std::isfinite(value.get_double())) {
        out += "null";
        return;
      }
      return append_number(out, value.get_double());
    case boost::json::kind::string: return append_quoted(out, std::string_view(value.get_string()));
    case boost::json::kind::array: {
      out += '[';
      bool first = true;
      for (const Json& element : value.get_array()) {
        if (!std::exchange(first, false)) out += ',';
        append_value(out, element);
      }
      out += ']';
      return;
    }
    case boost::json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& member : value.get_object()) {
        if (!std::exchange(first, false)) out += ',';
        append_quoted(out, std::string_view(member.key()));
        out += ':';
        append_value(out, member.value());
      }
      out += '}';
      return;
    }
  }
}

}  // namespace

Result<Json> parse(std::string_view text, ParseLimits limits, boost::json::storage_ptr storage) {
  boost::json::parse_options options;
  options.max_depth = limits.depth_max;
  options.allow_comments = options.allow_trailing_commas = limits.syntax == JsonSyntax::relaxed;
  boost::json::stream_parser parser({}, options);
  parser.reset(std::move(storage));
  boost::json::error_code error;
  const std::size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && used < text.size()) error = boost::json::error::extra_data;
  if (!error) parser.finish(error);
  if (error) {
    return fail(ErrorCode::invalid, "malformed JSON near byte {}: {}", used, error.message());
  }
  return parser.release();
}

std::string to_text(const Json& value) {
  std::string out;
  append_value(out, value);
  return out;
}
domain::JsonText to_json_text(const Json& value) { return {to_text(value)}; }

namespace {

// How many bytes from `at` on can surely be copied as they are: eight at a time, none of them a control character, a
// quote, a backslash or beyond ASCII. The tests of one byte in the word are those of "Bit Twiddling Hacks" (hasless,
// haszero).
std::size_t skip_plain(std::string_view text, std::size_t at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  const std::size_t start = at;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t quote = word ^ kOnes * '"', backslash = word ^ kOnes * '\\';
    const std::uint64_t special = (word - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes) | word;
    // A borrow can raise false alarms, but only above a byte that is special, so the lowest one is right.
    if ((special & kHighs) == 0) continue;
    const bool lowest_first = std::endian::native == std::endian::little;
    return at - start + (lowest_first ? static_cast<std::size_t>(std::countr_zero(special & kHighs)) / 8 : 0);
  }
  return at - start;
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;  // start of the run that can be copied as it is
  for (std::size_t i = 0; i < text.size();) {
    i += skip_plain(text, i);
    if (i == text.size()) break;
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    if (c >= 0x80) {
      if (const std::size_t length = utf8_sequence(text.substr(i))) {
        i += length;
        continue;
      }
    }
    out.append(text, plain, i - plain);
    if (c >= 0x80) {
      out += kReplacement;
    } else {
      append_escaped(out, c);
    }
    plain = ++i;
  }
  out.append(text, plain);
  out += '"';
}

std::string quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_quoted(out, text);
  return out;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_sequence(text.substr(i));
    if (length == 0) {
      out += kReplacement;
      ++i;
    } else {
      out.append(text, i, length);
      i += length;
    }
  }
  return out;
}

const Json* value_at(const Json& value, std::string_view key) {
  const auto* object = value.if_object();
  return object ? object->if_contains(key) : nullptr;
}
const JsonObject* object_at(const Json& value, std::string_view key) {
  const Json* member = value_at(value, key);
  return member ? member->if_object() : nullptr;
}
const JsonArray* array_at(const Json& value, std::string_view key) {
  const Json* member = value_at(value, key);
  return member ? member->if_array() : nullptr;
}
std::string string_at(const Json& value, std::string_view key, std::string_view otherwise) {
  const Json* member = value_at(value, key);
  if (member && member->is_string()) return std::string(member->get_string());
  return std::string(otherwise);
}
std::int64_t int_at(const Json& value, std::string_view key, std::int64_t otherwise) {
  const Json* member = value_at(value, key);
  if (!member) return otherwise;
  if (member->is_int64()) return member->get_int64();
  if (member->is_uint64()) return static_cast<std::int64_t>(std::min<std::uint64_t>(member->get_uint64(), INT64_MAX));
  // Beyond 2^63 the cast would be undefined, and NaN compares false.
  if (member->is_double() && member->get_double() > -9e18 && member->get_double() < 9e18) {
    return static_cast<std::int64_t>(member->get_double());
  }
  return otherwise;
}

}  // namespace quarterdeck::wire
