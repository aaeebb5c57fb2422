#include <algorithm>
#include <cstdlib>

#include "config/config.hpp"
#include "config/document.hpp"
#include "config/merge.hpp"

namespace quarterdeck::config {
namespace {

namespace fs = std::filesystem;
using wire::Json;
using wire::JsonObject;

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kDirectoriesMax = 64;

// One document as it was written and with its placeholders filled in.
struct Document {
  JsonObject written;
  JsonObject filled;
};

class Loader {
 public:
  Loader(const Places& places, const Environment& environment) : places_(places), environment_(environment) {}

  // A file that is not there is no error.
  void file(const fs::path& path) {
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return;
    if (fs::file_size(path, error) > kFileBytesMax) {
      return refuse({ErrorCode::invalid, path.string() + ": larger than 1 MB", {}});
    }
    auto text = read_file(path);
    if (!text) return refuse(std::move(text).error());
    config_.files.push_back(path);
    add(*text, path.string(), path.parent_path());
  }

  void text(std::string_view json, const std::string& name, const fs::path& base) { add(json, name, base); }

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

  void add(std::string_view text, const std::string& name, const fs::path& base) {
    auto json = wire::parse(text, {.syntax = wire::JsonSyntax::relaxed});
    if (!json) return refuse(std::move(json).error().in("{}", name));
    if (!json->is_object()) return refuse({ErrorCode::invalid, name + ": Expected object at the top", {}});
    Document document{json->get_object(), {}};
    // Member by member, so that one mistake does not cost the rest of the file.
    for (const auto& member : document.written) {
      Json value = member.value();
      if (auto filled = substitute(value, base, places_.home, environment_); !filled) {
        wrong(member.key(), std::move(filled).error().in("{}", name));
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
    merge(merged_.written, document.written);
    merge(merged_.filled, document.filled);
  }

  void wrong(std::string_view key, Error error) {
    if (key == "permission" || key == "tools" || key == "agent" || key == "mode") return refuse(std::move(error));
    config_.errors.push_back(std::move(error));
  }

  const Places& places_;
  const Environment& environment_;
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
  Loader loader(places, environment);
  for (const char* name : {"config.json", "opencode.json", "opencode.jsonc"})
    loader.file(places.opencode_config / name);
  for (const char* name : {"config.json", "config.jsonc"}) loader.file(places.config / name);
  if (const auto path = environment("OPENCODE_CONFIG"); path && !path->empty()) loader.file(directory / *path);
  const auto from_the_top = directories(directory, worktree);
  for (const auto& place : from_the_top) {
    for (const char* name : {"opencode.json", "opencode.jsonc"}) loader.file(place / name);
  }
  for (const auto& place : from_the_top) {
    for (const char* name : {"opencode.json", "opencode.jsonc"}) loader.file(place / ".opencode" / name);
  }
  if (const auto text = environment("OPENCODE_CONFIG_CONTENT"); text && !text->empty()) {
    loader.text(*text, "OPENCODE_CONFIG_CONTENT", directory);
  }
  return loader.finish();
}

}  // namespace quarterdeck::config
