#include "wire/json_schema.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace quarterdeck::wire {
namespace {

constexpr int kDepthMax = 64;
constexpr int kChecksMax = 100'000;
constexpr std::size_t kShownBytesMax = 80;

std::optional<double> number(const Json* value) {
  if (!value || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

bool same(const Json& a, const Json& b) {
  const auto left = number(&a);
  const auto right = number(&b);
  return left && right ? *left == *right : a == b;
}

bool is_of(const Json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  if (type == "integer") {
    return value.is_int64() || value.is_uint64() ||
           (value.is_double() && std::trunc(*value.if_double()) == *value.if_double());
  }
  return true;
}

std::string shown(const Json& value) {
  std::string text = to_text(value);
  if (text.size() <= kShownBytesMax) return text;
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  return valid_utf8(text.substr(0, kShownBytesMax)) + "…";
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

class Check {
 public:
  explicit Check(const Json& root) : root_(root) {}

  // False when `value` does not fit; what and where is in `problem`.
  bool fits(const Json& schema, const Json& value, const std::string& path, int depth);
  std::string problem;

 private:
  bool fail(const std::string& path, std::string_view what) {
    problem = fmt::format("{}: {}", path.empty() ? "/" : path, what);
    return false;
  }
  bool type_fits(const JsonObject& schema, const Json& value, const std::string& path);
  bool bounds_fit(const JsonObject& schema, const Json& value, const std::string& path);
  bool object_fits(const JsonObject& schema, const JsonObject& value, const std::string& path, int depth);
  bool array_fits(const JsonObject& schema, const JsonArray& value, const std::string& path, int depth);
  bool choices_fit(const JsonObject& schema, const Json& value, const std::string& path, int depth);
  const Json* find(std::string_view reference) const;

  const Json& root_;
  int checks_ = 0;
};

const Json* Check::find(std::string_view reference) const {
  if (reference == "#") return &root_;
  if (!reference.starts_with("#/")) return nullptr;
  boost::system::error_code error;
  return root_.find_pointer(reference.substr(1), error);
}

bool Check::fits(const Json& schema, const Json& value, const std::string& path, int depth) {
  if (depth > kDepthMax || ++checks_ > kChecksMax) return true;
  if (schema.is_bool()) return schema.get_bool() || fail(path, "nothing is allowed here");
  if (!schema.is_object()) return true;
  const JsonObject& object = schema.get_object();
  if (const std::string reference = string_at(schema, "$ref"); !reference.empty()) {
    if (const Json* to = find(reference); to && !fits(*to, value, path, depth + 1)) return false;
  }
  if (!type_fits(object, value, path) || !bounds_fit(object, value, path)) return false;
  if (!choices_fit(object, value, path, depth)) return false;
  if (value.is_object()) return object_fits(object, value.get_object(), path, depth);
  if (value.is_array()) return array_fits(object, value.get_array(), path, depth);
  return true;
}

bool Check::type_fits(const JsonObject& schema, const Json& value, const std::string& path) {
  const Json* type = schema.if_contains("type");
  if (type && type->is_string() && !is_of(value, type->get_string())) {
    return fail(path, fmt::format("expected {}, got {}", std::string_view(type->get_string()), shown(value)));
  }
  if (type && type->is_array() && std::ranges::none_of(type->get_array(), [&](const Json& each) {
        return each.is_string() && is_of(value, each.get_string());
      })) {
    return fail(path, fmt::format("expected one of the types {}, got {}", shown(*type), shown(value)));
  }
  const Json* constant = schema.if_contains("const");
  if (constant && !same(*constant, value)) {
    return fail(path, fmt::format("expected {}, got {}", shown(*constant), shown(value)));
  }
  const Json* choices = schema.if_contains("enum");
  if (choices && choices->is_array() &&
      std::ranges::none_of(choices->get_array(), [&](const Json& each) { return same(each, value); })) {
    return fail(path, fmt::format("expected one of {}, got {}", to_text(*choices).substr(0, 400), shown(value)));
  }
  return true;
}

bool Check::bounds_fit(const JsonObject& schema, const Json& value, const std::string& path) {
  const auto bound = [&](std::string_view name) { return number(schema.if_contains(name)); };
  if (const auto is = number(&value)) {
    if (const auto least = bound("minimum"); least && *is < *least) {
      return fail(path, fmt::format("{} is less than {}", shown(value), *least));
    }
    if (const auto most = bound("maximum"); most && *is > *most) {
      return fail(path, fmt::format("{} is more than {}", shown(value), *most));
    }
    if (const auto below = bound("exclusiveMinimum"); below && *is <= *below) {
      return fail(path, fmt::format("{} is not more than {}", shown(value), *below));
    }
    if (const auto above = bound("exclusiveMaximum"); above && *is >= *above) {
      return fail(path, fmt::format("{} is not less than {}", shown(value), *above));
    }
    if (const auto of = bound("multipleOf"); of && *of > 0) {
      const double times = *is / *of;
      if (std::abs(times - std::round(times)) > 1e-9 * std::max(1.0, std::abs(times))) {
        return fail(path, fmt::format("{} is no multiple of {}", shown(value), *of));
      }
    }
  }
  std::size_t size = 0;
  std::string_view least = "minProperties", most = "maxProperties", of = "members";
  if (value.is_string()) {
    size = characters(value.get_string());
    least = "minLength", most = "maxLength", of = "characters";
  } else if (value.is_array()) {
    size = value.get_array().size();
    least = "minItems", most = "maxItems", of = "items";
  } else if (value.is_object()) {
    size = value.get_object().size();
  } else {
    return true;
  }
  if (const auto wanted = bound(least); wanted && static_cast<double>(size) < *wanted) {
    return fail(path, fmt::format("expected at least {} {}, got {}", *wanted, of, size));
  }
  if (const auto wanted = bound(most); wanted && static_cast<double>(size) > *wanted) {
    return fail(path, fmt::format("expected at most {} {}, got {}", *wanted, of, size));
  }
  return true;
}

bool Check::object_fits(const JsonObject& schema, const JsonObject& value, const std::string& path, int depth) {
  if (const Json* required = schema.if_contains("required"); required && required->is_array()) {
    for (const Json& name : required->get_array()) {
      if (name.is_string() && !value.contains(name.get_string())) {
        return fail(path, fmt::format("the member {} is missing", to_text(name)));
      }
    }
  }
  const Json* known = schema.if_contains("properties");
  const Json* others = schema.if_contains("patternProperties") ? nullptr : schema.if_contains("additionalProperties");
  for (const auto& [name, member] : value) {
    const std::string at = fmt::format("{}/{}", path, std::string_view(name));
    const Json* own = known && known->is_object() ? known->get_object().if_contains(name) : nullptr;
    if (!own && others && others->is_bool() && !others->get_bool()) return fail(at, "there is no such member");
    const Json* wanted = own ? own : others;
    if (wanted && !fits(*wanted, member, at, depth + 1)) return false;
  }
  return true;
}

bool Check::array_fits(const JsonObject& schema, const JsonArray& value, const std::string& path, int depth) {
  const Json* first = schema.if_contains("prefixItems");
  const Json* rest = schema.if_contains("items");
  const std::size_t leading = first && first->is_array() ? first->get_array().size() : 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const Json* wanted = i < leading ? &first->get_array()[i] : rest;
    if (wanted && !fits(*wanted, value[i], fmt::format("{}/{}", path, i), depth + 1)) return false;
  }
  const Json* unique = schema.if_contains("uniqueItems");
  if (unique && unique->is_bool() && unique->get_bool()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (++checks_ > kChecksMax) return true;
        if (same(value[i], value[j])) return fail(path, fmt::format("the items {} and {} are equal", j, i));
      }
    }
  }
  return true;
}

bool Check::choices_fit(const JsonObject& schema, const Json& value, const std::string& path, int depth) {
  const auto count = [&](const Json& all) {
    return std::ranges::count_if(all.get_array(), [&](const Json& each) { return fits(each, value, path, depth + 1); });
  };
  const auto list = [&](std::string_view name) {
    const Json* all = schema.if_contains(name);
    return all && all->is_array() && !all->get_array().empty() ? all : nullptr;
  };
  if (const Json* all = list("allOf")) {
    for (const Json& each : all->get_array()) {
      if (!fits(each, value, path, depth + 1)) return false;
    }
  }
  if (const Json* any = list("anyOf"); any && count(*any) == 0) {
    return fail(path, fmt::format("{} fits none of the alternatives (the last: {})", shown(value), problem));
  }
  if (const Json* one = list("oneOf")) {
    const auto fitting = count(*one);
    if (fitting == 0) {
      return fail(path, fmt::format("{} fits none of the alternatives (the last: {})", shown(value), problem));
    }
    if (fitting > 1) return fail(path, fmt::format("{} fits {} alternatives instead of one", shown(value), fitting));
  }
  const Json* opposite = schema.if_contains("not");
  if (opposite && checks_ < kChecksMax && depth < kDepthMax && fits(*opposite, value, path, depth + 1)) {
    return fail(path, fmt::format("{} is what it must not be", shown(value)));
  }
  return true;
}

}  // namespace

std::optional<std::string> schema_violation(const Json& schema, const Json& value) {
  Check check(schema);
  if (check.fits(schema, value, "", 0)) return std::nullopt;
  return std::move(check.problem);
}

}  // namespace quarterdeck::wire
