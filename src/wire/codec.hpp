// Structs to JSON and back from one description, which names each member once:
//
//   template <class Io>
//   void describe(Io& io, Todo& todo) {
//     io.field("content", todo.content);
//     io.field("status", todo.status);
//     io.object("time", [&](auto& time) { time.field("created", todo.created); });
//   }
//
// `describe` is found by argument-dependent lookup or in quarterdeck::wire. Rules:
//   std::optional      omitted when empty; absent and null read as empty
//   unknown members    ignored when reading
//   enums              through `constexpr auto enum_names(E) -> std::array<std::pair<E, std::string_view>, N>`
//   JsonText           verbatim
// Reading stops at the first error, whose text has the shape that OpenCode's clients know:
//   Missing key\n  at ["parts"][0]["text"]          Expected string, got 5\n  at ["title"]
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "domain/json_text.hpp"
#include "wire/json.hpp"

namespace quarterdeck::wire {

// ---------------------------------------------------------------------------------------------------- writing

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <class T>
  void field(std::string_view name, T& value) {
    key(name);
    write(value);
  }
  template <class T>
  void field(std::string_view name, std::optional<T>& value) {
    if (value) field(name, *value);
  }
  // A member that always appears when writing and may be absent when reading.
  template <class T>
  void field_or(std::string_view name, T& value, const T&) {
    field(name, value);
  }
  template <class Members>
  void object(std::string_view name, Members members) {
    key(name);
    write_object(members);
  }
  // `present` decides when writing, and is what was found when reading.
  template <class Members>
  void optional_object(std::string_view name, bool present, Members members) {
    if (present) object(name, members);
  }
  // A discriminator: constant when writing, checked when reading.
  void literal(std::string_view name, std::string_view value) {
    key(name);
    append_quoted(out_, value);
  }
  // Adds the members of an object kept as text, as they are.
  void splice(std::string_view object_text) {
    const auto open = object_text.find('{');
    const auto close = object_text.rfind('}');
    if (open == object_text.npos || close == object_text.npos) return;
    const std::string_view inside = object_text.substr(open + 1, close - open - 1);
    if (inside.find('"') == inside.npos) return;
    if (!first_) out_ += ',';
    first_ = false;
    out_ += inside;
  }
  static constexpr bool reading = false;

  template <class T>
  void write(T& value);

  template <class Members>
  void write_object(Members& members) {
    out_ += '{';
    const bool outer = std::exchange(first_, true);
    members(*this);
    first_ = outer;
    out_ += '}';
  }

 private:
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_quoted(out_, name);
    out_ += ':';
  }

  std::string& out_;
  bool first_ = true;
};

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_string_map : std::false_type {};
template <class T>
struct is_string_map<std::map<std::string, T>> : std::true_type {};
template <class T>
struct is_id : std::false_type {};
template <class Tag>
struct is_id<Id<Tag>> : std::true_type {};

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) { enum_names(e); };

template <class T>
void Writer::write(T& value) {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (std::same_as<Plain, std::string> || std::same_as<Plain, std::string_view>) {
    append_quoted(out_, value);
  } else if constexpr (std::same_as<Plain, bool>) {
    out_ += value ? "true" : "false";
  } else if constexpr (std::integral<Plain>) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out_.append(digits, end);
  } else if constexpr (std::floating_point<Plain>) {
    if (!std::isfinite(value)) {
      out_ += "null";
      return;
    }
    char digits[40];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out_.append(digits, end);
  } else if constexpr (std::same_as<Plain, domain::JsonText>) {
    out_ += value.text;
  } else if constexpr (is_id<Plain>::value) {
    append_quoted(out_, value.value);
  } else if constexpr (NamedEnum<Plain>) {
    for (const auto& [member, name] : enum_names(value)) {
      if (member == value) append_quoted(out_, name);
    }
  } else if constexpr (is_optional<Plain>::value) {
    if (value) {
      write(*value);
    } else {
      out_ += "null";
    }
  } else if constexpr (is_vector<Plain>::value) {
    out_ += '[';
    bool first = true;
    for (auto& element : value) {
      if (!std::exchange(first, false)) out_ += ',';
      write(element);
    }
    out_ += ']';
  } else if constexpr (is_string_map<Plain>::value) {
    const auto members = [&](Writer& io) {
      for (auto& [name, member] : value) io.field(name, member);
    };
    write_object(members);
  } else {
    const auto members = [&](Writer& io) { describe(io, const_cast<Plain&>(value)); };
    write_object(members);
  }
}

template <class T>
void encode_to(std::string& out, const T& value) {
  Writer writer(out);
  writer.write(const_cast<T&>(value));
}
template <class T>
std::string encode(const T& value) {
  std::string out;
  encode_to(out, value);
  return out;
}
template <class T>
domain::JsonText encode_json_text(const T& value) {
  return {encode(value)};
}

// ---------------------------------------------------------------------------------------------------- reading

// Where we are in the document; lives on the stack, one per level.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;
  int index = -1;
  std::string text() const;  // ["parts"][0]["text"]
};

// Collects the first error of one decoding.
class Problem {
 public:
  void missing(const Path& at);
  void expected(std::string_view what, const Json& got, const Path& at);
  void custom(std::string message, const Path& at);
  bool found() const { return error_.has_value(); }
  Error take() { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

class Reader {
 public:
  Reader(const JsonObject& object, const Path& path, Problem& problem)
      : object_(object), path_(path), problem_(problem) {}

  template <class T>
  void field(std::string_view name, T& value) {
    if (problem_.found()) return;
    const Path at{&path_, name};
    const Json* member = object_.if_contains(name);
    if (!member) return problem_.missing(at);
    read(*member, value, at);
  }
  template <class T>
  void field(std::string_view name, std::optional<T>& value) {
    value.reset();
    const Json* member = object_.if_contains(name);
    if (problem_.found() || !member || member->is_null()) return;
    const Path at{&path_, name};
    read(*member, value.emplace(), at);
  }
  template <class T>
  void field_or(std::string_view name, T& value, const T& otherwise) {
    std::optional<T> found;
    field(name, found);
    value = found ? std::move(*found) : otherwise;
  }
  template <class Members>
  void object(std::string_view name, Members members) {
    if (problem_.found()) return;
    const Path at{&path_, name};
    const Json* member = object_.if_contains(name);
    if (!member) return problem_.missing(at);
    read_object(*member, members, at);
  }
  template <class Members>
  void optional_object(std::string_view name, bool, Members members) {
    const Json* member = object_.if_contains(name);
    if (member && !member->is_null()) object(name, members);
  }
  void literal(std::string_view name, std::string_view value) {
    if (problem_.found()) return;
    const Path at{&path_, name};
    const Json* member = object_.if_contains(name);
    if (!member) return problem_.missing(at);
    if (!member->is_string() || std::string_view(member->get_string()) != value) {
      problem_.expected(quoted(value), *member, at);
    }
  }
  bool has(std::string_view name) const { return object_.contains(name); }
  const JsonObject& raw() const { return object_; }
  const Path& path() const { return path_; }
  Problem& problem() { return problem_; }
  static constexpr bool reading = true;

  template <class T>
  void read(const Json& json, T& value, const Path& at);

 private:
  template <class Members>
  void read_object(const Json& json, Members& members, const Path& at) {
    if (!json.is_object()) return problem_.expected("object", json, at);
    Reader inner(json.get_object(), at, problem_);
    members(inner);
  }

  const JsonObject& object_;
  const Path& path_;
  Problem& problem_;
};

template <class T>
void read_value(const Json& json, T& value, const Path& at, Problem& problem) {
  const JsonObject none;
  Reader(none, at, problem).read(json, value, at);
}

template <class T>
void Reader::read(const Json& json, T& value, const Path& at) {
  if (problem_.found()) return;
  if constexpr (std::same_as<T, std::string>) {
    if (!json.is_string()) return problem_.expected("string", json, at);
    value = std::string_view(json.get_string());
  } else if constexpr (std::same_as<T, bool>) {
    if (!json.is_bool()) return problem_.expected("boolean", json, at);
    value = json.get_bool();
  } else if constexpr (std::integral<T>) {
    // JavaScript has one kind of number: 1.0 is an integer too.
    const bool whole =
        json.is_double() && std::abs(json.get_double()) < 9e15 && std::trunc(json.get_double()) == json.get_double();
    if (json.is_int64() && std::in_range<T>(json.get_int64())) {
      value = static_cast<T>(json.get_int64());
    } else if (whole && std::in_range<T>(static_cast<std::int64_t>(json.get_double()))) {
      value = static_cast<T>(json.get_double());
    } else {
      problem_.expected("integer", json, at);
    }
  } else if constexpr (std::floating_point<T>) {
    if (!json.is_number()) return problem_.expected("number", json, at);
    value = json.to_number<double>();
  } else if constexpr (std::same_as<T, domain::JsonText>) {
    value = to_json_text(json);
  } else if constexpr (is_id<T>::value) {
    if (!json.is_string()) return problem_.expected("string", json, at);
    value.value = std::string_view(json.get_string());
    if (!has_prefix(value)) {
      std::string prefix = "a string starting with ";
      append_quoted(prefix, [&]<class Tag>(const Id<Tag>&) { return Tag::prefix; }(value));
      problem_.expected(prefix, json, at);
    }
  } else if constexpr (NamedEnum<T>) {
    std::string all;
    for (const auto& [member, name] : enum_names(value)) {
      if (json.is_string() && std::string_view(json.get_string()) == name) {
        value = member;
        return;
      }
      if (!all.empty()) all += " | ";
      append_quoted(all, name);
    }
    problem_.expected(all, json, at);
  } else if constexpr (is_optional<T>::value) {
    value.reset();
    if (!json.is_null()) read(json, value.emplace(), at);
  } else if constexpr (is_vector<T>::value) {
    if (!json.is_array()) return problem_.expected("array", json, at);
    value.clear();
    value.reserve(json.get_array().size());
    int index = 0;
    for (const Json& element : json.get_array()) {
      const Path inner{&at, {}, index++};
      read(element, value.emplace_back(), inner);
      if (problem_.found()) return;
    }
  } else if constexpr (is_string_map<T>::value) {
    if (!json.is_object()) return problem_.expected("object", json, at);
    value.clear();
    for (const auto& member : json.get_object()) {
      const Path inner{&at, member.key()};
      read(member.value(), value[std::string(member.key())], inner);
    }
  } else {
    const auto members = [&](Reader& io) { describe(io, value); };
    read_object(json, members, at);
  }
}

// Errors: `invalid`, message in OpenCode's words, `path` set.
template <class T>
Result<T> decode(const Json& json) {
  T value{};
  Problem problem;
  const Path root;
  read_value(json, value, root, problem);
  if (problem.found()) return std::unexpected(problem.take());
  return value;
}
template <class T>
Result<T> decode_text(std::string_view text) {
  // The document goes as soon as T is made of it: one region instead of a thousand small pieces.
  boost::json::monotonic_resource region(std::max<std::size_t>(text.size(), 1024));
  TRY(const Json json, parse(text, {}, &region));
  return decode<T>(json);
}

}  // namespace quarterdeck::wire
