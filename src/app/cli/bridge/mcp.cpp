// MCP over the standard streams, for clients that start a program: each message goes to the server's /mcp, each answer
// comes back as a line. A server that was started again is introduced to the client's session without the client.
#include <unistd.h>

#include "app/cli/bridge/bridge.hpp"
#include "app/cli/bridge/lines.hpp"
#include "app/cli/exit_code.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "base/encoding.hpp"
#include "net/sse.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::string_view kVersionKey = "io.modelcontextprotocol/protocolVersion";
constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;

struct Message {
  std::string line;
  std::string id;  // JSON text; empty: wants no answer
  std::string method;
  std::string name;  // of the tool, the prompt or the resource
  std::string version;  // of a message that names its own (2026-07-28)
};

Message read_message(std::string line) {
  Message message{.line = std::move(line)};
  const auto json = wire::parse(message.line);
  if (!json || !json->is_object()) return message;  // the server says what is wrong with it
  message.method = wire::string_at(*json, "method");
  if (const wire::Json* id = wire::value_at(*json, "id"); id && !message.method.empty())
    message.id = wire::to_text(*id);
  if (const wire::Json* params = wire::value_at(*json, "params")) {
    message.name = wire::string_at(*params, message.method == "resources/read" ? "uri" : "name");
    if (const wire::Json* meta = wire::value_at(*params, "_meta"))
      message.version = wire::string_at(*meta, kVersionKey);
  }
  return message;
}

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return !text.empty() && text.front() != ' ' && text.back() != ' ';
}

// Events become lines as they come; another answer is kept whole.
class Answer final : public net::ResponseSink {
 public:
  explicit Answer(bool wanted) : wanted_(wanted) {}

  void on_head(int status, const net::Headers& headers) override {
    status_ = status;
    const std::string* type = net::find_header(headers, "content-type");
    events_ = type && type->starts_with("text/event-stream");
    if (const std::string* id = net::find_header(headers, "mcp-session-id")) session = *id;
  }
  bool on_body(std::string_view bytes) override {
    if (!events_) {
      body.append(bytes);
      return body.size() <= kAnswerBytesMax;
    }
    decoder_.feed(bytes);
    while (const auto event = decoder_.next()) {
      if (wanted_ && !event->data.empty() && !write_all(STDOUT_FILENO, event->data + "\n")) return false;
    }
    return true;
  }
  int status() const { return status_; }
  bool events() const { return events_; }

  std::string body;
  std::string session;

 private:
  bool wanted_;
  int status_ = 0;
  bool events_ = false;
  net::SseDecoder decoder_;
};

class Bridge {
 public:
  Bridge(Connected with, Target target) : with_(with), target_(std::move(target)), calls_(with.loop) {}

  Task<int> run() {
    const auto there = co_await with_.client.health();
    if (!there) co_return give_up(there.error(), target_);
    Lines lines(with_.loop);
    while (auto line = co_await lines.next()) {
      if (line->find_first_not_of(" \t\r") == line->npos) continue;
      Message message = read_message(std::move(*line));
      // What comes after the handshake belongs to its session.
      if (message.method == "initialize") {
        hello_ = message;
        co_await pass(std::move(message));
      } else {
        calls_.spawn(pass(std::move(message)));
      }
    }
    co_await calls_.join();
    if (!session_.empty()) {
      Answer ignored(false);
      net::ClientRequest request = request_for({});
      request.method = "DELETE";
      (void)co_await with_.http.fetch(std::move(request), ignored, {});
    }
    co_return kExitOk;
  }

 private:
  net::ClientRequest request_for(const Message& message) const {
    net::ClientRequest request{.method = "POST", .url = target_.url + "/mcp", .body = message.line};
    request.headers = {{"Accept", "application/json, text/event-stream"},
                       {"Content-Type", "application/json"},
                       {"User-Agent", "quarterdeck/" QD_VERSION}};
    if (const auto authorization = authorization_from_environment(); !authorization.empty()) {
      request.headers.push_back({"Authorization", authorization});
    }
    if (!message.version.empty()) {
      request.headers.push_back({"MCP-Protocol-Version", message.version});
      request.headers.push_back({"Mcp-Method", message.method});
      if (!message.name.empty()) {
        request.headers.push_back(
            {"Mcp-Name", is_plain(message.name) ? message.name : "=?base64?" + base64(message.name) + "?="});
      }
    } else if (!session_.empty() && message.method != "initialize") {
      request.headers.push_back({"Mcp-Session-Id", session_});
    }
    return request;
  }

  Task<void> pass(Message message) {
    for (bool again = false;; again = true) {
      Answer answer(!message.id.empty());
      net::ClientRequest request = request_for(message);
      const std::string session = session_;
      const auto sent = co_await with_.http.fetch(std::move(request), answer, {});
      if (!sent) co_return fail_call(message, fmt::format("no server at {}: {}", target_.url, sent.error().message));
      const bool lost = answer.status() == 404 && message.version.empty() && !session.empty();
      if (lost && !again && message.method != "initialize") {
        if (session == session_) co_await introduce();
        continue;
      }
      if (!answer.session.empty()) session_ = answer.session;
      if (message.id.empty() || answer.events()) co_return;
      if (!answer.body.starts_with(R"({"jsonrpc")")) {
        co_return fail_call(message, error_of_answer(answer.status(), answer.body).message);
      }
      write_all(STDOUT_FILENO, answer.body + "\n");
      co_return;
    }
  }

  // The client's own words once more; it has its answer.
  Task<void> introduce() {
    Answer answer(false);
    net::ClientRequest request = request_for(hello_);
    const auto sent = co_await with_.http.fetch(std::move(request), answer, {});
    if (sent && !answer.session.empty()) session_ = answer.session;
  }

  static void fail_call(const Message& message, std::string_view why) {
    if (message.id.empty()) return complain(why);
    write_all(STDOUT_FILENO, fmt::format(R"({{"jsonrpc":"2.0","id":{},"error":{{"code":-32603,"message":{}}}}})"
                                         "\n",
                                         message.id, wire::quoted(why)));
  }

  Connected with_;
  Target target_;
  Message hello_;
  std::string session_;
  TaskGroup calls_;
};

Task<int> work(Connected with, Target target) {
  Bridge bridge(with, std::move(target));
  co_return co_await bridge.run();
}

}  // namespace

int mcp_bridge(const McpBridgeOptions& options) {
  return on_loop(options.target, [&](Connected with) { return work(with, options.target); });
}

}  // namespace quarterdeck::app
