#include "config/credentials.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>

#include "base/unique_fd.hpp"
#include "wire/json.hpp"

namespace quarterdeck::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kProvidersMax = 1'000;
constexpr std::size_t kProviderBytesMax = 200;
constexpr std::size_t kCredentialBytesMax = 64 * 1024;

fs::path file_of(const Places& places) { return places.data / "auth.json"; }

bool has_text(const wire::Json& json, std::string_view name) { return !wire::string_at(json, name).empty(); }

Result<void> save(const Places& places, const Credentials& credentials) {
  std::string text = "{";
  for (const auto& [provider, credential] : credentials) {
    text += fmt::format("{}\n  {}: {}", text.size() > 1 ? "," : "", wire::quoted(provider), credential.text);
  }
  text += "\n}\n";
  TRY_VOID(write_file_atomically(file_of(places), text, 0600));
  // The mode of an older file is kept by writing: this one is nobody else's to read.
  std::error_code ignored;
  fs::permissions(file_of(places), fs::perms::owner_read | fs::perms::owner_write, ignored);
  return {};
}

template <class Change>
auto changing(const Places& places, Change change) -> decltype(change(std::declval<Credentials&>())) {
  std::error_code error;
  if (fs::create_directories(places.data, error)) fs::permissions(places.data, fs::perms::owner_all, error);
  const UniqueFd lock(::open((places.data / "auth.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid() || ::flock(lock.get(), LOCK_EX) != 0) {
    return fail(ErrorCode::unavailable, "cannot write {}", file_of(places).string());
  }
  TRY(Credentials credentials, read_credentials(places));
  const Credentials before = credentials;
  auto changed = change(credentials);
  if (changed && credentials != before) TRY_VOID(save(places, credentials));
  return changed;
}

}  // namespace

Result<Credentials> read_credentials(const Places& places) {
  const auto text = read_file(file_of(places));
  if (!text) {
    if (text.error().code == ErrorCode::not_found) return Credentials{};
    return std::unexpected(text.error());
  }
  const auto json = wire::parse(*text);
  if (!json || !json->is_object()) {
    // Not with the parser's words: they may quote what stands there.
    return fail(ErrorCode::invalid, "{} is damaged: expected an object of credentials", file_of(places).string());
  }
  Credentials credentials;
  for (const auto& member : json->get_object()) {
    if (credentials.size() < kProvidersMax) credentials.emplace(member.key(), wire::to_json_text(member.value()));
  }
  return credentials;
}

Result<void> store_credential(const Places& places, std::string provider, const domain::JsonText& credential) {
  const bool printable = std::ranges::none_of(provider, [](unsigned char c) { return c < 0x21 || c == 0x7F; });
  if (provider.empty() || provider.size() > kProviderBytesMax || !printable) {
    return fail(ErrorCode::invalid, "expected the name of a provider, as \"anthropic\"");
  }
  if (type_of(credential).empty() || credential.text.size() > kCredentialBytesMax) {
    return fail(ErrorCode::invalid, "expected a credential: {{\"type\": \"api\", \"key\": \"…\"}}");
  }
  return changing(places, [&](Credentials& all) -> Result<void> {
    all.insert_or_assign(std::move(provider), credential);
    return {};
  });
}

Result<bool> remove_credential(const Places& places, const std::string& provider) {
  return changing(places, [&](Credentials& all) -> Result<bool> { return all.erase(provider) > 0; });
}

domain::JsonText api_credential(std::string_view key) {
  return {fmt::format(R"({{"type":"api","key":{}}})", wire::quoted(key))};
}

std::string type_of(const domain::JsonText& credential) {
  const auto json = wire::parse(credential.text);
  if (!json || !json->is_object()) return {};
  const auto type = wire::string_at(*json, "type");
  if (type == "api" && has_text(*json, "key")) return type;
  if (type == "wellknown" && has_text(*json, "key") && has_text(*json, "token")) return type;
  const auto* expires = wire::value_at(*json, "expires");
  if (type == "oauth" && wire::value_at(*json, "refresh") && wire::value_at(*json, "access") && expires &&
      expires->is_number()) {
    return type;
  }
  return {};
}

std::string key_of(const domain::JsonText& credential, TimeMs now) {
  const auto json = wire::parse(credential.text);
  const auto type = type_of(credential);
  if (type == "api") return wire::string_at(*json, "key");
  if (type == "wellknown") return wire::string_at(*json, "token");
  if (type != "oauth") return {};
  const auto expires = wire::int_at(*json, "expires");
  return expires == 0 || expires > now ? wire::string_at(*json, "access") : std::string();
}

}  // namespace quarterdeck::config
