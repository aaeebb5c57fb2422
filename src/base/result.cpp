#include "base/result.hpp"

#include <atomic>
#include <stdexcept>

namespace quarterdeck {
namespace {

std::atomic<AssertionHook> assertion_hook{nullptr};

}  // namespace

void on_assertion(AssertionHook hook) { assertion_hook = hook; }

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
  const std::string message =
      fmt::format("{}:{}: assertion failed: {} ({})", where.file_name(), where.line(), expression, why);
  if (const AssertionHook hook = assertion_hook) hook(message.c_str());
  throw std::logic_error(message);
}

}  // namespace quarterdeck
