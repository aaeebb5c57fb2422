#include "config/trust.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>

#include "base/unique_fd.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::config {

// Found by argument-dependent lookup.
template <class Io>
static void describe(Io& io, TrustedDirectory& entry) {
  std::string directory = entry.directory.string();
  io.field("directory", directory);
  entry.directory = directory;
  io.field("since", entry.since);
}

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDirectoriesMax = 10'000;

struct TrustFile {
  std::vector<TrustedDirectory> directories;
};

template <class Io>
void describe(Io& io, TrustFile& file) {
  io.field("directories", file.directories);
}

fs::path file_of(const Places& places) { return places.data / "trust.json"; }

Result<TrustFile> read(const Places& places) {
  const auto text = read_file(file_of(places));
  if (!text) {
    if (text.error().code == ErrorCode::not_found) return TrustFile{};
    return std::unexpected(text.error());
  }
  auto file = wire::decode_text<TrustFile>(*text);
  if (!file) return std::unexpected(std::move(file).error().in("{}", file_of(places).string()));
  return file;
}

fs::path real(const fs::path& path) {
  std::error_code error;
  fs::path found = fs::weakly_canonical(path, error);
  if (error) found = path.lexically_normal();
  return found.has_filename() || found == found.root_path() ? found : found.parent_path();
}

bool covers(const fs::path& above, const fs::path& below) {
  const auto relative = below.lexically_relative(above);
  return !relative.empty() && *relative.begin() != "..";
}

std::string first_line(const fs::path& file, std::string_view prefix) {
  const auto text = read_file(file);
  if (!text || !text->starts_with(prefix)) return {};
  return text->substr(prefix.size(), text->find_first_of("\r\n", prefix.size()) - prefix.size());
}

// The nearest directory upwards that holds `.git`; empty outside a repository.
fs::path checkout_of(const fs::path& directory) {
  std::error_code ignored;
  for (fs::path at = directory;; at = at.parent_path()) {
    if (fs::exists(at / ".git", ignored)) return at;
    if (at == at.parent_path()) return {};
  }
}

// Where a linked worktree comes from; empty when it is none. Its `.git` file may say anything, so the repository has to
// know the worktree too.
fs::path main_checkout_of(const fs::path& checkout) {
  const std::string named = first_line(checkout / ".git", "gitdir: ");
  if (named.empty()) return {};
  const fs::path git_dir = real(checkout / named);
  if (real(first_line(git_dir / "gitdir", "")) != real(checkout / ".git")) return {};
  const std::string common = first_line(git_dir / "commondir", "");
  if (common.empty()) return {};
  const fs::path shared = real(git_dir / common);
  return shared.filename() == ".git" ? shared.parent_path() : fs::path{};
}

template <class Change>
auto changing(const Places& places, Change change) -> decltype(change(std::declval<TrustFile&>())) {
  std::error_code error;
  if (fs::create_directories(places.data, error)) {
    fs::permissions(places.data, fs::perms::owner_all, error);
  }
  const UniqueFd lock(::open((places.data / "trust.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid() || ::flock(lock.get(), LOCK_EX) != 0) {
    return fail(ErrorCode::unavailable, "cannot write {}", file_of(places).string());
  }
  TRY(TrustFile file, read(places));
  const TrustFile before = file;
  auto changed = change(file);
  if (!changed || file.directories == before.directories) return changed;
  TRY_VOID(write_file_atomically(file_of(places), wire::encode(file) + "\n", 0600));
  return changed;
}

}  // namespace

bool is_trusted(const Places& places, const fs::path& directory) {
  const auto file = read(places);
  if (!file || file->directories.empty()) return false;
  const auto trusts = [&](const fs::path& path) {
    return std::ranges::any_of(file->directories, [&](const auto& entry) { return covers(entry.directory, path); });
  };
  const fs::path asked = real(directory);
  if (trusts(asked)) return true;
  const fs::path checkout = checkout_of(asked);
  if (checkout.empty()) return false;
  const fs::path main = main_checkout_of(checkout);
  return !main.empty() && trusts(main);
}

Result<fs::path> trust(const Places& places, const fs::path& directory, TimeMs now) {
  std::error_code error;
  if (!directory.is_absolute() || !fs::is_directory(directory, error)) {
    return fail(ErrorCode::invalid, "not a directory: {}", directory.string());
  }
  fs::path place = real(directory);
  if (const fs::path checkout = checkout_of(place); !checkout.empty()) place = checkout;
  return changing(places, [&](TrustFile& file) -> Result<fs::path> {
    if (std::ranges::find(file.directories, place, &TrustedDirectory::directory) != file.directories.end()) {
      return place;
    }
    if (file.directories.size() >= kDirectoriesMax) {
      return fail(ErrorCode::unavailable, "no more than {} trusted directories", kDirectoriesMax);
    }
    file.directories.push_back({place, now});
    return place;
  });
}

Result<bool> distrust(const Places& places, const fs::path& directory) {
  const fs::path place = real(directory);
  return changing(places, [&](TrustFile& file) -> Result<bool> {
    const fs::path checkout = checkout_of(place);
    return std::erase_if(file.directories, [&](const auto& entry) {
             return entry.directory == place || entry.directory == directory || entry.directory == checkout;
           }) > 0;
  });
}

Result<std::vector<TrustedDirectory>> trusted_directories(const Places& places) {
  TRY(TrustFile file, read(places));
  return std::move(file.directories);
}

std::string how_to_trust(const fs::path& directory) {
  return fmt::format("This project is not trusted; to trust it, run: quarterdeck trust {}", directory.string());
}

}  // namespace quarterdeck::config
