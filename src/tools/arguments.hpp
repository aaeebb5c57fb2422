// A tool's arguments: JSON text to a described struct, with the words that models know for each mistake.
//
//   Missing key\n  at ["filePath"]                       Expected string, got 7\n  at ["filePath"]
//   Expected number | undefined, got "2"\n  at ["offset"]   Expected an integer, got 1.5\n  at ["offset"]
//
// Laws: the first mistake in the order of `describe` is told. Unlike elsewhere on the wire, null is not absence: an
// optional argument is left out or right.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tool.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::tools {

struct LowerBound {
  std::int64_t value;
  bool exclusive = false;
};

// The reading side of `describe(io, arguments)`, for tools. Knows strings, booleans, numbers, arrays and objects.
class ArgumentReader {
 public:
  static constexpr bool reading = true;

  ArgumentReader(const wire::JsonObject& object, const wire::Path& path, wire::Problem& problem)
      : object_(object), path_(path), problem_(problem) {}

  template <class T>
  void field(std::string_view name, T& value) {
    if (problem_.found()) return;
    const wire::Path at{&path_, name};
    const wire::Json* member = object_.if_contains(name);
    if (!member) return problem_.missing(at);
    read(*member, value, at, "");
  }
  template <class T>
  void field(std::string_view name, std::optional<T>& value) {
    value.reset();
    const wire::Json* member = object_.if_contains(name);
    if (problem_.found() || !member) return;
    const wire::Path at{&path_, name};
    read(*member, value.emplace(), at, " | undefined");
  }
  template <class T>
  void field_or(std::string_view name, T& value, const T& otherwise) {
    std::optional<T> found;
    field(name, found);
    value = found ? std::move(*found) : otherwise;
  }
  // An optional whole number with a lower bound.
  void integer(std::string_view name, std::optional<std::int64_t>& value, LowerBound bound);

 private:
  template <class T>
  void read(const wire::Json& json, T& value, const wire::Path& at, std::string_view suffix) {
    if (problem_.found()) return;
    const auto wrong = [&](std::string_view type) { problem_.expected(fmt::format("{}{}", type, suffix), json, at); };
    if constexpr (std::same_as<T, std::string>) {
      if (!json.is_string()) return wrong("string");
      value = std::string_view(json.get_string());
    } else if constexpr (std::same_as<T, bool>) {
      if (!json.is_bool()) return wrong("boolean");
      value = json.get_bool();
    } else if constexpr (std::integral<T>) {
      if (!json.is_number()) return wrong("number");
      const auto whole = integer_of(json);
      if (!whole || !std::in_range<T>(*whole)) return problem_.expected("an integer", json, at);
      value = static_cast<T>(*whole);
    } else if constexpr (std::floating_point<T>) {
      if (!json.is_number()) return wrong("number");
      value = json.to_number<double>();
    } else if constexpr (wire::is_vector<T>::value) {
      if (!json.is_array()) return wrong("array");
      value.clear();
      int index = 0;
      for (const wire::Json& element : json.get_array()) {
        const wire::Path inner{&at, {}, index++};
        read(element, value.emplace_back(), inner, "");
        if (problem_.found()) return;
      }
    } else {
      if (!json.is_object()) return wrong("object");
      ArgumentReader inner(json.get_object(), at, problem_);
      describe(inner, value);
    }
  }
  static std::optional<std::int64_t> integer_of(const wire::Json& json);

  const wire::JsonObject& object_;
  const wire::Path& path_;
  wire::Problem& problem_;
};

ToolFailure invalid_arguments(std::string_view tool, const Error& error);

// `input` may be any text. Nothing at all counts as {}.
template <class T>
std::expected<T, ToolFailure> decode_arguments(std::string_view tool, const domain::JsonText& input) {
  const auto json = wire::parse(input.text.empty() ? std::string_view("{}") : std::string_view(input.text));
  if (!json) return std::unexpected(invalid_arguments(tool, json.error()));
  T value{};
  wire::Problem problem;
  const wire::Path root;
  if (json->is_object()) {
    ArgumentReader reader(json->get_object(), root, problem);
    describe(reader, value);
  } else {
    problem.expected("object", *json, root);
  }
  if (problem.found()) return std::unexpected(invalid_arguments(tool, problem.take()));
  return value;
}

inline std::unexpected<ToolFailure> failed(std::string message) {
  return std::unexpected(ToolFailure{.message = std::move(message)});
}

inline ToolFailure cancelled() { return {.kind = ToolFailure::Kind::cancelled, .message = "Tool execution aborted"}; }

}  // namespace quarterdeck::tools
