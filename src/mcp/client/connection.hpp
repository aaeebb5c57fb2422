// A conversation with one MCP server: handshake, calls with answers, what the server asks or tells.
// Source: MCP 2025-11-25 ("Lifecycle", "Tools", "Resources", "Prompts"); older revisions differ only in what they lack.
// Law: every call ends: with its answer, its time, its stop, or the end of the server.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "mcp/client/transport.hpp"
#include "rpc/jsonrpc.hpp"

namespace quarterdeck::mcp {

// Newest first; the server chooses one of them.
inline constexpr std::array<std::string_view, 4> kProtocolVersions{"2025-11-25", "2025-06-18", "2025-03-26",
                                                                   "2024-11-05"};

inline constexpr std::int64_t kCallMsMax = 60 * 60 * 1000;

struct RemoteTool {
  std::string name;
  std::string description;
  domain::JsonText input_schema{R"({"type":"object"})"};
  bool read_only = false;  // the server's own word (annotations.readOnlyHint): a hint, never a permission
};
struct RemoteResource {
  std::string name;
  std::string uri;
  std::optional<std::string> description;
  std::optional<std::string> mime_type;
};
struct RemotePrompt {
  std::string name;
  std::string description;
  std::vector<std::string> arguments;
};

struct ConnectionEvents {
  std::function<void()> tools_changed;
  std::function<void()> resources_changed;
  std::function<void()> prompts_changed;
  std::function<void(Error)> closed;  // the server has gone by itself
};

class Connection final : private Receiver {
 public:
  // `roots`: the directory that the server is told to work in.
  Connection(Loop& loop, std::unique_ptr<Transport> transport, std::string roots, ConnectionEvents events);
  ~Connection() override;

  // Errors: `denied` (sign in first), `unavailable`, `invalid` (no common protocol revision).
  Task<Result<void>> open(std::int64_t timeout_ms, std::stop_token stop);
  // With each sign of progress (notifications/progress) the time begins again, up to kCallMsMax in all.
  // Errors: `not_found` (no such method), `invalid` (the server's error), `unavailable`, `cancelled`.
  Task<Result<domain::JsonText>> call(std::string method, std::optional<domain::JsonText> params,
                                      std::int64_t timeout_ms, std::stop_token stop);
  // Empty when the server does not offer such things. At most kListMax of each.
  Task<Result<std::vector<RemoteTool>>> tools(std::int64_t timeout_ms, std::stop_token stop);
  Task<Result<std::vector<RemoteResource>>> resources(std::int64_t timeout_ms, std::stop_token stop);
  Task<Result<std::vector<RemotePrompt>>> prompts(std::int64_t timeout_ms, std::stop_token stop);
  Task<void> close();

  // What the server says of its use; a stranger's words.
  const std::string& instructions() const { return instructions_; }

 private:
  using Answer = Result<domain::JsonText>;
  struct Waiting {
    OneShot<Answer>::Setter setter;
    std::string method;
    std::int64_t timeout_ms;
    std::unique_ptr<Loop::Handle> timer;
    std::unique_ptr<Loop::Handle> last_timer;
  };

  void on_message(std::string_view json) override;
  void on_closed(Error why) override;
  void answer_request(const rpc::RpcMessage& request);
  void on_progress(const rpc::RpcMessage& message);
  Task<void> send_quietly(std::string message);
  Task<void> send_call(std::int64_t id, std::string message);
  void settle(std::int64_t id, Answer answer);
  void time_over(std::int64_t id);
  void fail_all(const Error& why);
  bool offers(std::string_view capability) const;
  Task<Result<std::vector<domain::JsonText>>> list(std::string method, std::string member, std::int64_t timeout_ms,
                                                   std::stop_token stop);

  Loop& loop_;
  std::unique_ptr<Transport> transport_;
  std::string roots_;
  ConnectionEvents events_;
  std::string capabilities_ = "{}";
  std::string instructions_;
  std::int64_t next_id_ = 1;
  std::map<std::int64_t, Waiting> waiting_;
  std::optional<Error> closed_;
  std::stop_source stop_;
  TaskGroup tasks_;
};

}  // namespace quarterdeck::mcp
