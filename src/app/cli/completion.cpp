#include "app/cli/completion.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>

#include <CLI/CLI.hpp>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/terminal.hpp"
#include "base/async.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::int64_t kServerTimeMs = 1'500;  // somebody waits for the tab key

using Candidate = CompletionQuestion::Candidate;

// What a value of this type can be.
const std::map<std::string_view, std::vector<std::string_view>> kValues{
    {"PRIORITY", {"P0", "P1", "P2", "P3"}},
    {"MODE", {"queue", "steer", "interrupt"}},
    {"GROUP", {"needs_you", "with_supervisor", "ready_for_review", "working", "queued", "quiet"}},
    {"STATE",
     {"approve", "answer", "plan", "login", "budget", "failed", "stalled", "ready", "starting", "working", "retrying",
      "queued", "idle", "done"}},
    {"UNTIL", {"settled", "attention", "change", "ready", "idle", "done", "approve", "answer", "failed"}},
    {"KIND", {"title", "prompt", "answer", "tool", "commit"}},
    {"SHAPE", {"standard", "openclaw"}},
    {"ACTION", {"list", "add", "test", "log", "on", "off", "remove"}},
    {"EVENT",
     {"all", "needs_you", "with_supervisor", "ready_for_review", "working", "queued", "quiet", "failed", "ready",
      "done"}},
    {"SHELL", {"bash", "zsh", "fish"}},
    {"LEVEL", {"debug", "info", "warn", "error"}},
    {"A..B", {"base..now", "base..head", "start..now"}},
};

void offer_values(CompletionQuestion& out, const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto begins = [&](std::string_view with) { return type.starts_with(with); };
  if (begins("SESSION") || (begins("ID") && option.get_description().contains("session"))) {
    out.ask = CompletionQuestion::Ask::sessions;
  } else if (begins("REQUEST")) {
    out.ask = CompletionQuestion::Ask::requests;
  }
  for (const auto& [name, values] : kValues) {
    if (!begins(name)) continue;
    for (const auto value : values) out.candidates.push_back({std::string(value), ""});
  }
}

const CLI::Option* option_named(const CLI::App& app, const std::string& word) {
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional() && option->check_name(word)) return option;
  }
  return nullptr;
}

const CLI::App* subcommand_named(const CLI::App& app, const std::string& word) {
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (each->get_name() == word) return each;
  }
  return nullptr;
}

}  // namespace

std::string server_in(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--attach" && i + 2 < words.size()) return words[i + 1];
    if (words[i].starts_with("--attach=")) return words[i].substr(std::string_view("--attach=").size());
  }
  return {};
}

CompletionQuestion completions(const CLI::App& app, const std::vector<std::string>& words) {
  CompletionQuestion out;
  if (!words.empty()) out.begun = words.back();
  const CLI::App* at = &app;
  const CLI::Option* wants_value = nullptr;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (std::exchange(wants_value, nullptr) != nullptr) continue;
    const std::string& word = words[i];
    if (word.starts_with('-')) {
      const CLI::Option* option = option_named(*at, word);
      if (option != nullptr && option->get_expected_max() > 0 && option->get_type_size_max() > 0) wants_value = option;
    } else if (const CLI::App* sub = subcommand_named(*at, word)) {
      at = sub;
    }
  }
  if (wants_value != nullptr) {
    offer_values(out, *wants_value);
  } else if (out.begun.starts_with('-')) {
    for (const CLI::Option* option : at->get_options()) {
      if (option->get_positional() || option->get_lnames().empty()) continue;
      for (const auto& name : option->get_lnames()) out.candidates.push_back({"--" + name, option->get_description()});
    }
  } else {
    for (const CLI::App* each : at->get_subcommands([](const CLI::App*) { return true; })) {
      if (!each->get_group().empty()) out.candidates.push_back({each->get_name(), each->get_description()});
    }
    for (const CLI::Option* option : at->get_options()) {
      if (option->get_positional()) offer_values(out, *option);
    }
  }
  std::erase_if(out.candidates, [&](const Candidate& each) { return !each.text.starts_with(out.begun); });
  return out;
}

namespace {

Task<int> ask(Connected with, CompletionQuestion question) {
  std::stop_source late;
  const auto timer = with.loop.after_ms(kServerTimeMs, [&late] { late.request_stop(); });
  with.client.stop_with(late.get_token());
  const bool requests = question.ask == CompletionQuestion::Ask::requests;
  Client::Call call{.path = requests ? "/fleet/request" : "/fleet/roster"};
  const auto answer = co_await with.client.call(std::move(call));
  if (!answer) co_return kExitOk;  // a shell has no place for errors
  std::string out;
  if (const auto* list = wire::array_at(*answer, requests ? "requests" : "sessions")) {
    for (const wire::Json& each : *list) {
      const std::string id = harmless(wire::string_at(each, requests ? "id" : "sessionID"));
      if (!id.starts_with(question.begun) || id.find_first_of(" \t\n") != id.npos) continue;
      out += id + "\t" + one_line(Style{}, wire::string_at(each, "title"), 60) + "\n";
    }
  }
  co_return write_all(STDOUT_FILENO, out) ? kExitOk : kExitFailed;
}

constexpr std::string_view kBash = R"(# source <(quarterdeck completion bash)
_quarterdeck() {
  local IFS=$'\n'
  COMPREPLY=($(quarterdeck __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _quarterdeck quarterdeck
)";
constexpr std::string_view kZsh = R"(#compdef quarterdeck
_quarterdeck() {
  local -a found
  found=("${(@f)$(quarterdeck __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null | sed -e 's/:/\\:/g' -e $'s/\t/:/')}")
  if (( ${#found} )) && [[ -n $found[1] ]]; then _describe quarterdeck found; else _files; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _quarterdeck "$@"; else compdef _quarterdeck quarterdeck; fi
)";
constexpr std::string_view kFish = R"(# quarterdeck completion fish > ~/.config/fish/completions/quarterdeck.fish
function __quarterdeck_found
  set -l words (commandline -opc) (commandline -ct)
  set -e words[1]
  set -g __quarterdeck_candidates (quarterdeck __complete -- $words 2>/dev/null)
  test (count $__quarterdeck_candidates) -gt 0
end
complete -c quarterdeck -f -n __quarterdeck_found -a '(printf "%s\n" $__quarterdeck_candidates)'
)";

}  // namespace

int complete(const CompletionQuestion& question) {
  std::string out;
  for (const auto& each : question.candidates) {
    out += each.text + (each.help.empty() ? "" : "\t" + one_line(Style{}, each.help, 70)) + "\n";
  }
  if (!write_all(STDOUT_FILENO, out)) return kExitFailed;
  if (question.ask == CompletionQuestion::Ask::nothing) return kExitOk;
  return on_loop(question.target, [&](Connected with) { return ask(with, question); });
}

int completion_script(const CompletionScript& script) {
  const std::string_view text = script.shell == "bash" ? kBash : script.shell == "zsh" ? kZsh : kFish;
  return write_all(STDOUT_FILENO, text) ? kExitOk : kExitFailed;
}

}  // namespace quarterdeck::app
