#include "format/known.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/paths.hpp"
#include "wire/json.hpp"

namespace quarterdeck::format {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kLevelsMax = 64;

constexpr std::string_view kScripts = ".js .jsx .mjs .cjs .ts .tsx .mts .cts";
constexpr std::string_view kWeb =
    ".js .jsx .mjs .cjs .ts .tsx .mts .cts .html .htm .css .scss .sass .less .vue .svelte .json .jsonc .yaml .yml "
    ".toml "
    ".xml .md .mdx .graphql .gql";
constexpr auto kProject = Runs::code_of_the_project;

constexpr std::array kKnown{
    Known{"zig", ".zig .zon", "zig", "fmt $FILE"},
    Known{"uv", ".py .pyi", "uv", "format -- $FILE", Needs::uv},
    Known{"terraform", ".tf .tfvars", "terraform", "fmt $FILE"},
    Known{"standardrb", ".rb .rake .gemspec .ru", "standardrb", "--fix $FILE", Needs::program, {}, kProject},
    Known{"shfmt", ".sh .bash", "shfmt", "-w $FILE"},
    Known{"rustfmt", ".rs", "rustfmt", "$FILE"},
    Known{"ruff", ".py .pyi", "ruff", "format $FILE", Needs::ruff},
    Known{"rubocop", ".rb .rake .gemspec .ru", "rubocop", "--autocorrect $FILE", Needs::program, {}, kProject},
    Known{"air", ".R", "air", "format $FILE", Needs::air},
    Known{"prettier", kWeb, "prettier", "--write $FILE", Needs::package, "prettier", kProject},
    Known{"pint", ".php", "./vendor/bin/pint", "$FILE", Needs::composer, "laravel/pint", kProject},
    Known{"oxfmt", kScripts, "oxfmt", "$FILE", Needs::package, "oxfmt", kProject},
    Known{"ormolu", ".hs", "ormolu", "-i $FILE"},
    Known{"ocamlformat", ".ml .mli", "ocamlformat", "-i $FILE", Needs::file, ".ocamlformat"},
    Known{"nixfmt", ".nix", "nixfmt", "$FILE"},
    Known{"mix", ".ex .exs .eex .heex .leex .neex .sface", "mix", "format $FILE", Needs::program, {}, kProject},
    Known{"latexindent", ".tex", "latexindent", "-w -s $FILE"},
    Known{"ktlint", ".kt .kts", "ktlint", "-F $FILE"},
    Known{"htmlbeautifier", ".erb .html.erb", "htmlbeautifier", "$FILE"},
    Known{"gofmt", ".go", "gofmt", "-w $FILE"},
    Known{"gleam", ".gleam", "gleam", "format $FILE"},
    Known{"dfmt", ".d", "dfmt", "-i $FILE"},
    Known{"dart", ".dart", "dart", "format $FILE"},
    Known{"cljfmt", ".clj .cljs .cljc .edn", "cljfmt", "fix --quiet $FILE"},
    Known{"clang-format", ".c .cc .cpp .cxx .c++ .h .hh .hpp .hxx .h++ .ino .C .H", "clang-format", "-i $FILE",
          Needs::file, ".clang-format"},
    Known{"biome", kWeb, "biome", "format --write $FILE", Needs::file, "biome.json biome.jsonc"},
};

// From the directory up to the worktree.
std::vector<fs::path> levels(const Place& place) {
  std::vector<fs::path> found{place.directory};
  while (found.back() != place.worktree && found.back().has_relative_path() && found.size() < kLevelsMax) {
    found.push_back(found.back().parent_path());
  }
  return found;
}

std::vector<fs::path> find_up(std::string_view name, const Place& place) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const fs::path& level : levels(place)) {
    if (fs::path file = level / name; fs::is_regular_file(file, ignored)) found.push_back(std::move(file));
  }
  return found;
}

std::string text_of(const fs::path& file) {
  std::error_code error;
  if (fs::file_size(file, error) > kFileBytesMax || error) return {};
  return read_file(file).value_or("");
}

std::optional<fs::path> executable(const fs::path& file) {
  std::error_code ignored;
  if (fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0) return file;
  return std::nullopt;
}

std::optional<fs::path> in_path(std::string_view program) {
  const auto environment = process::tool_environment();
  std::string_view path = environment.at("PATH");
  while (!path.empty()) {
    const auto colon = path.find(':');
    const fs::path directory(path.substr(0, colon));
    // A relative entry would mean another place in every project.
    if (directory.is_absolute()) {
      if (auto found = executable(directory / program)) return found;
    }
    path.remove_prefix(colon == path.npos ? path.size() : colon + 1);
  }
  return std::nullopt;
}

// What `npm install` put into the project comes first: it is the version that the project means.
std::optional<fs::path> own_or_installed(std::string_view program, const Place& place) {
  if (place.trusted) {
    for (const fs::path& level : levels(place)) {
      if (auto found = executable(level / "node_modules/.bin" / program)) return found;
    }
  }
  return in_path(program);
}

bool names_dependency(const fs::path& file, std::initializer_list<std::string_view> members, std::string_view name) {
  const auto json = wire::parse(text_of(file));
  if (!json) return false;
  return std::ranges::any_of(members, [&](std::string_view member) {
    const wire::JsonObject* dependencies = wire::object_at(*json, member);
    return dependencies && dependencies->contains(name);
  });
}

bool any_names(const Place& place, std::string_view file, std::initializer_list<std::string_view> members,
               std::string_view name) {
  return std::ranges::any_of(find_up(file, place), [&](const auto& f) { return names_dependency(f, members, name); });
}

bool asks_for_ruff(const Place& place) {
  if (!find_up("ruff.toml", place).empty() || !find_up(".ruff.toml", place).empty()) return true;
  for (const char* name : {"pyproject.toml", "requirements.txt", "Pipfile"}) {
    const auto files = find_up(name, place);
    // "[tool.ruff]" is among what holds the word.
    if (!files.empty() && text_of(files.front()).contains("ruff")) return true;
  }
  return false;
}

bool met(const Known& known, const Place& place) {
  switch (known.needs) {
    case Needs::program:
    case Needs::air: return true;
    case Needs::file:
      return std::ranges::any_of(words(known.what), [&](const auto& name) { return !find_up(name, place).empty(); });
    case Needs::package: return any_names(place, "package.json", {"dependencies", "devDependencies"}, known.what);
    case Needs::composer: return any_names(place, "composer.json", {"require", "require-dev"}, known.what);
    case Needs::ruff: return asks_for_ruff(place);
    case Needs::uv: return !in_path("ruff") || !asks_for_ruff(place);
  }
  return false;
}

bool switched_on(const Known& known) {
  if (known.name != "oxfmt") return true;
  const char* value = std::getenv("OPENCODE_EXPERIMENTAL_OXFMT");
  return value && (std::string_view(value) == "1" || std::string_view(value) == "true");
}

}  // namespace

std::span<const Known> known_formatters() { return kKnown; }

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const auto space = text.find(' ');
    if (space != 0) found.emplace_back(text.substr(0, space));
    text.remove_prefix(space == text.npos ? text.size() : space + 1);
  }
  return found;
}

std::optional<std::vector<std::string>> find_command(const Known& known, const Place& place) {
  if (known.runs == Runs::code_of_the_project && !place.trusted) return std::nullopt;
  if (!switched_on(known) || !met(known, place)) return std::nullopt;
  std::optional<fs::path> program;
  if (known.needs == Needs::composer) {
    program = executable(place.directory / known.program);
  } else if (known.needs == Needs::package || known.name == "biome") {
    program = own_or_installed(known.program, place);
  } else {
    program = in_path(known.program);
  }
  if (!program) return std::nullopt;
  std::vector<std::string> command{program->string()};
  for (auto& word : words(known.arguments)) command.push_back(std::move(word));
  return command;
}

}  // namespace quarterdeck::format
