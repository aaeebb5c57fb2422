// export, import: sessions out of a server and into one, in the form of `opencode export` and `opencode import`; and all of
// OpenCode's own, from its database.
#include <unistd.h>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/terminal.hpp"
#include "base/paths.hpp"
#include "store/opencode_database.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {
namespace {

// One request; the server takes ten megabytes at most.
constexpr std::size_t kPieceBytes = 4 * 1024 * 1024;
constexpr std::size_t kMessageBytesMax = 9 * 1024 * 1024;

struct Counts {
  std::int64_t sessions = 0;  // that were not there
  std::int64_t messages = 0;
  std::int64_t kept = 0;
  std::int64_t failed = 0;  // sessions that could not be taken over, and messages that are too large
};

// Sends one session, piece by piece.
class Sender {
 public:
  Sender(Client& client, std::string info, std::string project, Counts& counts)
      : client_(client), info_(std::move(info)), project_(std::move(project)), counts_(counts) {}

  Task<Result<void>> add(std::string message) {
    if (message.size() > kMessageBytesMax) {
      ++counts_.failed;
      co_return Result<void>();
    }
    if (!messages_.empty() && messages_.size() + message.size() > kPieceBytes) CO_TRY_VOID(co_await send());
    if (!messages_.empty()) messages_ += ',';
    messages_ += message;
    co_return Result<void>();
  }

  Task<Result<void>> send() {
    Client::Call call{.method = "POST", .path = "/fleet/import"};
    call.query.emplace_back("directory", client_.target().directory);
    call.body = fmt::format(R"({{"info":{}{},"messages":[{}]}})", info_,
                            project_.empty() ? std::string() : ",\"project\":" + project_, messages_);
    messages_.clear();
    CO_TRY(const wire::Json answer, co_await client_.call(std::move(call)));
    const wire::Json* made = wire::value_at(answer, "made");
    counts_.sessions += made && made->is_bool() && made->as_bool() ? 1 : 0;
    counts_.messages += wire::int_at(answer, "messages");
    counts_.kept += wire::int_at(answer, "kept");
    co_return Result<void>();
  }

 private:
  Client& client_;
  std::string info_;
  std::string project_;
  std::string messages_;
  Counts& counts_;
};

std::string said(const Counts& counts, Format format) {
  if (format == Format::json) {
    return fmt::format("{{\"sessions\":{},\"messages\":{},\"kept\":{},\"failed\":{}}}\n", counts.sessions,
                       counts.messages, counts.kept, counts.failed);
  }
  std::string text = fmt::format("Imported {} new sessions, {} messages; {} messages were here already.\n",
                                 counts.sessions, counts.messages, counts.kept);
  if (counts.failed > 0) text += fmt::format("{} could not be taken over.\n", counts.failed);
  return text;
}

Task<int> import_file(Connected with, ImportOptions options) {
  const auto text = read_file(options.from);
  if (!text) co_return give_up(text.error(), options.target);
  const auto parsed = wire::parse(*text);
  if (!parsed) co_return give_up(parsed.error(), options.target);
  const wire::Json* info = wire::value_at(*parsed, "info");
  const wire::JsonArray* messages = wire::array_at(*parsed, "messages");
  if (!info || !messages) {
    complain("this is no exported session: expected {\"info\", \"messages\"}");
    co_return kExitFailed;
  }
  Counts counts;
  Sender sender(with.client, wire::to_text(*info), {}, counts);
  for (const wire::Json& message : *messages) {
    const auto added = co_await sender.add(wire::to_text(message));
    if (!added) co_return give_up(added.error(), options.target);
  }
  const auto sent = co_await sender.send();
  if (!sent) co_return give_up(sent.error(), options.target);
  std::string out = options.format == Format::text ? fmt::format("Imported session: {}\n", wire::string_at(*info, "id"))
                                                   : said(counts, options.format);
  co_return write_all(STDOUT_FILENO, out) && counts.failed == 0 ? kExitOk : kExitFailed;
}

Task<Result<void>> import_one(Client& client, store::OpencodeDatabase& database, const store::OpencodeSession& session,
                              Counts& counts) {
  std::vector<std::string> messages;
  CO_TRY_VOID(database.each_message(session.id, [&](std::string message) {
    messages.push_back(std::move(message));
    return true;
  }));
  Sender sender(client, session.info, session.project, counts);
  for (std::string& message : messages) CO_TRY_VOID(co_await sender.add(std::move(message)));
  co_return co_await sender.send();
}

Task<int> import_opencode(Connected with, ImportOptions options) {
  const std::filesystem::path path = options.from.empty()
                                         ? store::usual_opencode_database(Places::from_environment().home)
                                         : std::filesystem::path(options.from);
  auto database = store::open_opencode_database(path);
  if (!database) co_return give_up(database.error(), options.target);
  const auto sessions = (*database)->sessions();
  if (!sessions) co_return give_up(sessions.error(), options.target);
  Counts counts;
  for (const auto& session : *sessions) {
    const auto done = co_await import_one(with.client, **database, session, counts);
    if (done) continue;
    if (done.error().code == ErrorCode::unavailable) co_return give_up(done.error(), options.target);
    ++counts.failed;
    complain(fmt::format("{} \"{}\": {}", session.id, harmless(session.title), done.error().message));
  }
  co_return write_all(STDOUT_FILENO, said(counts, options.format)) && counts.failed == 0 ? kExitOk : kExitFailed;
}

Task<int> give(Connected with, ExportOptions options) {
  Client::Call call{.path = "/fleet/session/" + options.session + "/export"};
  const auto answer = co_await with.client.call(std::move(call));
  if (!answer) co_return give_up(answer.error(), options.target);
  co_return write_all(STDOUT_FILENO, wire::to_text(*answer) + "\n") ? kExitOk : kExitFailed;
}

}  // namespace

int import_sessions(const ImportOptions& options) {
  if (!options.opencode && options.from.empty()) {
    complain("say which file, or --from-opencode");
    return kExitUsage;
  }
  return on_loop(options.target, [&](Connected with) {
    return options.opencode ? import_opencode(with, options) : import_file(with, options);
  });
}

int export_session(const ExportOptions& options) {
  return on_loop(options.target, [&](Connected with) { return give(with, options); });
}

}  // namespace quarterdeck::app
