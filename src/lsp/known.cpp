#include "lsp/known.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/paths.hpp"
#include "process/find_program.hpp"
#include "wire/json.hpp"

namespace quarterdeck::lsp {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLocks = "package-lock.json bun.lockb bun.lock pnpm-lock.yaml yarn.lock";
constexpr std::string_view kBiomeMarkers =
    "biome.json biome.jsonc package-lock.json bun.lockb bun.lock pnpm-lock.yaml yarn.lock";
constexpr std::string_view kOxlintMarkers =
    ".oxlintrc.json package-lock.json bun.lockb bun.lock pnpm-lock.yaml yarn.lock package.json";
constexpr std::string_view kScripts = ".ts .tsx .js .jsx .mjs .cjs .mts .cts";
constexpr std::string_view kPython = "pyproject.toml setup.py setup.cfg requirements.txt Pipfile pyrightconfig.json";
constexpr std::string_view kDotnet = "*.slnx *.sln *.csproj *.fsproj global.json";
constexpr Root kNearest = Root::marker_or_directory;
constexpr bool kRunsCode = true;

constexpr std::array kKnown{
    Known{"zls", ".zig .zon", "zls", kNearest, "build.zig", {}, kRunsCode},
    Known{"yaml-ls", ".yaml .yml", "yaml-language-server --stdio", kNearest, kLocks},
    Known{"vue", ".vue", "vue-language-server --stdio", kNearest, kLocks, {}, kRunsCode},
    Known{"typescript",
          kScripts,
          "typescript-language-server --stdio",
          kNearest,
          kLocks,
          "deno.json deno.jsonc",
          kRunsCode,
          {},
          "typescript/lib/tsserver.js"},
    Known{"ty", ".py .pyi", "ty server", kNearest,
          "pyproject.toml ty.toml setup.py setup.cfg requirements.txt Pipfile pyrightconfig.json"},
    Known{"tinymist", ".typ .typc", "tinymist", kNearest, "typst.toml"},
    Known{"texlab", ".tex .bib", "texlab", kNearest, ".latexmkrc latexmkrc .texlabroot texlabroot", {}, kRunsCode},
    Known{"terraform",
          ".tf .tfvars",
          "terraform-ls serve",
          kNearest,
          ".terraform.lock.hcl terraform.tfstate *.tf",
          {},
          false,
          R"({"experimentalFeatures":{"prefillRequiredFields":true,"validateOnSave":true}})"},
    Known{"svelte", ".svelte", "svelteserver --stdio", kNearest, kLocks, {}, kRunsCode},
    Known{"sourcekit-lsp",
          ".swift .objc objcpp",
          "sourcekit-lsp",
          kNearest,
          "Package.swift *.xcodeproj *.xcworkspace",
          {},
          kRunsCode},
    Known{"rust", ".rs", "rust-analyzer", kNearest, "Cargo.toml Cargo.lock", {}, kRunsCode},
    Known{"ruby-lsp", ".rb .rake .gemspec .ru", "rubocop --lsp", kNearest, "Gemfile", {}, kRunsCode},
    Known{"pyright", ".py .pyi", "pyright-langserver --stdio", kNearest, kPython},
    Known{"prisma", ".prisma", "prisma language-server", kNearest, "schema.prisma prisma", "package.json"},
    Known{"php intelephense",
          ".php",
          "intelephense --stdio",
          kNearest,
          "composer.json composer.lock .php-version",
          {},
          false,
          R"({"telemetry":{"enabled":false}})"},
    Known{"oxlint",
          ".ts .tsx .js .jsx .mjs .cjs .mts .cts .vue .astro .svelte",
          "oxlint --lsp|oxc_language_server",
          kNearest,
          kOxlintMarkers,
          {},
          kRunsCode,
          {},
          "oxlint/package.json"},
    Known{"ocaml-lsp", ".ml .mli", "ocamllsp", kNearest, "dune-project dune-workspace .merlin opam", {}, kRunsCode},
    Known{"nixd", ".nix", "nixd", kNearest, "flake.nix", {}, kRunsCode},
    Known{"lua-ls", ".lua", "lua-language-server", kNearest,
          ".luarc.json .luarc.jsonc .luacheckrc .stylua.toml stylua.toml selene.toml selene.yml"},
    Known{"kotlin-ls",
          ".kt .kts",
          "kotlin-lsp --stdio|kotlin-lsp.sh --stdio|kotlin-language-server",
          kNearest,
          "settings.gradle.kts settings.gradle|gradlew gradlew.bat|build.gradle.kts build.gradle|pom.xml",
          {},
          kRunsCode},
    Known{"julials",
          ".jl",
          "julia --startup-file=no --history-file=no -e using~LanguageServer;runserver()",
          kNearest,
          "Project.toml Manifest.toml *.jl",
          {},
          kRunsCode},
    Known{"jdtls",
          ".java",
          "jdtls",
          Root::marker,
          "settings.gradle settings.gradle.kts|gradlew gradlew.bat|build.gradle build.gradle.kts|pom.xml|.project "
          ".classpath",
          {},
          kRunsCode},
    Known{"haskell-language-server",
          ".hs .lhs",
          "haskell-language-server-wrapper --lsp",
          kNearest,
          "stack.yaml cabal.project hie.yaml *.cabal",
          {},
          kRunsCode},
    Known{"gopls", ".go", "gopls", kNearest, "go.work|go.mod go.sum"},
    Known{"gleam", ".gleam", "gleam lsp", kNearest, "gleam.toml"},
    Known{"fsharp", ".fs .fsi .fsx .fsscript", "fsautocomplete", kNearest, kDotnet, {}, kRunsCode},
    Known{"elixir-ls", ".ex .exs", "elixir-ls|language_server.sh", kNearest, "mix.exs mix.lock", {}, kRunsCode},
    Known{"eslint",
          ".ts .tsx .js .jsx .mjs .cjs .mts .cts .vue",
          "vscode-eslint-language-server --stdio",
          kNearest,
          kLocks,
          {},
          kRunsCode,
          {},
          "eslint/package.json"},
    Known{"dockerfile", ".dockerfile Dockerfile", "docker-langserver --stdio", Root::directory},
    Known{"deno", ".ts .tsx .js .jsx .mjs", "deno lsp", Root::marker, "deno.json deno.jsonc"},
    Known{"dart", ".dart", "dart language-server --lsp", kNearest, "pubspec.yaml analysis_options.yaml", {}, kRunsCode},
    Known{"clojure-lsp",
          ".clj .cljs .cljc .edn",
          "clojure-lsp listen",
          kNearest,
          "deps.edn project.clj shadow-cljs.edn bb.edn build.boot",
          {},
          kRunsCode},
    Known{"clangd", ".c .cpp .cc .cxx .c++ .h .hpp .hh .hxx .h++",
          "clangd --background-index --clang-tidy|clangd-21 --background-index --clang-tidy|"
          "clangd-20 --background-index --clang-tidy|clangd-19 --background-index --clang-tidy|"
          "clangd-18 --background-index --clang-tidy|clangd-17 --background-index --clang-tidy",
          kNearest, "compile_commands.json compile_flags.txt .clangd"},
    Known{"csharp", ".cs .csx", "roslyn-language-server --stdio --autoLoadProjects", kNearest, kDotnet, {}, kRunsCode},
    Known{"biome", ".ts .tsx .js .jsx .mjs .cjs .mts .cts .json .jsonc .vue .astro .svelte .css .graphql .gql .html",
          "biome lsp-proxy --stdio", kNearest, kBiomeMarkers},
    Known{"bash", ".sh .bash .zsh .ksh", "bash-language-server start", Root::directory},
    Known{"astro", ".astro", "astro-ls --stdio", kNearest, kLocks, {}, kRunsCode, {}, "typescript/lib/tsserver.js"},
};

struct Language {
  std::string_view name;
  std::string_view extensions;
};
constexpr std::array kLanguages{
    Language{"abap", ".abap"},
    Language{"bat", ".bat"},
    Language{"bibtex", ".bib .bibtex"},
    Language{"clojure", ".clj .cljs .cljc .edn"},
    Language{"coffeescript", ".coffee"},
    Language{"c", ".c"},
    Language{"cpp", ".cpp .cxx .cc .c++ .hpp .hh .hxx .h++"},
    Language{"csharp", ".cs .csx"},
    Language{"css", ".css"},
    Language{"d", ".d"},
    Language{"pascal", ".pas .pascal"},
    Language{"diff", ".diff .patch"},
    Language{"dart", ".dart"},
    Language{"dockerfile", ".dockerfile Dockerfile"},
    Language{"elixir", ".ex .exs"},
    Language{"erlang", ".erl .hrl"},
    Language{"typescript", ".ets .ts .mts .cts"},
    Language{"fsharp", ".fs .fsi .fsx .fsscript"},
    Language{"git-commit", ".gitcommit"},
    Language{"git-rebase", ".gitrebase"},
    Language{"go", ".go"},
    Language{"groovy", ".groovy"},
    Language{"gleam", ".gleam"},
    Language{"handlebars", ".hbs .handlebars"},
    Language{"haskell", ".hs .lhs"},
    Language{"html", ".html .htm"},
    Language{"ini", ".ini"},
    Language{"java", ".java"},
    Language{"julia", ".jl"},
    Language{"javascript", ".js .mjs .cjs"},
    Language{"kotlin", ".kt .kts"},
    Language{"javascriptreact", ".jsx"},
    Language{"json", ".json"},
    Language{"latex", ".tex .latex"},
    Language{"less", ".less"},
    Language{"lua", ".lua"},
    Language{"makefile", ".makefile makefile"},
    Language{"markdown", ".md .markdown"},
    Language{"objective-c", ".m"},
    Language{"objective-cpp", ".mm"},
    Language{"perl", ".pl .pm"},
    Language{"perl6", ".pm6"},
    Language{"php", ".php"},
    Language{"powershell", ".ps1 .psm1"},
    Language{"jade", ".pug .jade"},
    Language{"python", ".py"},
    Language{"r", ".r"},
    Language{"razor", ".cshtml .razor"},
    Language{"ruby", ".rb .rake .gemspec .ru"},
    Language{"erb", ".erb"},
    Language{"rust", ".rs"},
    Language{"scss", ".scss"},
    Language{"sass", ".sass"},
    Language{"scala", ".scala"},
    Language{"shaderlab", ".shader"},
    Language{"shellscript", ".sh .bash .zsh .ksh"},
    Language{"sql", ".sql"},
    Language{"svelte", ".svelte"},
    Language{"swift", ".swift"},
    Language{"typescriptreact", ".tsx .mtsx .ctsx"},
    Language{"xml", ".xml"},
    Language{"xsl", ".xsl"},
    Language{"yaml", ".yaml .yml"},
    Language{"vue", ".vue"},
    Language{"zig", ".zig .zon"},
    Language{"astro", ".astro"},
    Language{"ocaml", ".ml .mli"},
    Language{"terraform", ".tf"},
    Language{"terraform-vars", ".tfvars"},
    Language{"hcl", ".hcl"},
    Language{"nix", ".nix"},
    Language{"typst", ".typ .typc"},
};

bool has_marker(const fs::path& directory, std::string_view names) {
  std::error_code error;
  for (const std::string& name : words(names)) {
    if (!name.starts_with('*')) {
      if (fs::exists(directory / name, error)) return true;
      continue;
    }
    const std::string_view suffix = std::string_view(name).substr(1);
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().filename().string().ends_with(suffix)) return true;
    }
  }
  return false;
}

// From the file's directory up to the session's.
std::optional<fs::path> nearest(std::string_view names, const fs::path& file, const Place& place) {
  if (names.empty()) return std::nullopt;
  for (const fs::path& level : process::levels_up(file.parent_path(), place.directory)) {
    if (has_marker(level, names)) return level;
    if (level == place.directory) break;
  }
  return std::nullopt;
}

// A crate of a Cargo workspace belongs to the whole.
fs::path cargo_workspace(const fs::path& crate, const Place& place) {
  for (const fs::path& level : process::levels_up(crate, place.worktree)) {
    if (read_file(level / "Cargo.toml").value_or("").contains("[workspace]")) return level;
  }
  return crate;
}

std::optional<fs::path> project_module(std::string_view name, const Place& place) {
  std::error_code ignored;
  for (const fs::path& level : process::levels_up(place.directory, place.worktree)) {
    if (fs::path file = level / "node_modules" / name; fs::exists(file, ignored)) return file;
  }
  return std::nullopt;
}

std::optional<fs::path> program(std::string_view name, const Place& place) {
  if (place.trusted) {
    if (auto found = process::find_project_program(name, place.directory, place.worktree)) return found;
  }
  return process::find_program(name);
}

// The interpreter of the project's own environment knows its packages. Running it is running the project's code.
domain::JsonText python_of(const fs::path& root, const Place& place) {
  std::vector<fs::path> environments;
  if (const char* active = std::getenv("VIRTUAL_ENV"); active && *active) environments.emplace_back(active);
  if (place.trusted) environments.insert(environments.end(), {root / ".venv", root / "venv"});
  for (const fs::path& environment : environments) {
    const fs::path python = environment / "bin/python";
    if (process::executable(python)) return wire::to_json_text(wire::JsonObject{{"pythonPath", python.string()}});
  }
  return {"{}"};
}

domain::JsonText initialization_of(const Known& known, const fs::path& root, const Place& place) {
  if (known.id == "pyright" || known.id == "ty") return python_of(root, place);
  if (known.id == "typescript" || known.id == "astro") {
    const fs::path server = project_module(known.module, place).value_or(fs::path());
    if (known.id == "typescript") {
      return wire::to_json_text(wire::JsonObject{{"tsserver", wire::JsonObject{{"path", server.string()}}}});
    }
    const auto library = server.parent_path().string();
    return wire::to_json_text(wire::JsonObject{{"typescript", wire::JsonObject{{"tsdk", library}}}});
  }
  return {known.initialization.empty() ? "{}" : std::string(known.initialization)};
}

}  // namespace

std::span<const Known> known_servers() { return kKnown; }

const Known* find_known(std::string_view id) {
  const auto found = std::ranges::find(kKnown, id, &Known::id);
  return found == kKnown.end() ? nullptr : &*found;
}

std::vector<std::string> words(std::string_view text, char separator) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (end != 0) found.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return found;
}

bool is_for(const std::vector<std::string>& extensions, const fs::path& file) {
  const std::string extension = file.has_extension() ? file.extension().string() : file.filename().string();
  return extensions.empty() || std::ranges::find(extensions, extension) != extensions.end();
}

std::optional<fs::path> root_of(const Known& known, const fs::path& file, const Place& place) {
  if (known.root == Root::directory) return place.directory;
  if (nearest(known.unless, file, place)) return std::nullopt;
  for (const std::string& group : words(known.markers, '|')) {
    const auto found = nearest(group, file, place);
    if (!found) continue;
    return known.id == "rust" ? cargo_workspace(*found, place) : *found;
  }
  if (known.root == Root::marker) return std::nullopt;
  return known.id == "nixd" && place.worktree.has_relative_path() ? place.worktree : place.directory;
}

std::optional<Launch> find_launch(const Known& known, const fs::path& root, const Place& place) {
  if (known.runs_code_of_the_project && !place.trusted) return std::nullopt;
  if (!known.module.empty() && !project_module(known.module, place)) return std::nullopt;
  for (const std::string& alternative : words(known.commands, '|')) {
    std::vector<std::string> command = words(alternative);
    const auto found = program(command.front(), place);
    if (!found) continue;
    command.front() = found->string();
    for (std::string& argument : command) std::ranges::replace(argument, '~', ' ');
    return Launch{.command = std::move(command), .initialization = initialization_of(known, root, place)};
  }
  return std::nullopt;
}

std::string_view language_of(const fs::path& file) {
  const std::string extension = file.has_extension() ? file.extension().string() : file.filename().string();
  for (const Language& language : kLanguages) {
    std::string_view rest = language.extensions;
    for (std::size_t at = rest.find(extension); at != rest.npos; at = rest.find(extension, at + 1)) {
      const std::size_t end = at + extension.size();
      if ((at == 0 || rest[at - 1] == ' ') && (end == rest.size() || rest[end] == ' ')) return language.name;
    }
  }
  return "plaintext";
}

}  // namespace quarterdeck::lsp
