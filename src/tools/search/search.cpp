#include "tools/search/search.hpp"

#include "tools/search/walk.hpp"
#include "wire/json.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::int64_t kTimeoutMs = 60'000;
constexpr std::size_t kRecordBytesMax = 16 << 20;  // one line of ripgrep's output
constexpr std::size_t kErrorBytesMax = 16 << 10;

struct Finished {
  process::Exit exit;
  std::string errors;
  bool enough = false;  // we ended it
};

// Takes one record; false = enough.
using TakeRecord = std::function<bool(std::string_view record)>;

process::Spawn ripgrep(const std::filesystem::path& directory, const ToolContext& context) {
  return {.argv = {"rg", "--no-config", "--hidden", "--no-messages", "--sort", "path"},
          .directory = directory,
          .environment = process::tool_environment(),
          .owner = context.session_id.value,
          .timeout_ms = kTimeoutMs,
          .merge_stderr = false};
}

void append_glob(process::Spawn& spawn, const std::string& glob) {
  if (!glob.empty()) spawn.argv.push_back("--glob=" + glob);
  spawn.argv.push_back("--glob=!.git");
}

// Feeds `take` with what the command prints, cut at `separator`, until it ends or `take` has enough.
Task<Result<Finished>> run_records(process::Spawn spawn, char separator, TakeRecord take, ToolContext& context) {
  std::stop_source enough;
  const std::stop_callback stopped(context.stop, [&enough] { enough.request_stop(); });
  Finished finished;
  std::string buffer;
  process::JobEvents events;
  events.output = [&](std::string_view bytes) {
    if (finished.enough) return;
    buffer += bytes;
    std::size_t begin = 0;
    for (std::size_t end; (end = buffer.find(separator, begin)) != buffer.npos; begin = end + 1) {
      if (take(std::string_view(buffer).substr(begin, end - begin))) continue;
      finished.enough = true;
      enough.request_stop();
      return;
    }
    buffer.erase(0, begin);
    if (buffer.size() <= kRecordBytesMax) return;
    finished.enough = true;
    enough.request_stop();
  };
  events.error_output = [&](std::string_view bytes) {
    finished.errors += bytes.substr(0, kErrorBytesMax - std::min(kErrorBytesMax, finished.errors.size()));
  };
  CO_TRY(finished.exit, co_await context.processes.run(std::move(spawn), std::move(events), enough.get_token()));
  co_return finished;
}

// "./s/a" -> <directory>/s/a
std::filesystem::path absolute(const std::filesystem::path& directory, std::string_view printed) {
  if (printed.starts_with("./")) printed.remove_prefix(2);
  return directory / printed;
}

// ripgrep prints text, or base64 when it is not UTF-8.
std::string text_of(const wire::Json* json) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (!json) return {};
  if (const auto text = wire::string_at(*json, "text"); !text.empty()) return text;
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : wire::string_at(*json, "bytes")) {
    const auto digit = kDigits.find(c);
    if (digit == kDigits.npos) break;
    bits = bits << 6 | static_cast<unsigned>(digit);
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xFF);
  }
  return bytes;
}

std::string trimmed(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  if (text.starts_with("rg: ")) text.erase(0, 4);
  return text;
}

bool cannot_start(const Result<Finished>& finished) {
  return !finished && finished.error().code == ErrorCode::not_found;
}

}  // namespace

Task<std::expected<std::vector<std::filesystem::path>, std::string>> find_files(FileQuery query, ToolContext& context) {
  process::Spawn spawn = ripgrep(query.directory, context);
  spawn.argv.insert(spawn.argv.end(), {"--files", "--null"});
  if (query.ignored) spawn.argv.push_back("--no-ignore");
  append_glob(spawn, query.pattern);
  for (const std::string& glob : query.exclude) spawn.argv.push_back("--glob=!" + glob);
  std::vector<std::filesystem::path> files;
  TakeRecord take = [&files, &query](std::string_view record) {
    files.push_back(absolute(query.directory, record));
    return files.size() < query.limit;
  };
  const auto finished = co_await run_records(std::move(spawn), '\0', std::move(take), context);
  if (cannot_start(finished)) {
    const auto walk = [&query, stop = context.stop] { return walk_files(query, stop); };
    co_return co_await blocking(context.loop, context.pool, walk);
  }
  if (!finished) co_return std::unexpected(finished.error().message);
  if (finished->exit.timed_out)
    co_return std::unexpected("The search took longer than 60 seconds. Use a narrower path.");
  // A malformed glob names nothing.
  co_return files;
}

Task<std::expected<std::vector<Line>, std::string>> find_lines(LineQuery query, ToolContext& context) {
  process::Spawn spawn = ripgrep(query.directory, context);
  spawn.argv.push_back("--json");
  append_glob(spawn, query.include);
  spawn.argv.insert(spawn.argv.end(),
                    {"--regexp=" + query.pattern, "--", query.only.empty() ? "./" : "./" + query.only});
  std::vector<Line> lines;
  TakeRecord take = [&lines, &query](std::string_view record) {
    if (!record.starts_with(R"({"type":"match")")) return true;
    const auto json = wire::parse(record);
    const wire::Json* data = json ? wire::value_at(*json, "data") : nullptr;
    if (!data) return true;
    lines.push_back({.file = absolute(query.directory, text_of(wire::value_at(*data, "path"))),
                     .number = wire::int_at(*data, "line_number"),
                     .text = wire::valid_utf8(text_of(wire::value_at(*data, "lines")))});
    return lines.size() < query.limit;
  };
  const auto finished = co_await run_records(std::move(spawn), '\n', std::move(take), context);
  if (cannot_start(finished)) {
    const auto walk = [&query, stop = context.stop] { return walk_lines(query, stop); };
    co_return co_await blocking(context.loop, context.pool, walk);
  }
  if (!finished) co_return std::unexpected(finished.error().message);
  if (finished->exit.timed_out)
    co_return std::unexpected("The search took longer than 60 seconds. Use a narrower path.");
  // Lines are searched one by one: a line feed is in none of them.
  if (finished->errors.starts_with("the literal '\"\\n\"' is not allowed")) co_return lines;
  // 2 with nothing found: the pattern is malformed. With results, some file could not be read, which is no reason to fail.
  if (finished->exit.code == 2 && lines.empty() && !finished->errors.empty())
    co_return std::unexpected(trimmed(finished->errors));
  co_return lines;
}

}  // namespace quarterdeck::tools
