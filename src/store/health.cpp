#include "store/health.hpp"

namespace quarterdeck::store {

std::string_view name(Health::State state) {
  switch (state) {
    case Health::State::ok: return "ok";
    case Health::State::full: return "full";
    case Health::State::read_only: return "read_only";
    case Health::State::corrupt: return "corrupt";
  }
  return "";
}

Result<> admission(const Health& health) {
  if (health.state == Health::State::ok) return {};
  return std::unexpected(
      Error{health.state == Health::State::full ? ErrorCode::no_space : ErrorCode::unavailable, health.reason, {}});
}

}  // namespace quarterdeck::store
