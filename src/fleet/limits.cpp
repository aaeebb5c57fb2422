#include "fleet/limits.hpp"

#include <fmt/format.h>

#include <optional>

#include "wire/json.hpp"

namespace quarterdeck::fleet {
namespace {

constexpr std::size_t kMost = 100'000;

class Reader {
 public:
  explicit Reader(std::vector<std::string>& problems) : problems_(problems) {}

  void read(const wire::Json& limits, const std::string& at, SlotLimits& out) {
    if (!limits.is_object()) return wrong(at, "an object");
    for (const auto& member : limits.get_object()) {
      const std::string name(member.key());
      const std::string path = at + fmt::format("[\"{}\"]", name);
      if (name == "all") {
        if (const auto number = number_at(member.value(), path)) out.all = *number;
      } else if (name == "project") {
        share(member.value(), path, "project", out.per_project, out);
      } else if (name == "provider") {
        share(member.value(), path, "provider", out.per_provider, out);
      } else if (name == "model") {
        share(member.value(), path, "model", out.per_model, out);
      } else if (name == "age_s") {
        if (const auto number = number_at(member.value(), path)) {
          out.age_ms = static_cast<std::int64_t>(*number) * 1'000;
          out.starved_ms = std::max(out.starved_ms, out.age_ms * 4);
        }
      } else {
        wrong(path, "\"all\" | \"project\" | \"provider\" | \"model\" | \"age_s\"");
      }
    }
  }

 private:
  // A number for each, or by name with "*" for the rest.
  void share(const wire::Json& given, const std::string& at, std::string_view kind, std::size_t& usual,
             SlotLimits& out) {
    if (!given.is_object()) {
      if (const auto number = number_at(given, at)) usual = *number;
      return;
    }
    for (const auto& member : given.get_object()) {
      const std::string name(member.key());
      const auto number = number_at(member.value(), at + fmt::format("[\"{}\"]", name));
      if (!number) continue;
      if (name == "*") {
        usual = *number;
      } else {
        out.named[fmt::format("{} {}", kind, name)] = *number;
      }
    }
  }
  std::optional<std::size_t> number_at(const wire::Json& given, const std::string& at) {
    const bool fits =
        given.is_int64() && given.get_int64() >= 1 && given.get_int64() <= static_cast<std::int64_t>(kMost);
    if (fits) return static_cast<std::size_t>(given.get_int64());
    wrong(at, fmt::format("an integer from 1 to {}", kMost));
    return std::nullopt;
  }
  void wrong(const std::string& at, std::string_view expected) {
    problems_.push_back(fmt::format("Expected {} at [\"quarterdeck\"][\"limits\"]{}", expected, at));
  }

  std::vector<std::string>& problems_;
};

}  // namespace

Limits limits_of(std::string_view ours) {
  Limits out;
  const auto parsed = wire::parse(ours);
  const wire::Json* given = parsed ? wire::value_at(*parsed, "limits") : nullptr;
  if (!given) return out;
  Reader reader(out.problems);
  if (!given->is_object()) {
    out.problems.push_back("Expected an object at [\"quarterdeck\"][\"limits\"]");
    return out;
  }
  for (const auto& member : given->get_object()) {
    const std::string name(member.key());
    if (name == "sessions") {
      reader.read(member.value(), "[\"sessions\"]", out.sessions);
    } else if (name == "requests") {
      reader.read(member.value(), "[\"requests\"]", out.requests);
    } else {
      out.problems.push_back(
          fmt::format("Expected \"sessions\" | \"requests\" at [\"quarterdeck\"][\"limits\"][\"{}\"]", name));
    }
  }
  return out;
}

}  // namespace quarterdeck::fleet
