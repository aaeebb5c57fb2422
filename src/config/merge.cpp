#include "config/merge.hpp"

namespace quarterdeck::config {
namespace {

using wire::Json;
using wire::JsonArray;
using wire::JsonObject;

constexpr std::size_t kPlaceholderFileBytesMax = 1024 * 1024;
constexpr std::string_view kHidden = "***";

std::string_view trimmed(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

using Sources = PlaceholderSources;

bool lies_in(const std::filesystem::path& directory, const std::filesystem::path& file) {
  std::error_code error;
  const auto real = std::filesystem::weakly_canonical(file, error);
  const auto relative = real.lexically_relative(std::filesystem::weakly_canonical(directory, error));
  return !error && !relative.empty() && *relative.begin() != "..";
}

Result<std::string> placeholder(std::string_view kind, std::string_view name, const Sources& sources) {
  if (kind == "env") {
    if (sources.confined_to) return fail(ErrorCode::denied, "{{env:{}}} is not filled in", name);
    return sources.environment(name).value_or("");
  }
  std::filesystem::path path(name);
  if (name == "~" || name.starts_with("~/")) path = sources.home / path.relative_path().lexically_relative("~");
  if (path.is_relative()) path = sources.base / path;
  if (sources.confined_to && !lies_in(*sources.confined_to, path)) {
    return fail(ErrorCode::denied, "{{file:{}}} is not read", name);
  }
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return fail(ErrorCode::invalid, "{{file:{}}}: {} is not a file", name, path.string());
  }
  if (std::filesystem::file_size(path, error) > kPlaceholderFileBytesMax) {
    return fail(ErrorCode::invalid, "{{file:{}}}: {} is larger than 1 MB", name, path.string());
  }
  TRY(const auto text, read_file(path));
  return std::string(trimmed(text));
}

Result<std::string> substituted(std::string_view text, const Sources& sources) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const auto close = text.find('}');
    const auto kind = text.starts_with("{env:")    ? text.substr(1, 3)
                      : text.starts_with("{file:") ? text.substr(1, 4)
                                                   : "";
    if (kind.empty() || close == std::string_view::npos) {
      out += '{';
      text.remove_prefix(1);
      continue;
    }
    const auto from = kind.size() + 2;
    TRY(const auto value, placeholder(kind, text.substr(from, close - from), sources));
    out += value;
    text.remove_prefix(close + 1);
  }
  return out;
}

Result<void> walk(Json& json, const Sources& sources) {
  if (auto* text = json.if_string()) {
    if (!std::string_view(*text).contains('{')) return {};
    TRY(const auto value, substituted(*text, sources));
    json = std::string_view(value);
  } else if (auto* array = json.if_array()) {
    for (auto& element : *array) TRY_VOID(walk(element, sources));
  } else if (auto* object = json.if_object()) {
    for (auto& member : *object) TRY_VOID(walk(member.value(), sources));
  }
  return {};
}

void merge_inner(JsonObject& under, const JsonObject& over, bool top) {
  for (const auto& member : over) {
    const std::string_view key = member.key();
    Json& target = under[key];
    if (target.is_object() && member.value().is_object()) {
      merge_inner(target.get_object(), member.value().get_object(), false);
    } else if (top && (key == "instructions" || key == "plugin") && target.is_array() && member.value().is_array()) {
      for (const auto& element : member.value().get_array()) {
        auto& list = target.get_array();
        if (std::ranges::find(list, element) == list.end()) list.push_back(element);
      }
    } else {
      target = member.value();
    }
  }
}

bool names_secret(std::string_view key) {
  std::string lower(key);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const char* word : {"apikey", "api_key", "secret", "password", "authorization", "accesskey", "credential"}) {
    if (lower.contains(word)) return true;
  }
  return lower == "token" || lower.ends_with("_token") || key.ends_with("Token");
}

void hide(Json& json, bool all) {
  if (auto* object = json.if_object()) {
    for (auto& member : *object) {
      const std::string_view key = member.key();
      // A provider's "env" is a list of names, a language server's holds values.
      const bool values = key == "headers" || key == "environment" || (key == "env" && member.value().is_object());
      hide(member.value(), all || values || names_secret(key));
    }
  } else if (auto* array = json.if_array()) {
    for (auto& element : *array) hide(element, all);
  } else if (all && json.is_string() && !json.get_string().empty()) {
    json = kHidden;
  }
}

}  // namespace

Result<void> substitute(Json& json, const PlaceholderSources& sources) { return walk(json, sources); }

void merge(JsonObject& under, const JsonObject& over) { merge_inner(under, over, true); }

void hide_secrets(Json& json) { hide(json, false); }

}  // namespace quarterdeck::config
