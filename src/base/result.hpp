// Errors that are expected to happen sometimes. `Result<T>` is a value or an `Error`; a bug throws instead.
#pragma once

#include <expected>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace quarterdeck {

// What the caller may do about it, not where it came from.
enum class ErrorCode {
  not_found,    // the named thing does not exist
  conflict,     // the thing is in a state that forbids this now (busy, already answered)
  invalid,      // the request itself is wrong; repeating it cannot help
  denied,       // known, but not allowed
  too_large,    // a documented limit is exceeded
  unavailable,  // try again later (upstream down, too much at once)
  no_space,     // the disk is full: works again by itself when there is room
  cancelled,    // somebody asked us to stop
  internal,     // a bug or a broken machine
};

std::string_view name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  // Where in the input, for `invalid`: `["parts"][0]["text"]`. Empty otherwise.
  std::string path;

  // Adds context while the error passes upwards: "loading session ses_x: no such table".
  template <class... Args>
  Error in(fmt::format_string<Args...> format, Args&&... args) && {
    message = fmt::format(format, std::forward<Args>(args)...) + ": " + message;
    return std::move(*this);
  }

  bool operator==(const Error&) const = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

template <class... Args>
std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...), {}});
}

[[noreturn]] void assertion_failed(const char* expression, const char* why, std::source_location where);
// Told before an assertion throws, once each time: to write down how it came to it.
using AssertionHook = void (*)(const char* message);
void on_assertion(AssertionHook hook);

}  // namespace quarterdeck

#define QD_CONCAT_(a, b) a##b
#define QD_CONCAT(a, b) QD_CONCAT_(a, b)

// TRY(auto session, load(id));   returns the error from a plain function
#define TRY(declaration, ...) QD_TRY_(QD_CONCAT(qd_try_, __LINE__), return, declaration, __VA_ARGS__)
// CO_TRY(auto reply, co_await provider.ask(request));   the same in a coroutine
#define CO_TRY(declaration, ...) QD_TRY_(QD_CONCAT(qd_try_, __LINE__), co_return, declaration, __VA_ARGS__)
// TRY_VOID(check(x)); CO_TRY_VOID(co_await write(x));   for Result<void>
#define TRY_VOID(...) \
  if (auto qd_result = (__VA_ARGS__); !qd_result) return std::unexpected(std::move(qd_result).error())
#define CO_TRY_VOID(...) \
  if (auto qd_result = (__VA_ARGS__); !qd_result) co_return std::unexpected(std::move(qd_result).error())
#define QD_TRY_(temporary, leave, declaration, ...)                        \
  auto temporary = (__VA_ARGS__);                                          \
  if (!temporary) leave std::unexpected(std::move(temporary).error());     \
  declaration = std::move(*temporary)

// For our own mistakes, never for input. Stays on in release builds.
#define ASSERT(expression, why) \
  (static_cast<bool>(expression) ? void(0) : ::quarterdeck::assertion_failed(#expression, why, std::source_location::current()))
