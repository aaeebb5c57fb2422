#include "wire/terminal.hpp"

#include <limits>

#include "wire/codec.hpp"

namespace quarterdeck::domain {

constexpr auto enum_names(PtyStatus) {
  return std::array{std::pair{PtyStatus::running, std::string_view("running")},
                    std::pair{PtyStatus::exited, std::string_view("exited")}};
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {
namespace {

// What the kernel's numbers hold.
constexpr int kCellsMax = std::numeric_limits<unsigned short>::max();

Result<void> check(std::string_view name, int cells) {
  if (cells <= 0) {
    return fail(ErrorCode::invalid, "Expected a value greater than 0, got {}\n  at [\"size\"][\"{}\"]", cells, name);
  }
  if (cells > kCellsMax) {
    return fail(ErrorCode::invalid, "Expected a value of at most {}, got {}\n  at [\"size\"][\"{}\"]", kCellsMax, cells,
                name);
  }
  return {};
}

}  // namespace

template <class Io>
void describe(Io& io, domain::Pty& pty) {
  io.field("id", pty.id);
  io.field("title", pty.title);
  io.field("command", pty.command);
  io.field("args", pty.args);
  io.field("cwd", pty.cwd);
  io.field("status", pty.status);
  io.field("pid", pty.pid);
  io.field("exitCode", pty.exit_code);
}

template <class Io>
void describe(Io& io, domain::CreatePty& command) {
  io.field("command", command.command);
  io.field_or("args", command.args, {});
  io.field("cwd", command.cwd);
  io.field("title", command.title);
  io.field_or("env", command.env, {});
}

template <class Io>
void describe(Io& io, domain::PtySize& size) {
  io.field("rows", size.rows);
  io.field("cols", size.cols);
}

template <class Io>
void describe(Io& io, domain::UpdatePty& command) {
  io.field("title", command.title);
  io.field("size", command.size);
}

std::string encode_pty(const domain::Pty& pty) { return encode(pty); }
Result<domain::CreatePty> decode_create_pty(std::string_view json) { return decode_text<domain::CreatePty>(json); }

Result<domain::UpdatePty> decode_update_pty(std::string_view json) {
  TRY(auto command, decode_text<domain::UpdatePty>(json));
  if (command.size) {
    TRY_VOID(check("rows", command.size->rows));
    TRY_VOID(check("cols", command.size->cols));
  }
  return command;
}

}  // namespace quarterdeck::wire
