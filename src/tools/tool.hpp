// What a tool is, what it gets and the three ends it can have. A folder per tool implements it.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/id.hpp"
#include "base/loop.hpp"
#include "domain/message.hpp"
#include "domain/question.hpp"
#include "domain/session.hpp"
#include "net/http_client.hpp"
#include "process/process.hpp"
#include "workspace/skills.hpp"

namespace quarterdeck::format {
class Formatters;
}
namespace quarterdeck::lsp {
class Servers;
}

namespace quarterdeck::tools {

struct ToolOutput {
  std::string title;
  std::string output;  // what the model reads; bounded by the registry
  domain::JsonText metadata{"{}"};  // an object; the registry adds "truncated" when the tool did not
  std::vector<domain::Attachment> attachments;
};

struct ToolFailure {
  enum class Kind {
    failed,     // the model reads `message` and goes on
    rejected,   // a person said no: the turn stops after this step
    cancelled,  // the turn was aborted
  };
  Kind kind = Kind::failed;
  std::string message;
  std::optional<domain::JsonText> metadata;
};

using ToolResult = std::expected<ToolOutput, ToolFailure>;

struct PermissionAsk {
  std::string permission;
  std::vector<std::string> patterns;
  std::vector<std::string> always;
  domain::JsonText metadata{"{}"};
};

// A piece of work for a subagent.
struct Delegation {
  std::string description;  // a few words
  std::string prompt;
  std::string agent;
  std::optional<std::string> task_id;  // the child session that goes on
  bool background = false;
};

// The session's side of a running tool call. All members run on the loop.
class ToolHost {
 public:
  virtual ~ToolHost() = default;
  // Returns when the rules or a person allow it.
  virtual Task<std::expected<void, ToolFailure>> ask(PermissionAsk ask) = 0;
  // New title or metadata of the running call, shown to clients at once and stored at the next flush.
  virtual void progress(std::optional<std::string> title, std::optional<domain::JsonText> metadata) = 0;
  virtual void process_started(std::int64_t pid) = 0;
  virtual void file_edited(const std::filesystem::path& file) = 0;
  virtual Task<Result<void>> set_todos(std::vector<domain::Todo> todos) = 0;
  // Returns when a person has answered; `rejected` when they dismissed the questions.
  virtual Task<std::expected<domain::Answers, ToolFailure>> ask_questions(std::vector<domain::Question> questions);
  // Returns when the subagent has ended, or at once when it works in the background.
  virtual Task<ToolResult> delegate(Delegation delegation);
};

struct ToolContext {
  SessionId session_id;
  MessageId message_id;
  std::string call_id;
  std::string agent;
  std::filesystem::path directory;   // where the session works: relative paths start here
  std::filesystem::path worktree;    // root of the project; "/" outside a repository
  std::filesystem::path output_dir;  // full outputs of truncated calls: <data>/tool-output
  domain::JsonText settings{"{}"};   // the configuration's member "quarterdeck"
  std::stop_token stop;
  ToolHost& host;
  Loop& loop;
  BlockingPool& pool;
  process::Processes& processes;
  IdSource& ids;
  const std::vector<workspace::Skill>* skills = nullptr;  // what the project and the user offer; null = none
  std::filesystem::path plan_file = {};                   // where the session's plan is written
  format::Formatters* formatters = nullptr;  // of the directory; none: files stay as they are written
  lsp::Servers* language_servers = nullptr;  // of the directory; none: nobody looks for errors
};

class Tool {
 public:
  virtual ~Tool() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view description() const = 0;
  virtual std::string_view parameters() const = 0;  // JSON schema, draft 2020-12
  // Permission whose "deny *" takes the tool away from the model; "edit" for write and apply_patch.
  virtual std::string_view permission() const { return name(); }
  // False when `settings` (the configuration's member "quarterdeck") lack what it needs: the model is not told of it.
  virtual bool configured(const domain::JsonText& settings) const { return static_cast<void>(settings), true; }
  // True when what it says is always short and needs no cut.
  virtual bool bounded() const { return false; }
  // True when running it again after a crash can do no harm (read, grep).
  virtual bool idempotent() const { return false; }
  // `input` is JSON text, valid or not: decoding it with an error the model can act on is the tool's first step
  // (decode_arguments in tools/arguments.hpp).
  virtual Task<ToolResult> run(domain::JsonText input, ToolContext& context) = 0;
};

// All tools, alphabetical. Runs a call by name; an unknown name or broken JSON answers as OpenCode's `invalid` tool.
class Registry {
 public:
  explicit Registry(std::vector<std::shared_ptr<Tool>> tools);
  // With `more`, whose names give way to those that are here.
  Registry plus(const std::vector<std::shared_ptr<Tool>>& more) const;
  // Exactly, else in lower case: "Bash" is bash.
  const Tool* find(std::string_view name) const;
  const std::vector<std::shared_ptr<Tool>>& all() const { return tools_; }
  // When the call cannot run (no such tool, or none of `offered`; arguments that are not JSON): the input for the
  // `invalid` tool, which takes its place. `offered`: the tools that this model was told of; empty = all.
  std::optional<domain::JsonText> rewrite_invalid(std::string_view name, std::string_view arguments,
                                                  const std::vector<std::string>& offered = {}) const;
  // Validates, runs, bounds the output (2,000 lines, 50 KB; the rest goes to a file in context.output_dir).
  Task<ToolResult> run(std::string name, domain::JsonText input, ToolContext& context) const;

 private:
  Tool* lookup(std::string_view name) const;
  std::vector<std::shared_ptr<Tool>> tools_;
};

// apply_patch bash edit glob grep invalid list plan_exit question read skill task todowrite webfetch websearch write.
// The client outlives the registry.
Registry builtin(net::HttpClient& http);

}  // namespace quarterdeck::tools
