#include <algorithm>
#include <array>
#include <fstream>

#include "api/opencode/location.hpp"
#include "api/opencode/routes.hpp"
#include "base/encoding.hpp"
#include "base/paths.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"
#include "workspace/changes.hpp"
#include "workspace/files.hpp"

namespace quarterdeck::api::opencode {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kContentBytesMax = 8 * 1024 * 1024;
constexpr std::size_t kEntriesMax = 10'000;  // of one directory
constexpr std::int64_t kMatchesDefault = 10;
constexpr std::int64_t kMatchesMax = 1'000;
constexpr std::size_t kLinesMax = 100;
constexpr std::size_t kSearchBytesMax = 4 * 1024 * 1024;
constexpr std::int64_t kSearchTimeoutMs = 30'000;

std::string_view media_type(const fs::path& file) {
  using Known = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Known, 10> known{{{".png", "image/png"},
                                         {".jpg", "image/jpeg"},
                                         {".jpeg", "image/jpeg"},
                                         {".gif", "image/gif"},
                                         {".webp", "image/webp"},
                                         {".avif", "image/avif"},
                                         {".bmp", "image/bmp"},
                                         {".ico", "image/x-icon"},
                                         {".pdf", "application/pdf"},
                                         {".wasm", "application/wasm"}}};
  const std::string extension = file.extension().string();
  const auto found = std::ranges::find(known, extension, &Known::first);
  return found == known.end() ? "application/octet-stream" : found->second;
}

struct Entry {
  std::string name;
  bool directory = false;
};

Result<std::vector<Entry>> read_entries(const fs::path& directory) {
  std::error_code error;
  fs::directory_iterator at(directory, error);
  if (error) return fail(ErrorCode::not_found, "{}: {}", directory.string(), error.message());
  std::vector<Entry> entries;
  for (; !error && at != fs::directory_iterator() && entries.size() < kEntriesMax; at.increment(error)) {
    std::error_code ignored;
    entries.push_back({at->path().filename().string(), at->is_directory(ignored)});
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return a.directory != b.directory ? a.directory : a.name < b.name;
  });
  return entries;
}

// {"type","content",…}. A file that is not there reads as an empty one, as with OpenCode.
Result<std::string> read_content(const fs::path& file) {
  std::error_code error;
  const auto status = fs::status(file, error);
  if (!fs::exists(status)) return R"({"type":"text","content":""})";
  if (!fs::is_regular_file(status)) return fail(ErrorCode::invalid, "Not a file: {}", file.string());
  if (fs::file_size(file, error) > kContentBytesMax) {
    return fail(ErrorCode::too_large, "{} is larger than {} MB", file.string(), kContentBytesMax >> 20);
  }
  TRY(std::string text, read_file(file));
  if (text.contains('\0') || media_type(file).starts_with("image/")) {
    return fmt::format(R"({{"type":"binary","content":"{}","encoding":"base64","mimeType":"{}"}})", base64(text),
                       media_type(file));
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return fmt::format(R"({{"type":"text","content":{}}})", wire::quoted(text));
}

struct FileRoutes {
  Services& services;

  Task<std::shared_ptr<session::Instance>> instance(const Call& call) const {
    fs::path directory = requested_directory(call.request, services.directory);
    co_return co_await services.engine.instances.open(std::move(directory));
  }

  static net::Response missing(std::string_view name) {
    return bad_request(fmt::format("Missing key\n  at [{}]", wire::quoted(name)), Where::query);
  }

  Task<net::Response> list(Call call) const {
    const auto path = call.request.query_value("path");
    if (!path) co_return missing("path");
    const auto found = co_await instance(call);
    const workspace::Location location = found->location;
    auto look = [location, path = std::string(*path)]() -> Result<std::pair<fs::path, std::vector<Entry>>> {
      TRY(const fs::path directory, workspace::inside(location, path));
      TRY(auto entries, read_entries(directory));
      return std::pair(directory, std::move(entries));
    };
    const auto looked = co_await blocking(services.engine.loop, services.engine.pool, look);
    if (!looked) co_return error_response(looked.error(), Where::query);
    const auto& [directory, entries] = *looked;
    const auto ignored = co_await ignored_entries(directory, entries);
    std::string out = "[";
    for (const Entry& entry : entries) {
      if (out.size() > 1) out += ',';
      const fs::path absolute = directory / entry.name;
      const std::string relative =
          absolute.lexically_relative(location.directory).string() + (entry.directory ? "/" : "");
      const bool is_ignored = std::ranges::find(ignored, entry.name) != ignored.end();
      out += fmt::format(R"({{"name":{},"path":{},"absolute":{},"type":"{}","ignored":{}}})", wire::quoted(entry.name),
                         wire::quoted(relative), wire::quoted(absolute.string()),
                         entry.directory ? "directory" : "file", is_ignored);
    }
    co_return json(out + ']');
  }

  Task<std::vector<std::string>> ignored_entries(fs::path directory, const std::vector<Entry>& entries) const {
    std::vector<std::string> arguments{"-c", "core.quotepath=off", "check-ignore", "--"};
    std::size_t bytes = 0;
    for (const Entry& entry : entries) {
      bytes += entry.name.size() + 3;
      if (bytes > 100'000) break;  // what fits in one command line
      arguments.push_back("./" + entry.name);
    }
    std::vector<std::string> names;
    if (entries.empty()) co_return names;
    const auto said = co_await workspace::git(services.engine.processes, std::move(directory), std::move(arguments));
    if (!said || said->exit.code != 0) co_return names;
    const std::string_view output = said->output;
    for (std::size_t at = 0; at < output.size();) {
      const std::size_t end = std::min(output.find('\n', at), output.size());
      const std::string_view line = output.substr(at, end - at);
      if (line.starts_with("./")) names.emplace_back(line.substr(2));
      at = end + 1;
    }
    co_return names;
  }

  Task<net::Response> content(Call call) const {
    const auto path = call.request.query_value("path");
    if (!path) co_return missing("path");
    const auto found = co_await instance(call);
    auto look = [location = found->location, path = std::string(*path)]() -> Result<std::string> {
      TRY(const fs::path file, workspace::inside(location, path));
      return read_content(file);
    };
    auto text = co_await blocking(services.engine.loop, services.engine.pool, look);
    if (!text) co_return error_response(text.error(), Where::query);
    co_return json(std::move(*text));
  }

  Task<net::Response> status(Call call) const {
    const auto found = co_await instance(call);
    workspace::Location location = found->location;
    const auto changed = co_await workspace::changes(services.engine.loop, services.engine.pool,
                                                     services.engine.processes, std::move(location), {});
    if (!changed) co_return error_response(changed.error());
    std::string out = "[";
    for (const auto& change : *changed) {
      if (out.size() > 1) out += ',';
      out += fmt::format(R"({{"path":{},"added":{},"removed":{},"status":"{}"}})", wire::quoted(change.file),
                         change.additions, change.deletions, change.status);
    }
    co_return json(out + ']');
  }

  // Lines of files, as ripgrep's JSON describes them.
  Task<net::Response> find(Call call) const {
    const auto pattern = call.request.query_value("pattern");
    if (!pattern) co_return missing("pattern");
    if (pattern->contains('\0')) co_return bad_request("Expected text without NUL\n  at [\"pattern\"]", Where::query);
    const auto found = co_await instance(call);
    std::error_code unreadable;
    if (!std::filesystem::is_directory(found->location.directory, unreadable)) {
      co_return not_found(fmt::format("No such directory: {}", found->location.directory.string()));
    }
    process::Spawn spawn;
    spawn.argv = {"rg",
                  "--no-config",
                  "--json",
                  "--hidden",
                  "--no-messages",
                  "--sort=path",
                  "--glob=!.git",
                  "--max-count=50",
                  "--max-filesize=8M",
                  fmt::format("--regexp={}", *pattern),
                  "--",
                  "."};
    spawn.directory = found->location.directory;
    spawn.environment = process::tool_environment();
    spawn.merge_stderr = false;
    spawn.timeout_ms = kSearchTimeoutMs;
    const auto said = co_await process::collect(services.engine.processes, std::move(spawn), kSearchBytesMax);
    if (!said) {
      co_return error_response({ErrorCode::unavailable, "The search needs ripgrep (rg), which is not installed", {}});
    }
    if (said->exit.code == 2 && said->output.find(R"("type":"match")") == std::string::npos) {
      co_return bad_request(fmt::format("{}\n  at [\"pattern\"]", said->error_output.substr(0, 1000)), Where::query);
    }
    co_return json(matches_of(said->output));
  }

  static std::string matches_of(std::string_view output) {
    std::string out = "[";
    std::size_t lines = 0;
    for (std::size_t at = 0; at < output.size() && lines < kLinesMax;) {
      const std::size_t end = output.find('\n', at);
      if (end == output.npos) break;  // cut off
      const std::string_view record = output.substr(at, end - at);
      at = end + 1;
      if (!record.starts_with(R"({"type":"match")")) continue;
      const auto match = wire::parse(record);
      const wire::Json* data = match ? wire::value_at(*match, "data") : nullptr;
      // Without "text", the line or its path is not UTF-8.
      const wire::Json* path = data ? wire::value_at(*data, "path") : nullptr;
      const wire::Json* line = data ? wire::value_at(*data, "lines") : nullptr;
      if (!path || !line || !wire::value_at(*path, "text") || !wire::value_at(*line, "text")) continue;
      wire::Json shown = *data;
      std::string name = wire::string_at(*path, "text");
      if (name.starts_with("./")) name.erase(0, 2);
      shown.as_object()["path"] = wire::JsonObject{{"text", name}};
      if (lines++ > 0) out += ',';
      out += wire::to_text(shown);
    }
    return out + ']';
  }

  enum class Kind { files, directories, both };

  // Best matches; directories end in "/".
  Task<std::vector<std::string>> matches(const Call& call, std::string query, Kind kind, std::int64_t limit) const {
    const auto found = co_await instance(call);
    fs::path directory = found->location.directory;
    std::vector<std::string> paths = co_await workspace::list_files(services.engine.loop, services.engine.pool,
                                                                    services.engine.processes, std::move(directory));
    auto rank = [&paths, &query, kind, limit] {
      if (kind != Kind::files) {
        std::vector<std::string> directories = workspace::directories_of(paths);
        if (kind == Kind::directories) paths.clear();
        paths.insert(paths.end(), std::make_move_iterator(directories.begin()),
                     std::make_move_iterator(directories.end()));
      }
      return workspace::best_matches(query, paths, static_cast<std::size_t>(limit));
    };
    co_return co_await blocking(services.engine.loop, services.engine.pool, rank);
  }

  static Kind kind_of(const net::Request& request) {
    const auto type = request.query_value("type");
    if (type == "file") return Kind::files;
    if (type == "directory") return Kind::directories;
    return request.query_value("dirs") == "false" ? Kind::files : Kind::both;
  }

  Task<net::Response> find_file(Call call) const {
    const auto query = call.request.query_value("query");
    if (!query) co_return missing("query");
    const std::int64_t limit =
        std::clamp<std::int64_t>(query_number(call.request, "limit").value_or(kMatchesDefault), 0, kMatchesMax);
    std::string text(*query);
    const auto best = co_await matches(call, std::move(text), kind_of(call.request), limit);
    std::string out = "[";
    for (const std::string& path : best) {
      if (out.size() > 1) out += ',';
      wire::append_quoted(out, path);
    }
    co_return json(out + ']');
  }

  // Symbols come from language servers, which this version does not run.
  Task<net::Response> find_symbol(Call call) const {
    const auto query = call.request.query_value("query");
    if (!query) co_return missing("query");
    const wire::JsonObject params{{"query", *query}};
    const auto directory = requested_directory(call.request, services.directory);
    const auto instance = co_await services.engine.instances.open(directory);
    if (!instance->language_servers) co_return json("[]");
    const auto servers = instance->language_servers;
    const auto answers =
        co_await servers->ask(std::nullopt, "workspace/symbol", wire::to_json_text(wire::Json(params)));
    co_return json(lsp::workspace_symbols(answers).text);
  }

  Task<net::Response> fs_find(Call call) const {
    const auto query = call.request.query_value("query");
    if (!query)
      co_return tagged(400, "InvalidRequestError", R"("message":"Missing key\n  at [\"query\"]","kind":"Query")");
    const std::int64_t limit =
        std::clamp<std::int64_t>(query_number(call.request, "limit").value_or(kMatchesDefault), 0, kMatchesMax);
    std::string text(*query);
    const auto best = co_await matches(call, std::move(text), kind_of(call.request), limit);
    const auto found = co_await instance(call);
    co_return json(located(found->location, entries_json(best)));
  }

  Task<net::Response> fs_list(Call call) const {
    const auto found = co_await instance(call);
    const auto given = call.request.query_value("path");
    auto look = [location = found->location,
                 path = std::string(given.value_or(""))]() -> Result<std::vector<std::string>> {
      TRY(const fs::path directory, workspace::inside(location, path));
      TRY(const auto entries, read_entries(directory));
      std::vector<std::string> paths;
      for (const Entry& entry : entries) {
        paths.push_back((directory / entry.name).lexically_relative(location.directory).string() +
                        (entry.directory ? "/" : ""));
      }
      return paths;
    };
    const auto paths = co_await blocking(services.engine.loop, services.engine.pool, look);
    if (!paths) co_return error_response(paths.error(), Where::query);
    co_return json(located(found->location, entries_json(*paths)));
  }

  // The bytes of a file.
  Task<net::Response> fs_read(Call call) const {
    const auto found = co_await instance(call);
    const workspace::Location location = found->location;
    auto read = [location, path = call.param("*")]() -> Result<std::pair<fs::path, std::string>> {
      TRY(const fs::path file, workspace::inside(location, path));
      std::error_code error;
      if (!fs::is_regular_file(file, error)) return fail(ErrorCode::not_found, "No such file: {}", path);
      if (fs::file_size(file, error) > kContentBytesMax) {
        return fail(ErrorCode::too_large, "{} is larger than {} MB", path, kContentBytesMax >> 20);
      }
      TRY(std::string bytes, read_file(file));
      return std::pair(file, std::move(bytes));
    };
    auto bytes = co_await blocking(services.engine.loop, services.engine.pool, read);
    if (!bytes) co_return error_response(bytes.error(), Where::params);
    // Never as a page: what an agent wrote must not run in the server's origin.
    co_return net::Response{.headers = {{"Content-Type", std::string(media_type(bytes->first))},
                                        {"X-Content-Type-Options", "nosniff"},
                                        {"Content-Security-Policy", "sandbox; default-src 'none'"}},
                            .body = std::move(bytes->second)};
  }

  static std::string entries_json(const std::vector<std::string>& paths) {
    std::string out = "[";
    for (const std::string& path : paths) {
      if (out.size() > 1) out += ',';
      out +=
          fmt::format(R"({{"path":{},"type":"{}"}})", wire::quoted(path), path.ends_with('/') ? "directory" : "file");
    }
    return out + ']';
  }
};

}  // namespace

std::vector<Route> file_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (FileRoutes::*handler)(Call) const) {
    return [routes = FileRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = FileRoutes;
  const Query directory{"directory", "Working directory; x-opencode-directory says the same"};
  const Query path{"path", "relative to the directory; inside the project", true};
  const Query query{"query", "letters of the name, in order", true};
  const Query limit{"limit", "at most so many; default 10"};
  const Query type{"type", "file or directory; both unless given"};
  return {
      {"GET", "/file", "file.list", "Entries of a directory", bind(&R::list), "FileNodeList", "", {directory, path}},
      {"GET",
       "/file/content",
       "file.read",
       "Text of a file, or its bytes in base64",
       bind(&R::content),
       "FileContent",
       "",
       {directory, path}},
      {"GET",
       "/file/status",
       "file.status",
       "Files that differ from the last commit",
       bind(&R::status),
       "FileStatusList",
       "",
       {directory}},
      {"GET",
       "/find",
       "find.text",
       "Lines that match a regular expression",
       bind(&R::find),
       "LineMatchList",
       "",
       {directory, {"pattern", "regular expression", true}}},
      {"GET",
       "/find/file",
       "find.files",
       "Files and directories by name",
       bind(&R::find_file),
       "StringList",
       "",
       {directory, query, {"dirs", "false: only files"}, type, limit}},
      {"GET",
       "/find/symbol",
       "find.symbols",
       "Symbols, of the language servers that run",
       bind(&R::find_symbol),
       "SymbolList",
       "",
       {directory, {"query", "name of the symbol", true}}},
      {"GET",
       "/api/fs/find",
       "v2.fs.find",
       "Files and directories by name",
       bind(&R::fs_find),
       "LocatedFileEntries",
       "",
       {directory, query, type, limit}},
      {"GET", "/api/fs/read/*", "v2.fs.read", "The bytes of a file", bind(&R::fs_read), "RawFile", "", {directory}},
      {"GET",
       "/api/fs/list",
       "v2.fs.list",
       "Entries of a directory",
       bind(&R::fs_list),
       "LocatedFileEntries",
       "",
       {directory, {"path", "relative to the directory; inside the project"}}},
  };
}

}  // namespace quarterdeck::api::opencode
