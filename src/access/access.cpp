#include "access/access.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>

namespace quarterdeck::access {
namespace {

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char differs = 0;  // volatile: nothing may end the loop early
  for (std::size_t i = 0; i < a.size(); ++i) differs = differs | static_cast<unsigned char>(a[i] ^ b[i]);
  return differs == 0;
}

std::string user_name(unsigned uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found) return found->pw_name;
  return std::to_string(uid);
}

Who admin(std::string credential, std::string name) {
  return std::make_shared<const Principal>(
      Principal{.credential = std::move(credential), .name = std::move(name), .role = Role::admin});
}

}  // namespace

Access::Access(const Places& places, Clock& clock, Password password)
    : places_(places),
      clock_(clock),
      password_(std::move(password)),
      tokens_(places, clock),
      openers_(places),
      anybody_(admin("none", "local")),
      password_holder_(admin("password", password_.user)) {}

std::variant<Who, Access::Refusal> Access::check_password(const std::string& peer, const std::string& given) {
  if (password_.password.empty()) return Refusal{};
  if (const int wait_s = throttle_.wait_s(peer)) return Refusal{wait_s};
  if (equal_in_constant_time(given, password_.user + ":" + password_.password)) {
    throttle_.succeeded(peer);
    return password_holder_;
  }
  throttle_.failed(peer, given);
  return Refusal{};
}

Who Access::check_uid(unsigned uid) const {
  if (uid != 0 && uid != ::geteuid()) return nullptr;
  return admin("socket", user_name(uid));
}

std::string Access::ticket(Who who) {
  const std::int64_t now_ns = clock_.monotonic_ns();
  if (tickets_.size() >= kTicketsMax) {
    std::erase_if(tickets_, [&](const auto& entry) { return entry.second.until_ns <= now_ns; });
    if (tickets_.size() >= kTicketsMax) tickets_.clear();
  }
  std::string secret = random_secret();
  tickets_[secret] = {std::move(who), now_ns + kTicketMs * 1'000'000};
  return secret;
}

Who Access::redeem(const std::string& ticket) {
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return nullptr;
  const Ticket used = std::move(found->second);
  tickets_.erase(found);
  return clock_.monotonic_ns() < used.until_ns ? used.who : nullptr;
}

}  // namespace quarterdeck::access
