#include <unistd.h>

#include "access/audit.hpp"
#include "access/tokens.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"
#include "app/cli/table.hpp"
#include "app/cli/terminal.hpp"
#include "base/clock.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {
namespace {

int give_up(const Error& error) {
  complain(error.message);
  return kExitFailed;
}

int print(const std::string& text) { return write_all(STDOUT_FILENO, text) ? kExitOk : kExitFailed; }

int verify(const Places& places, Format format) {
  const auto state = access::verify_audit(places);
  if (!state) return give_up(state.error());
  if (format == Format::json) {
    print(fmt::format("{{\"holds\":{},\"rows\":{},\"last\":{},\"hash\":{},\"problem\":{}}}\n", state->problem.empty(),
                      state->rows, state->last, wire::quoted(state->hash), wire::quoted(state->problem)));
  } else if (state->problem.empty()) {
    print(fmt::format("the chain holds: {} rows, the last is {} ({})\n", state->rows, state->last, state->hash));
  }
  if (state->problem.empty()) return kExitOk;
  complain("the audit was changed: " + state->problem);
  return kExitFailed;
}

int export_all(const Places& places) {
  bool written = true;
  const auto read = access::each_audit_line(places, [&](std::string_view line) {
    written = write_all(STDOUT_FILENO, std::string(line) + "\n");
    return written;
  });
  if (!read) return give_up(read.error());
  return written ? kExitOk : kExitFailed;
}

}  // namespace

int audit(const AuditOptions& options) {
  const Places places = Places::from_environment();
  if (options.verify) return verify(places, options.format);
  if (options.all) return export_all(places);
  access::AuditAsked asked{.limit = static_cast<std::size_t>(options.limit),
                           .who = options.who,
                           .operation = options.operation,
                           .session = options.session};
  const TimeMs now = system_clock().now_ms();
  if (!options.since.empty()) {
    const auto back = access::lifetime_of(options.since);
    if (!back) return give_up(back.error());
    asked.since = now - *back;
  }
  const auto rows = access::read_audit(places, asked);
  if (!rows) return give_up(rows.error());
  if (options.format == Format::json) {
    std::string out;
    for (const std::string& row : *rows) out += (out.empty() ? "" : ",") + row;
    return print("[" + out + "]\n");
  }
  Table table({"NO", "AGE", "WHO", "ROLE", "STATUS", "OPERATION", "ROUTE"});
  for (const std::string& text : *rows) {
    const auto row = wire::parse(text);
    if (!row) continue;
    table.add({{std::to_string(wire::int_at(*row, "seq"))},
               {age(now, wire::int_at(*row, "at"))},
               {harmless(wire::string_at(*row, "who"))},
               {harmless(wire::string_at(*row, "role"))},
               {std::to_string(wire::int_at(*row, "status"))},
               {harmless(wire::string_at(*row, "operation"))},
               {harmless(wire::string_at(*row, "route"))}});
  }
  return print(table.text(style_of(STDOUT_FILENO)));
}

}  // namespace quarterdeck::app
