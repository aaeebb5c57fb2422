#include "base/result.hpp"

#include <stdexcept>

namespace quarterdeck {

std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::invalid: return "invalid";
    case ErrorCode::denied: return "denied";
    case ErrorCode::too_large: return "too_large";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::no_space: return "no_space";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

void assertion_failed(const char* expression, const char* why, std::source_location where) {
  throw std::logic_error(
      fmt::format("{}:{}: assertion failed: {} ({})", where.file_name(), where.line(), expression, why));
}

}  // namespace quarterdeck
