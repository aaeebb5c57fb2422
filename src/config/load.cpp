#include <algorithm>
#include <cstdlib>

#include "config/config.hpp"
#include "config/document.hpp"
#include "config/markdown.hpp"
#include "config/merge.hpp"
#include "config/trust.hpp"

namespace quarterdeck::config {
namespace {

namespace fs = std::filesystem;
using wire::Json;
using wire::JsonObject;

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kDirectoriesMax = 64;

// Who wrote a document: the user, or whoever wrote the project.
enum class Origin { user, project };

// What would run programs on the word of the project.
constexpr std::array<std::string_view, 2> kRunsPrograms{"mcp", "plugin"};
// Here switching on and off is no danger: what runs then is what the user has installed.
constexpr std::array<std::string_view, 2> kNamesPrograms{"formatter", "lsp"};

// One document as it was written and with its placeholders filled in.
struct Document {
  JsonObject written;
  JsonObject filled;
};

class Loader {
 public:
  Loader(const Places& places, const Environment& environment, const fs::path& directory, const fs::path& worktree)
      : places_(places),
        environment_(environment),
        directory_(directory),
        project_(worktree == worktree.root_path() ? directory : worktree) {
    config_.trusted = is_trusted(places, directory);
  }

  // A file that is not there is no error.
  void file(const fs::path& path, Origin origin) {
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return;
    if (fs::file_size(path, error) > kFileBytesMax) {
      return refuse({ErrorCode::invalid, path.string() + ": larger than 1 MB", {}});
    }
    auto text = read_file(path);
    if (!text) return refuse(std::move(text).error());
    config_.files.push_back(path);
    add(*text, path.string(), path.parent_path(), origin);
  }

  void text(std::string_view json, const std::string& name, const fs::path& base) {
    add(json, name, base, Origin::user);
  }

  void markdown(const fs::path& directory, Origin origin) {
    const bool confined = origin == Origin::project && !config_.trusted;
    for (MarkdownMember& found : read_markdown_members(directory, confined ? &project_ : nullptr)) {
      config_.files.push_back(found.file);
      if (!found.document) {
        wrong(found.member, std::move(found.document).error().in("{}", found.file.string()));
        continue;
      }
      // Text is text here: no placeholders.
      if (auto decoded = decode_document(*found.document, places_.home); !decoded) {
        wrong(found.member, std::move(decoded).error().in("{}", found.file.string()));
        continue;
      }
      take(Document{*found.document, *found.document}, origin);
    }
  }

  Config finish() {
    auto decoded = decode_document(merged_.filled, places_.home);
    if (!decoded) {
      // Each file was right by itself: two that disagree about a type still make nonsense together.
      refuse(std::move(decoded).error().in("the merged configuration"));
      decoded = Config{};
    }
    Config config = std::move(*decoded);
    config.files = std::move(config_.files);
    config.errors = std::move(config_.errors);
    config.trusted = config_.trusted;
    for (const std::string& name : project_commands_) {
      if (const auto found = config.commands.find(name); found != config.commands.end()) {
        found->second.from_project = true;
      }
    }
    if (closed_) config.permission.push_back({"*", "*", domain::Action::ask});
    if (!config.username) config.username = environment_("USER").value_or("unknown");

    Json shown(merged_.written);
    hide_secrets(shown);
    auto& object = shown.get_object();
    for (const char* name : {"mode", "agent"}) object.emplace(name, JsonObject{});
    object.emplace("plugin", wire::JsonArray{});
    object.emplace("username", std::string_view(*config.username));
    config.public_text = wire::to_text(shown);
    return config;
  }

 private:
  void refuse(Error error) {
    closed_ = true;
    error.message += "\n  (until this is repaired, every tool asks)";
    config_.errors.push_back(std::move(error));
  }

  template <class LeaveOut>
  static void leave_out_outside(Json& value, std::string_view what, const LeaveOut& leave_out) {
    if (!value.is_array()) return;
    auto& list = value.get_array();
    for (auto at = list.begin(); at != list.end();) {
      const std::string_view path = at->is_string() ? std::string_view(at->get_string()) : "";
      const fs::path file(path);
      const bool outside = file.is_absolute() || path.starts_with("~") || path.contains("://") ||
                           std::ranges::find(file, fs::path("..")) != file.end();
      if (outside) leave_out(fmt::format("{} {}", what, path), "it lies outside the project");
      at = outside ? list.erase(at) : at + 1;
    }
  }

  // What an untrusted project may not say: left out, with the reason. False when nothing is left of the member.
  bool without_what_needs_trust(std::string_view key, Json& value, const std::string& name) {
    const auto leave_out = [&](std::string_view what, std::string_view why) {
      config_.errors.push_back({ErrorCode::denied,
                                fmt::format("{}: {} is not used: {}. {}", name, what, why, how_to_trust(directory_)),
                                {}});
    };
    if (std::ranges::find(kRunsPrograms, key) != kRunsPrograms.end()) {
      const bool empty = (value.is_object() && value.get_object().empty()) ||
                         (value.is_array() && value.get_array().empty()) || value.is_bool() || value.is_null();
      if (empty) return true;
      leave_out(fmt::format("\"{}\"", key), "it would run programs");
      return false;
    }
    if (std::ranges::find(kNamesPrograms, key) != kNamesPrograms.end() && value.is_object()) {
      auto& entries = value.get_object();
      for (auto at = entries.begin(); at != entries.end();) {
        const auto* members = at->value().if_object();
        const bool harmless =
            members && std::ranges::all_of(*members, [](const auto& m) { return m.key() == "disabled"; });
        if (!harmless) {
          leave_out(fmt::format("\"{}\": {}", key, wire::quoted(std::string_view(at->key()))),
                    "it would run a program, or change how one runs");
        }
        at = harmless ? at + 1 : entries.stable_erase(at);
      }
    }
    if (key == "provider" && value.is_object()) {
      // An address of the project's must not get a key of the user's: it has to bring its own.
      for (auto& [id, provider] : value.get_object()) {
        if (!provider.is_object()) continue;
        auto& members = provider.get_object();
        const JsonObject* options = wire::object_at(provider, "options");
        bool addressed =
            members.contains("api") || (options && (options->contains("baseURL") || options->contains("endpoint")));
        if (auto* models = members.if_contains("models"); models && models->is_object()) {
          for (const auto& model : models->get_object()) {
            const auto* own = wire::object_at(model.value(), "provider");
            addressed |= own && own->contains("api");
          }
        }
        if (!addressed || !wire::string_at(options ? Json(*options) : Json(), "apiKey").empty()) continue;
        leave_out(fmt::format("the address of provider \"{}\"", std::string_view(id)),
                  "it names no key of its own and would be sent one of yours");
        members.erase("api");
        if (auto* inner = members.if_contains("options"); inner && inner->is_object()) {
          inner->get_object().erase("baseURL");
          inner->get_object().erase("endpoint");
        }
        if (auto* models = members.if_contains("models"); models && models->is_object()) {
          for (auto& model : models->get_object()) {
            if (model.value().is_object()) model.value().get_object().erase("provider");
          }
        }
      }
    }
    if (key == "quarterdeck" && value.is_object()) {
      for (const auto& [member, why] : {std::pair{"webfetch", "it would let pages of your network be fetched"},
                                        {"websearch", "it would get your searches, and a key of yours"}}) {
        if (value.get_object().erase(member) > 0) leave_out(fmt::format("\"quarterdeck\".\"{}\"", member), why);
      }
    }
    if (key == "instructions") leave_out_outside(value, "instructions file", leave_out);
    if (key == "skills" && value.is_object()) {
      if (auto* paths = value.get_object().if_contains("paths")) leave_out_outside(*paths, "skills folder", leave_out);
    }
    return true;
  }

  void take(Document document, Origin origin) {
    if (const Json* commands = document.filled.if_contains("command"); commands && commands->is_object()) {
      for (const auto& [name, command] : commands->get_object()) {
        if (origin == Origin::project) {
          project_commands_.insert(std::string(name));
        } else {
          project_commands_.erase(std::string(name));
        }
      }
    }
    merge(merged_.written, document.written);
    merge(merged_.filled, document.filled);
  }

  void add(std::string_view text, const std::string& name, const fs::path& base, Origin origin) {
    auto json = wire::parse(text, {.syntax = wire::JsonSyntax::relaxed});
    if (!json) return refuse(std::move(json).error().in("{}", name));
    if (!json->is_object()) return refuse({ErrorCode::invalid, name + ": Expected object at the top", {}});
    Document document{json->get_object(), {}};
    const bool confined = origin == Origin::project && !config_.trusted;
    const PlaceholderSources sources{base, places_.home, environment_, confined ? &project_ : nullptr};
    // Member by member, so that one mistake does not cost the rest of the file.
    for (const auto& member : document.written) {
      Json value = member.value();
      if (confined && !without_what_needs_trust(member.key(), value, name)) continue;
      if (auto filled = substitute(value, sources); !filled) {
        Error error = std::move(filled).error().in("{}", name);
        if (error.code == ErrorCode::denied) error.message += ". " + how_to_trust(directory_);
        wrong(member.key(), std::move(error));
        continue;
      }
      JsonObject alone;
      alone.emplace(member.key(), value);
      if (auto decoded = decode_document(alone, places_.home); !decoded) {
        wrong(member.key(), std::move(decoded).error().in("{}", name));
        continue;
      }
      document.filled.emplace(member.key(), std::move(value));
    }
    take(std::move(document), origin);
  }

  void wrong(std::string_view key, Error error) {
    if (key == "permission" || key == "tools" || key == "agent" || key == "mode") return refuse(std::move(error));
    config_.errors.push_back(std::move(error));
  }

  const Places& places_;
  const Environment& environment_;
  const fs::path directory_;
  const fs::path project_;  // what an untrusted project may not reach out of
  std::set<std::string> project_commands_;
  Document merged_;
  Config config_;
  bool closed_ = false;
};

// The worktree first, the directory last.
std::vector<fs::path> directories(const fs::path& directory, const fs::path& worktree) {
  std::vector<fs::path> found{directory.lexically_normal()};
  if (worktree == worktree.root_path()) return found;
  const auto top = worktree.lexically_normal();
  const auto relative = found.front().lexically_relative(top);
  if (relative.empty() || *relative.begin() == "..") return found;
  while (found.back() != top && found.size() < kDirectoriesMax) found.push_back(found.back().parent_path());
  std::ranges::reverse(found);
  return found;
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

std::optional<domain::ModelRef> parse_model_ref(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) return std::nullopt;
  return domain::ModelRef{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1)), {}};
}

Config load(const Places& places, const fs::path& directory, const fs::path& worktree, const Environment& environment) {
  Loader loader(places, environment, directory, worktree);
  for (const char* name : {"config.json", "opencode.json", "opencode.jsonc"}) {
    loader.file(places.opencode_config / name, Origin::user);
  }
  for (const char* name : {"config.json", "config.jsonc"}) loader.file(places.config / name, Origin::user);
  for (const auto& place : {places.opencode_config, places.home / ".opencode", places.config}) {
    loader.markdown(place, Origin::user);
  }
  if (const auto path = environment("OPENCODE_CONFIG"); path && !path->empty()) {
    loader.file(directory / *path, Origin::user);
  }
  const auto from_the_top = directories(directory, worktree);
  for (const auto& place : from_the_top) {
    for (const char* name : {"opencode.json", "opencode.jsonc"}) loader.file(place / name, Origin::project);
  }
  for (const auto& place : from_the_top) {
    if (place == places.home) continue;  // read above, as the user's
    for (const char* name : {"opencode.json", "opencode.jsonc"}) {
      loader.file(place / ".opencode" / name, Origin::project);
    }
    loader.markdown(place / ".opencode", Origin::project);
  }
  if (const auto text = environment("OPENCODE_CONFIG_CONTENT"); text && !text->empty()) {
    loader.text(*text, "OPENCODE_CONFIG_CONTENT", directory);
  }
  return loader.finish();
}

}  // namespace quarterdeck::config
