#include "llm/scripted/script.hpp"

#include <string_view>
#include <utility>

namespace quarterdeck::llm::scripted {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    auto end = text.find_first_of(" \n");
    if (end != std::string_view::npos) end = text.find_first_not_of(" \n", end);
    pieces.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
  return pieces;
}

std::optional<Fault> fault_named(std::string_view name) {
  constexpr std::pair<std::string_view, Fault> kNames[] = {
      {"reset", Fault::reset},      {"reset-mid", Fault::reset_mid}, {"eof-mid", Fault::eof_mid},
      {"hang", Fault::hang},        {"hang-mid", Fault::hang_mid},   {"html", Fault::html},
      {"badjson", Fault::bad_json}, {"errobj", Fault::error_object}, {"junk", Fault::junk},
      {"empty", Fault::empty}};
  for (const auto& [word, fault] : kNames) {
    if (word == name) return fault;
  }
  return std::nullopt;
}

}  // namespace quarterdeck::llm::scripted
