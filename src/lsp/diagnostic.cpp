#include "lsp/diagnostic.hpp"

#include <algorithm>

#include "wire/json.hpp"

namespace quarterdeck::lsp {
namespace {

constexpr std::size_t kShownMax = 20;
constexpr std::size_t kKeptMax = 1'000;
constexpr std::size_t kMessageBytesMax = 2'000;
constexpr std::size_t kMetadataBytesMax = 64 * 1024;

std::string pretty(const Diagnostic& diagnostic) {
  static constexpr std::array<std::string_view, 5> kNames{"ERROR", "ERROR", "WARN", "INFO", "HINT"};
  return fmt::format("{} [{}:{}] {}", kNames[static_cast<std::size_t>(diagnostic.severity)], diagnostic.start.line + 1,
                     diagnostic.start.character + 1, diagnostic.message);
}

std::string bounded(std::string text) {
  if (text.size() <= kMessageBytesMax) return text;
  // Not in the middle of a letter.
  std::size_t end = kMessageBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

std::string report(const std::string& file, const std::vector<Diagnostic>& list) {
  std::string lines;
  std::size_t errors = 0;
  for (const Diagnostic& diagnostic : list) {
    if (diagnostic.severity != 1) continue;
    if (++errors <= kShownMax) lines += pretty(diagnostic) + "\n";
  }
  if (errors == 0) return {};
  if (errors > kShownMax) lines += fmt::format("... and {} more\n", errors - kShownMax);
  return fmt::format("<diagnostics file=\"{}\">\n{}</diagnostics>", file, lines);
}

domain::JsonText diagnostics_json(const std::vector<FileDiagnostics>& all,
                                  const std::vector<std::filesystem::path>& first) {
  std::string out = "{";
  const auto add = [&](const FileDiagnostics& each) {
    std::string entry = wire::quoted(each.file.string()) + ":[";
    for (const Diagnostic& diagnostic : each.list) {
      if (out.size() + entry.size() + diagnostic.json.text.size() > kMetadataBytesMax) break;
      if (!entry.ends_with('[')) entry += ',';
      entry += diagnostic.json.text;
    }
    if (out.size() + entry.size() > kMetadataBytesMax) return;
    if (out.size() > 1) out += ',';
    out += entry + "]";
  };
  const auto comes_first = [&](const FileDiagnostics& each) {
    return std::ranges::find(first, each.file) != first.end();
  };
  for (const auto& each : all) {
    if (comes_first(each)) add(each);
  }
  for (const auto& each : all) {
    if (!comes_first(each)) add(each);
  }
  return {out + "}"};
}

std::vector<Diagnostic> read_diagnostics(const domain::JsonText& list) {
  std::vector<Diagnostic> found;
  auto parsed = wire::parse(list.text);
  if (!parsed || !parsed->is_array()) return found;
  std::set<std::string> known;
  for (wire::Json& each : parsed->get_array()) {
    const wire::Json* range = wire::value_at(each, "range");
    const wire::Json* start = range ? wire::value_at(*range, "start") : nullptr;
    if (!each.is_object() || !start || found.size() >= kKeptMax) continue;
    Diagnostic diagnostic{.severity = static_cast<int>(std::clamp<std::int64_t>(wire::int_at(each, "severity"), 0, 4)),
                          .start = {wire::int_at(*start, "line"), wire::int_at(*start, "character")},
                          .message = bounded(wire::string_at(each, "message"))};
    auto& object = each.get_object();
    if (diagnostic.message.size() != wire::string_at(each, "message").size()) object["message"] = diagnostic.message;
    for (const char* grows : {"relatedInformation", "data", "codeDescription"}) {
      const auto member = object.find(grows);
      if (member != object.end() && wire::to_text(member->value()).size() > kMessageBytesMax)
        object.stable_erase(member);
    }
    diagnostic.json = wire::to_json_text(each);
    for (const char* name : {"code", "severity", "message", "source", "range"}) {
      if (const wire::Json* value = wire::value_at(each, name)) diagnostic.key += wire::to_text(*value) + "\n";
    }
    if (known.insert(diagnostic.key).second) found.push_back(std::move(diagnostic));
  }
  return found;
}

}  // namespace quarterdeck::lsp
