#include "config/roots.hpp"

#include "base/log.hpp"
#include "wire/json.hpp"

namespace quarterdeck::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRootsMax = 100;
constexpr std::int64_t kUnloadAfterS = 1'800;
constexpr std::int64_t kUnloadAfterSMax = 30LL * 24 * 3'600;

}  // namespace

Result<std::vector<fs::path>> user_roots(const Config& user, const Places& places) {
  TRY(const wire::Json ours, wire::parse(user.ours.text));
  const wire::Json* list = wire::value_at(ours, "roots");
  std::vector<fs::path> roots;
  if (!list) return roots;
  if (!list->is_array() || list->get_array().size() > kRootsMax) {
    return fail(ErrorCode::invalid, "Expected array of at most {} folders\n  at [\"quarterdeck\"][\"roots\"]",
                kRootsMax);
  }
  for (const wire::Json& entry : list->get_array()) {
    const std::string text(entry.is_string() ? std::string_view(entry.get_string()) : "");
    const bool at_home = text == "~" || text.starts_with("~/");
    const fs::path folder = at_home ? places.home / text.substr(std::min<std::size_t>(2, text.size())) : fs::path(text);
    if (!folder.is_absolute() || text.contains('\0')) {
      return fail(
          ErrorCode::invalid,
          "Expected an absolute folder, or one that begins with ~/, got {}\n  at [\"quarterdeck\"][\"roots\"][{}]",
          wire::to_text(entry), roots.size());
    }
    roots.push_back(folder);
  }
  return roots;
}

std::vector<fs::path> usual_roots(const Places& places, const fs::path& start) {
  std::vector<fs::path> roots{places.home, "/tmp"};
  if (start != "/") roots.push_back(start);
  std::error_code none;
  if (fs::path temporary = fs::temp_directory_path(none); !none) roots.push_back(std::move(temporary));
  return roots;
}

std::int64_t unload_after_ms(const Config& user) {
  const auto ours = wire::parse(user.ours.text);
  if (!ours || !wire::value_at(*ours, "unload_after_s")) return kUnloadAfterS * 1'000;
  const std::int64_t seconds = wire::int_at(*ours, "unload_after_s", -1);
  if (seconds >= 0 && seconds <= kUnloadAfterSMax) return seconds * 1'000;
  log::warn("configuration: quarterdeck.unload_after_s: expected seconds, up to 30 days; {} are taken", kUnloadAfterS);
  return kUnloadAfterS * 1'000;
}

}  // namespace quarterdeck::config
