#include "format/formatters.hpp"

#include <algorithm>
#include <array>

#include "base/async.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "format/known.hpp"

namespace quarterdeck::format {
namespace {

constexpr std::int64_t kQuestionMsMax = 5'000;  // "are you the program that I mean?"
constexpr std::size_t kOutputBytesMax = 4'000;
constexpr std::size_t kFileBytesMax = 8 * 1024 * 1024;

struct Formatter {
  std::string name;
  std::vector<std::string> extensions;
  const Known* known = nullptr;  // decides whether it runs; null when the configuration gives the command
  std::optional<std::vector<std::string>> command;
  std::map<std::string, std::string> environment;
};

std::vector<Formatter> table(const std::optional<config::Named<config::Formatter>>& configured) {
  std::vector<Formatter> all;
  if (!configured) return all;
  for (const Known& known : known_formatters()) {
    all.push_back({.name = std::string(known.name), .extensions = words(known.extensions), .known = &known});
  }
  const auto disabled = [&](const char* name) {
    return std::ranges::any_of(*configured,
                               [&](const auto& each) { return each.first == name && each.second.disabled; });
  };
  // Two ways to the same formatter: who switches one off means both.
  const bool no_ruff = disabled("ruff") || disabled("uv");
  for (const auto& [name, entry] : *configured) {
    if ((name == "ruff" || name == "uv") && no_ruff) {
      std::erase_if(all, [](const Formatter& each) { return each.name == "ruff" || each.name == "uv"; });
      continue;
    }
    if (entry.disabled) {
      std::erase_if(all, [&](const Formatter& each) { return each.name == name; });
      continue;
    }
    auto found = std::ranges::find(all, name, &Formatter::name);
    if (found == all.end()) found = all.insert(all.end(), Formatter{.name = name});
    if (entry.extensions) found->extensions = *entry.extensions;
    found->environment = entry.environment;
    if (entry.command) {
      found->known = nullptr;
      found->command = entry.command;
    }
  }
  return all;
}

class LiveFormatters final : public Formatters {
 public:
  LiveFormatters(const Options& options, Place place, const std::optional<config::Named<config::Formatter>>& configured)
      : options_(options), place_(std::move(place)), all_(table(configured)) {}

  Task<std::vector<FormatterStatus>> status() override {
    std::vector<FormatterStatus> out;
    for (Formatter& each : all_) {
      const auto command = co_await command_of(each, {});
      out.push_back({each.name, each.extensions, command.has_value()});
    }
    co_return out;
  }

  Task<bool> format(std::filesystem::path file, std::stop_token stop) override {
    const std::string extension = file.extension().string();
    bool ran = false;
    for (Formatter& each : all_) {
      if (extension.empty() || std::ranges::find(each.extensions, extension) == each.extensions.end()) continue;
      auto command = co_await command_of(each, stop);
      if (!command || command->empty() || stop.stop_requested()) continue;
      co_await run(each, std::move(*command), file, stop);
      ran = true;
    }
    co_return ran;
  }

 private:
  // What is installed stays; what is not may come.
  Task<std::optional<std::vector<std::string>>> command_of(Formatter& formatter, std::stop_token stop) {
    if (formatter.command || !formatter.known) co_return formatter.command;
    const Known& known = *formatter.known;
    auto look = [&known, place = place_] { return find_command(known, place); };
    auto found = co_await blocking(options_.loop, options_.pool, look);
    if (found && known.needs == Needs::uv) {
      const auto answer = co_await ask({found->front(), "format", "--help"}, stop);
      if (!answer) found.reset();
    }
    if (found && known.needs == Needs::air) {
      const auto answer = co_await ask({found->front(), "--help"}, stop);
      const auto line = answer ? answer->substr(0, answer->find('\n')) : std::string();
      if (!line.contains("R language") || !line.contains("formatter")) found.reset();
    }
    formatter.command = found;
    co_return found;
  }

  // What it says; nothing when it fails.
  Task<std::optional<std::string>> ask(std::vector<std::string> command, std::stop_token stop) {
    process::Spawn spawn{.argv = std::move(command),
                         .directory = place_.directory,
                         .environment = process::tool_environment(),
                         .owner = owner(),
                         .timeout_ms = kQuestionMsMax};
    const auto answer = co_await process::collect(options_.processes, std::move(spawn), kOutputBytesMax, stop);
    if (!answer || answer->exit.code != 0) co_return std::nullopt;
    co_return answer->output;
  }

  Task<void> run(const Formatter& formatter, std::vector<std::string> command, std::filesystem::path file,
                 std::stop_token stop) {
    for (std::string& argument : command) {
      if (const auto at = argument.find("$FILE"); at != argument.npos) argument.replace(at, 5, file.string());
    }
    process::Spawn spawn{.argv = std::move(command),
                         .directory = place_.directory,
                         .environment = process::tool_environment(),
                         .owner = owner(),
                         .timeout_ms = options_.formatter_ms_max};
    for (const auto& [name, value] : formatter.environment) spawn.environment[name] = value;
    auto keep = [file]() -> std::optional<std::string> {
      std::error_code error;
      if (std::filesystem::file_size(file, error) > kFileBytesMax || error) return std::nullopt;
      auto bytes = read_file(file);
      return bytes ? std::optional(std::move(*bytes)) : std::nullopt;
    };
    const auto before = co_await blocking(options_.loop, options_.pool, keep);
    const auto done = co_await process::collect(options_.processes, std::move(spawn), kOutputBytesMax, stop);
    if (!done) {
      log::warn("formatter {}: {}", formatter.name, done.error().message);
      co_return;
    }
    if (done->exit.code == 0) co_return;
    log::warn("formatter {} on {} {}: {}", formatter.name, file.string(),
              done->exit.timed_out ? "took too long"
              : done->exit.code    ? fmt::format("ended with exit code {}", *done->exit.code)
                                   : std::string("was killed"),
              done->output.substr(0, 500));
    // Linters that repair what they can end with an error, too; but one that was killed may have written half.
    if (done->exit.code || !before) co_return;
    auto restore = [file, &before] {
      const auto now = read_file(file);
      return now && *now == *before ? Result<void>() : write_file_atomically(file, *before);
    };
    const auto restored = co_await blocking(options_.loop, options_.pool, restore);
    if (!restored) log::error("formatter {}: {}", formatter.name, restored.error().message);
  }

  std::string owner() const { return "format " + place_.directory.string(); }

  Options options_;
  Place place_;
  std::vector<Formatter> all_;  // in the order in which they run
};

}  // namespace

std::shared_ptr<Formatters> make_formatters(const Options& options, Place place,
                                            std::optional<config::Named<config::Formatter>> configured) {
  return std::make_shared<LiveFormatters>(options, std::move(place), configured);
}

}  // namespace quarterdeck::format
