// Directives: lines in the newest user message that say how the scripted model answers it. For tests.
//
//   TOOL:[["name",{args}],…]   one step with these parallel calls; a string instead of {args} is sent raw
//   PRE                        each tool step begins with "I will call a tool. "
//   REASON                     three reasoning deltas first
//   WORDS:n    SLOW:n:ms       n text deltas "word0 word1 …", with ms between them
//   REDACTED                   … and a redacted one after them (Messages)
//   LEN                        the text answer ends with finish_reason "length"
//   REFUSE   FILTER            the text answer is a refusal; it ends with finish_reason "content_filter"
//   CACHED:n                   so many of the prompt's tokens came from the cache
//   USAGE:n                    prompt tokens to report
//   ERR:status[:times]         HTTP errors, for ever or so many times
//   RETRYAFTER:s               … with this Retry-After
//   FAULT:name[:times]         reset reset-mid eof-mid hang hang-mid html badjson errobj junk empty overflow
//                              huge trunc-tool bad-args unknown-tool loop-tool period
//   [[bench deltas=500 rate=50 tools=3]]
//                              anywhere in the message; keys: deltas, rate (per second, 0 = no pause), size (bytes a
//                              delta at least), think (reasoning deltas), tools (steps), par (calls a step), tool, cmd,
//                              delay (ms), usage (prompt tokens)
// The steps of TOOL lines come in order; after the last one comes the text answer, "Done.".
#pragma once

#include <map>
#include <optional>
#include <string>

#include "llm/scripted/conversation.hpp"
#include "llm/scripted/script.hpp"

namespace quarterdeck::llm::scripted {

// What "so many times" remembers between requests: by session and message. Bounded.
class Memory {
 public:
  // True while `key` has been seen fewer than `times` times; 0 = always.
  bool take(const std::string& key, std::int64_t times);
  void clear() { seen_.clear(); }

 private:
  std::map<std::string, std::int64_t> seen_;
};

// Nothing when the message holds no directive.
std::optional<Script> script_of_directives(const Conversation& conversation, Memory& memory);
std::optional<Script> script_of_bench(const Conversation& conversation);

}  // namespace quarterdeck::llm::scripted
