// A session's side for tool tests: a temporary project and a place outside it, a host that remembers what it was asked
// and answers as told, real files, real processes where wanted.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/paths.hpp"
#include "base/testing/test_loop.hpp"
#include "format/formatters.hpp"
#include "lsp/servers.hpp"
#include "tools/tool.hpp"
#include "wire/json.hpp"

namespace quarterdeck::tools::testing {

class FakeHost final : public ToolHost {
 public:
  Task<std::expected<void, ToolFailure>> ask(PermissionAsk ask) override {
    const std::string permission = ask.permission;
    asks.push_back(std::move(ask));
    if (permission != denied) co_return std::expected<void, ToolFailure>();
    co_return std::unexpected(ToolFailure{.kind = ToolFailure::Kind::rejected, .message = "no"});
  }
  void progress(std::optional<std::string>, std::optional<domain::JsonText>) override {}
  void process_started(std::int64_t) override {}
  void file_edited(const std::filesystem::path& file) override { edited.push_back(file.string()); }
  Task<Result<void>> set_todos(std::vector<domain::Todo> list) override {
    todos = std::move(list);
    co_return Result<void>();
  }

  std::string denied;  // the permission that is refused
  std::vector<PermissionAsk> asks;
  std::vector<std::string> edited;
  std::vector<domain::Todo> todos;
};

// For tools that must not start a process.
class NoProcesses final : public process::Processes {
 public:
  Task<Result<process::Exit>> run(process::Spawn spawn, process::JobEvents, std::stop_token) override {
    co_return fail(ErrorCode::not_found, "no such program: {}", spawn.argv.at(0));
  }
  void kill_owner(const std::string&) override {}
  std::size_t running() const override { return 0; }
};

// For tools that must not reach out.
class NoHttp final : public net::HttpClient {
 public:
  Task<Result<void>> fetch(net::ClientRequest request, net::ResponseSink&, std::stop_token) override {
    co_return fail(ErrorCode::unavailable, "no network: {}", request.url);
  }
};

// Replaces all of a file by `text`.
class FakeFormatters final : public format::Formatters {
 public:
  Task<std::vector<format::FormatterStatus>> status() override { co_return std::vector<format::FormatterStatus>(); }
  Task<bool> format(std::filesystem::path file, std::stop_token) override {
    files.push_back(file.string());
    if (text) std::ofstream(file, std::ios::binary) << *text;
    co_return text.has_value();
  }
  std::optional<std::string> text;
  std::vector<std::string> files;
};

// Knows of errors in the files that a test names.
class FakeServers final : public lsp::Servers {
 public:
  bool enabled() const override { return on; }
  std::vector<lsp::ServerStatus> status() const override { return {}; }
  void touch(std::filesystem::path file) override { touched.push_back(file.string()); }
  Task<void> changed(std::vector<std::filesystem::path> files, std::stop_token) override {
    for (const auto& file : files) told.push_back(file.string());
    co_return;
  }
  std::vector<lsp::FileDiagnostics> diagnostics() const override { return found; }
  Task<bool> available(std::filesystem::path) override { co_return on; }
  Task<std::vector<domain::JsonText>> ask(std::optional<std::filesystem::path>, std::string,
                                          domain::JsonText) override {
    co_return std::vector<domain::JsonText>();
  }
  void add(const std::filesystem::path& file, int severity, const std::string& message) {
    found.push_back({file, {{.severity = severity, .start = {1, 2}, .message = message, .json = {R"({"m":1})"}}}});
  }

  bool on = false;
  std::vector<std::string> touched, told;
  std::vector<lsp::FileDiagnostics> found;
};

class ToolTest : public ::testing::Test {
 protected:
  ToolTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "qd-tools-XXXXXX").string();
    root_ = std::filesystem::canonical(::mkdtemp(pattern.data()));
    dir_ = root_ / "repo";
    out_ = root_ / "outside";
    std::filesystem::create_directories(dir_);
    std::filesystem::create_directories(out_);
  }
  ~ToolTest() override {
    pool_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  ToolContext context() {
    return {.session_id = {"ses_1"},
            .message_id = {"msg_1"},
            .call_id = "call_1",
            .agent = "build",
            .directory = dir_,
            .worktree = dir_,
            .output_dir = root_ / "data/tool-output",
            .stop = stop_.get_token(),
            .host = host_,
            .loop = loop_,
            .pool = *pool_,
            .processes = processes(),
            .ids = ids_,
            .formatters = &formatters_,
            .language_servers = &servers_};
  }
  virtual process::Processes& processes() { return no_processes_; }

  void write(const std::string& name, std::string_view bytes) {
    const auto file = dir_ / name;  // an absolute name stands for itself
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
  }
  std::string bytes(const std::string& name) { return read_file(dir_ / name).value_or("<missing>"); }

  // $DIR and $OUT in `input` stand for the project and the place outside.
  ToolResult call(const std::string& tool, std::string input) {
    ToolContext now = context();
    return loop_.run_until(registry_.run(tool, {filled(std::move(input))}, now));
  }
  std::string output(const std::string& tool, std::string input) {
    const auto result = call(tool, std::move(input));
    return shown(result ? result->output : "ERROR " + result.error().message);
  }
  wire::Json metadata(const ToolResult& result) { return result ? *wire::parse(result->metadata.text) : wire::Json(); }

  std::string filled(std::string text) {
    return replaced(replaced(std::move(text), "$DIR", dir_.string()), "$OUT", out_.string());
  }
  std::string shown(std::string text) {
    return replaced(replaced(std::move(text), dir_.string(), "$DIR"), out_.string(), "$OUT");
  }

  static std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
    return text;
  }

  std::filesystem::path root_, dir_, out_;
  quarterdeck::testing::TestLoop loop_;
  std::unique_ptr<BlockingPool> pool_ = make_blocking_pool(2);
  IdSource ids_{system_clock(), system_random()};
  std::stop_source stop_;
  FakeHost host_;
  FakeFormatters formatters_;
  FakeServers servers_;
  NoProcesses no_processes_;
  NoHttp no_http_;
  Registry registry_ = builtin(no_http_);
};

}  // namespace quarterdeck::tools::testing
