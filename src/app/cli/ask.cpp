#include "app/cli/ask.hpp"

#include <algorithm>

namespace quarterdeck::app {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

std::optional<Answer> read_answer(std::string_view line) {
  line = trimmed(line);
  const auto end = std::min(line.find_first_of(" \t:,"), line.size());
  std::string word(line.substr(0, end));
  for (char& c : word) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  std::string_view rest = end < line.size() ? trimmed(line.substr(end + 1)) : std::string_view();
  if (word == "n" || word == "no" || word == "reject") {
    if (rest.empty()) return Answer{domain::Reply::reject, {}};
    return Answer{domain::Reply::reject, std::string(rest)};
  }
  if (!rest.empty()) return std::nullopt;
  if (word == "y" || word == "yes" || word == "once") return Answer{domain::Reply::once, {}};
  if (word == "a" || word == "always") return Answer{domain::Reply::always, {}};
  return std::nullopt;
}

}  // namespace quarterdeck::app
