#include "config/front_matter.hpp"

#include <charconv>

#include <yaml-cpp/yaml.h>

namespace quarterdeck::config {
namespace {

using wire::Json;
using wire::JsonArray;
using wire::JsonObject;

constexpr std::size_t kFrontMatterBytesMax = 64 * 1024;
constexpr int kNodesMax = 10'000;  // aliases can unfold without end
constexpr int kDepthMax = 32;

std::string_view trimmed(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

struct TooMuch {};

// A plain scalar as YAML 1.2 resolves it.
Json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return Json(std::string_view(text));  // quoted
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  std::int64_t whole = 0;
  const char* end = text.data() + text.size();
  if (const auto [at, error] = std::from_chars(text.data(), end, whole); error == std::errc{} && at == end)
    return whole;
  double number = 0;
  const bool numeric = text.find_first_not_of("0123456789+-.eE") == std::string::npos;
  if (const auto [at, error] = std::from_chars(text.data(), end, number);
      numeric && error == std::errc{} && at == end) {
    return number;
  }
  return Json(std::string_view(text));
}

Json json_of(const YAML::Node& node, int& nodes_left, int depth) {
  if (--nodes_left < 0 || depth > kDepthMax) throw TooMuch{};
  if (node.IsSequence()) {
    JsonArray array;
    for (const auto& element : node) array.push_back(json_of(element, nodes_left, depth + 1));
    return array;
  }
  if (node.IsMap()) {
    JsonObject object;
    for (const auto& member : node) {
      object.insert_or_assign(member.first.Scalar(), json_of(member.second, nodes_left, depth + 1));
    }
    return object;
  }
  return node.IsScalar() ? scalar(node) : Json(nullptr);
}

Result<JsonObject> parse_yaml(const std::string& text) {
  try {
    int nodes_left = kNodesMax;
    Json json = json_of(YAML::Load(text), nodes_left, 0);
    if (json.is_null()) return JsonObject{};
    if (!json.is_object()) return fail(ErrorCode::invalid, "front matter: Expected names with values");
    return std::move(json.get_object());
  } catch (const YAML::Exception& problem) {
    return fail(ErrorCode::invalid, "front matter, line {}: {}", problem.mark.line + 2, problem.msg);
  } catch (const TooMuch&) {
    return fail(ErrorCode::invalid, "front matter: unfolds to more than {} values", kNodesMax);
  }
}

// `key: a: b` becomes a block of text; other lines stay.
std::string with_colons_as_text(std::string_view yaml) {
  std::string out;
  while (!yaml.empty()) {
    const auto end = std::min(yaml.find('\n'), yaml.size() - 1);
    const std::string_view line = yaml.substr(0, end + 1);
    yaml.remove_prefix(end + 1);
    const auto colon = line.find(':');
    const std::string_view key = line.substr(0, colon);
    const std::string_view value = colon == line.npos ? "" : trimmed(line.substr(colon + 1));
    const bool plain_key = !key.empty() && key.find_first_of(" \t#\"'-") == key.npos;
    if (!plain_key || !value.contains(':') || std::string_view("\"'>|[{&*").contains(value.front())) {
      out += line;
      continue;
    }
    out += fmt::format("{}: |-\n  {}\n", key, value);
  }
  return out;
}

}  // namespace

Result<MarkdownDocument> parse_markdown(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto first = text.substr(0, text.find('\n'));
  if (trimmed(first) != "---" || first.size() == text.size()) return MarkdownDocument{{}, std::string(trimmed(text))};
  const std::string_view rest = text.substr(first.size() + 1);
  std::size_t close = 0;
  for (;;) {
    const std::string_view line = rest.substr(close, rest.substr(close).find('\n'));
    if (line.starts_with("---") && trimmed(line) == "---") break;
    close += line.size() + 1;
    if (close >= rest.size()) return fail(ErrorCode::invalid, "front matter: the closing --- is missing");
  }
  if (close > kFrontMatterBytesMax) return fail(ErrorCode::invalid, "front matter: larger than 64 KB");
  const std::string yaml(rest.substr(0, close));
  MarkdownDocument document;
  const std::size_t body = rest.find('\n', close);
  if (body != rest.npos) document.content = trimmed(rest.substr(body));
  auto data = parse_yaml(yaml);
  if (!data) {
    auto again = parse_yaml(with_colons_as_text(yaml));
    if (!again) return std::unexpected(std::move(data).error());
    data = std::move(again);
  }
  document.data = std::move(*data);
  return document;
}

}  // namespace quarterdeck::config
