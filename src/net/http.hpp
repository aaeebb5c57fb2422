// HTTP messages as handlers see them. No Beast here.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/loop.hpp"
#include "base/task.hpp"
#include "net/conversation.hpp"

namespace quarterdeck::net {

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};
using Headers = std::vector<Header>;

// Case-insensitive; null when absent.
const std::string* find_header(const Headers& headers, std::string_view name);

struct Request {
  std::string method;  // upper case
  std::string target;  // as sent
  std::string path;    // percent-decoded, without the query; a trailing slash is cut
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded once, in order
  Headers headers;
  std::string body;
  std::string peer;  // address of the client, for logs

  const std::string* header(std::string_view name) const { return find_header(headers, name); }
  std::optional<std::string_view> query_value(std::string_view name) const;
};

using Bytes = std::shared_ptr<const std::string>;

// A body without an end in sight (server-sent events). The connection pulls: a slow client stops pulling, and what
// happens then is the stream's business (feed/ says `overrun` and ends). All members run on the loop.
class Stream {
 public:
  virtual ~Stream() = default;
  struct Batch {
    std::vector<Bytes> pieces;  // written with one writev, shared between subscribers
    bool end = false;           // close after these
    // After `pieces`, reset the connection (SO_LINGER 0, no last chunk): the client sees a broken answer, not a short
    // one. For what must not look complete, and for servers that play a broken peer. Wins over `end`.
    bool abort = false;
  };
  // What is ready now, about `bytes_max` at most; empty without `end` means wait.
  virtual Batch take(std::size_t bytes_max) = 0;
  // The client takes nothing any more: its connection will close. What it should find last, when it reads on after all.
  virtual Batch last_words() { return {}; }
  // Calls `wake` once, from the loop, when `take` has something again. Replaces an earlier `wake`.
  virtual void when_ready(Loop::Callback wake) = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  // A Conversation only to a request that asks_for_websocket (websocket.hpp).
  std::variant<std::string, Bytes, std::unique_ptr<Stream>, std::unique_ptr<Conversation>> body;
};

// Called on the loop, once per request. What it throws becomes a 500 without details.
using Handler = std::function<Task<Response>(Request)>;

}  // namespace quarterdeck::net
