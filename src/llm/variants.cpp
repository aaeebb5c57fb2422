#include "llm/variants.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "wire/json.hpp"

namespace quarterdeck::llm {
namespace {

using Variants = std::map<std::string, domain::JsonText>;
using Efforts = std::vector<std::string_view>;

const std::string& npm_of(const domain::ProviderInfo& provider, const domain::ModelInfo& model) {
  return model.npm.empty() ? provider.npm : model.npm;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool any_of(std::string_view id, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return id.contains(word); });
}

// Each effort put into the place of {} in `options`.
template <class List>
Variants with_effort(const List& efforts, std::string_view options) {
  Variants out;
  const auto place = options.find("{}");
  for (const std::string_view effort : efforts) {
    out.emplace(std::string(effort), domain::JsonText{
                            fmt::format("{}\"{}\"{}", options.substr(0, place), effort, options.substr(place + 2))});
  }
  return out;
}

Variants budgets(std::string_view before, std::int64_t high, std::int64_t max, std::string_view after) {
  const auto with = [&](std::int64_t budget) { return domain::JsonText{fmt::format("{}{}{}", before, budget, after)}; };
  return {{"high", with(high)}, {"max", with(max)}};
}

// "gpt-5.2-codex" -> 2; nothing for "gpt-5".
std::optional<int> gpt5_minor(std::string_view id) {
  const auto at = id.find("gpt-5");
  if (at == std::string_view::npos || at + 6 >= id.size() || (id[at + 5] != '.' && id[at + 5] != '-')) return {};
  int minor = 0;
  const auto [end, error] = std::from_chars(id.data() + at + 6, id.data() + id.size(), minor);
  return error == std::errc{} && end != id.data() + at + 6 ? std::optional(minor) : std::nullopt;
}

Efforts openai_efforts(std::string_view id, std::string_view released) {
  const auto minor = gpt5_minor(id);
  const bool gpt5 = id.contains("gpt-5");
  if (gpt5 && id.contains("-chat")) return minor ? Efforts{"medium"} : Efforts{};
  if (gpt5 && id.contains("pro")) return minor ? Efforts{"medium", "high", "xhigh"} : Efforts{"high"};
  Efforts efforts{"low", "medium", "high"};
  if (gpt5 && id.contains("codex")) {
    if (minor && *minor >= 3) efforts.insert(efforts.begin(), "none");
    if (id.contains("codex-max") || (minor && *minor >= 2)) efforts.push_back("xhigh");
    return efforts;
  }
  if (minor) {
    efforts.insert(efforts.begin(), "none");
    if (*minor >= 2) efforts.push_back("xhigh");
    return efforts;
  }
  if (gpt5) efforts.insert(efforts.begin(), "minimal");
  if (released >= "2025-11-13") efforts.insert(efforts.begin(), "none");
  if (released >= "2025-12-04") efforts.push_back("xhigh");
  return efforts;
}

// Major and minor of "claude-opus-4-7" and "claude-4.7-opus"; a date is no minor.
std::pair<int, int> claude_version(std::string_view id) {
  auto rest = id.substr(std::min(id.find("claude-"), id.size()));
  std::vector<int> numbers;
  while (!rest.empty() && numbers.size() < 2) {
    const auto digit = rest.find_first_of("0123456789");
    if (digit == std::string_view::npos) break;
    rest.remove_prefix(digit);
    const auto end = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (end > 2) break;
    int value = 0;
    std::from_chars(rest.data(), rest.data() + end, value);
    numbers.push_back(value);
    // Only "-" or "." join a minor to its major.
    const bool joined = end < rest.size() && (rest[end] == '-' || rest[end] == '.') && end + 1 < rest.size() &&
                        rest[end + 1] >= '0' && rest[end + 1] <= '9';
    rest.remove_prefix(end);
    if (!joined) break;
  }
  numbers.resize(2);
  return {numbers[0], numbers[1]};
}

Efforts claude_efforts(std::string_view id) {
  const auto version = claude_version(id);
  if (version >= std::pair{4, 7}) return {"low", "medium", "high", "xhigh", "max"};
  if (version == std::pair{4, 6} && any_of(id, {"opus", "sonnet"})) return {"low", "medium", "high", "max"};
  return {};
}

Efforts named(const domain::ModelInfo& model, Efforts otherwise) {
  return model.efforts.empty() ? std::move(otherwise) : Efforts(model.efforts.begin(), model.efforts.end());
}

Variants claude(std::string_view id, const domain::ModelInfo& model) {
  const auto output_tokens = model.output_tokens;
  if (const auto known = claude_efforts(id); !known.empty()) {
    const auto efforts = named(model, known);
    const bool silent = claude_version(id) >= std::pair{4, 7};  // shows no thoughts unless asked to
    return with_effort(efforts, silent ? R"({"thinking":{"type":"adaptive","display":"summarized"},"effort":{}})"
                                       : R"({"thinking":{"type":"adaptive"},"effort":{}})");
  }
  const auto most = output_tokens > 0 ? output_tokens : 64'000;
  return budgets(R"({"thinking":{"type":"enabled","budgetTokens":)", std::min<std::int64_t>(16'000, most / 2 - 1),
                 std::min<std::int64_t>(31'999, most - 1), "}}");
}

Variants gemini(std::string_view id, const domain::ModelInfo& model) {
  if (id.contains("2.5")) {
    const bool pro = id.contains("pro") && !id.contains("flash");
    return budgets(R"({"thinkingConfig":{"includeThoughts":true,"thinkingBudget":)", 16'000, pro ? 32'768 : 24'576,
                   "}}");
  }
  Efforts levels{"low", "high"};
  if (id.contains("gemini-3")) levels = {"low", "medium", "high"};
  if (id.contains("gemini-3") && id.contains("flash")) levels.insert(levels.begin(), "minimal");
  return with_effort(named(model, levels), R"({"thinkingConfig":{"includeThoughts":true,"thinkingLevel":{}}})");
}

Variants bedrock(std::string_view id) {
  if (!id.contains("anthropic")) {
    return with_effort(Efforts{"low", "medium", "high"}, R"({"reasoningConfig":{"type":"enabled","maxReasoningEffort":{}}})");
  }
  if (const auto efforts = claude_efforts(id); !efforts.empty()) {
    return with_effort(efforts, R"({"reasoningConfig":{"type":"adaptive","maxReasoningEffort":{}}})");
  }
  return budgets(R"({"reasoningConfig":{"type":"enabled","budgetTokens":)", 16'000, 31'999, "}}");
}

void merge(wire::JsonObject& into, const wire::JsonObject& from) {
  for (const auto& member : from) {
    auto* known = into.if_contains(member.key());
    if (known && known->is_object() && member.value().is_object()) {
      merge(known->get_object(), member.value().get_object());
    } else {
      into.insert_or_assign(member.key(), member.value());
    }
  }
}

void merge(wire::JsonObject& into, const domain::JsonText& from) {
  if (const auto parsed = wire::parse(from.text); parsed && parsed->is_object()) merge(into, parsed->get_object());
}

}  // namespace

Variants variants_of(const domain::ProviderInfo& provider, const domain::ModelInfo& model) {
  if (!model.reasoning) return {};
  const auto& npm = npm_of(provider, model);
  const auto id = lower(model.api_id.empty() ? model.id : model.api_id);
  if (npm == "@ai-sdk/openai" || npm == "@ai-sdk/azure") {
    return with_effort(named(model, openai_efforts(id, model.release_date)), R"({"reasoningEffort":{}})");
  }
  if (npm == "@ai-sdk/anthropic") return claude(id, model);
  if (npm == "@ai-sdk/google") return gemini(id, model);
  if (npm == "@ai-sdk/amazon-bedrock") return bedrock(id);
  // These think as they please behind chat completions, unless their vendor names efforts.
  if (model.efforts.empty() && any_of(id, {"deepseek-chat", "deepseek-reasoner", "deepseek-r1", "deepseek-v3", "minimax", "glm", "kimi", "k2p",
                  "qwen"})) {
    return {};
  }
  if (npm == "@openrouter/ai-sdk-provider") {
    const auto efforts =
        id.contains("gpt-5") ? openai_efforts(id, model.release_date) : Efforts{"low", "medium", "high"};
    return with_effort(named(model, efforts), R"({"reasoning":{"effort":{}}})");
  }
  if (npm == "@ai-sdk/mistral" || npm == "@ai-sdk/perplexity" || npm == "@ai-sdk/cohere") return {};
  if (id.contains("grok-3-mini")) return with_effort(Efforts{"low", "high"}, R"({"reasoningEffort":{}})");
  Efforts efforts{"low", "medium", "high"};
  if (npm == "@ai-sdk/groq") efforts.insert(efforts.begin(), "none");
  return with_effort(named(model, efforts), R"({"reasoningEffort":{}})");
}

domain::JsonText request_options(const domain::ProviderInfo& provider, const domain::ModelInfo& model,
                                 const std::optional<std::string>& variant, const domain::JsonText& agent_options) {
  wire::JsonObject options;
  if (npm_of(provider, model) == "@openrouter/ai-sdk-provider") options["usage"] = wire::JsonObject{{"include", true}};
  merge(options, model.options);
  merge(options, agent_options);
  if (variant) {
    if (const auto found = model.variants.find(*variant); found != model.variants.end()) merge(options, found->second);
  }
  return wire::to_json_text(options);
}

}  // namespace quarterdeck::llm
