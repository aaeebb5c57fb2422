// One answer of the scripted model as a value: what it says, how fast, and how it goes wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarterdeck::llm::scripted {

// How the answer breaks. `mid` = after the first few deltas.
enum class Fault {
  none,
  reset,      // the connection is reset before the first delta
  reset_mid,
  eof_mid,    // the body ends in order, but without finish_reason and [DONE]
  hang,       // not even a status line
  hang_mid,
  html,       // 200 with a web page
  bad_json,   // a chunk that is cut in the middle
  error_object,  // {"error": …} in the stream
  junk,       // bytes that are no text
  empty,      // 200 with nothing
};

struct ScriptedCall {
  std::string name;
  std::string arguments;  // sent as they are, valid JSON or not
  bool operator==(const ScriptedCall&) const = default;
};

// Text deltas that carry the time they were made, so that a reader on the same machine can tell how late they are:
// "@<stream hex>.<number hex>.<CLOCK_MONOTONIC ns hex>;", padded to `bytes_min`.
struct MarkedDeltas {
  std::int64_t reasoning = 0;  // the first so many come as reasoning
  std::int64_t text = 1;
  double per_second = 0;  // 0 = as fast as the socket takes them
  std::int64_t bytes_min = 0;
  bool operator==(const MarkedDeltas&) const = default;
};

struct Script {
  std::string kind = "text";  // for /stats: title | text | tool | bench | error | fault
  int status = 200;           // other than 200: an HTTP error with `error`
  std::string error;
  std::optional<std::int64_t> retry_after_s;
  Fault fault = Fault::none;

  std::vector<std::string> reasoning;  // one delta each
  std::vector<std::string> text;
  std::optional<MarkedDeltas> marked;
  std::vector<ScriptedCall> calls;
  std::string finish = "stop";  // stop | tool_calls | length | content_filter
  bool refuses = false;         // the text is a refusal
  std::int64_t prompt_tokens = 100;
  std::int64_t completion_tokens = 8;
  std::int64_t cached_tokens = 0;  // of the prompt's
  bool redacted = false;           // a redacted thought after the others, where the protocol has such

  std::int64_t delay_ms = 0;  // before the first delta
  std::int64_t delta_ms = 0;  // between two
  bool operator==(const Script&) const = default;
};

// Pieces of word size; together they are `text`.
std::vector<std::string> words(std::string_view text);

// reset | reset-mid | eof-mid | hang | hang-mid | html | badjson | errobj | junk | empty
std::optional<Fault> fault_named(std::string_view name);

}  // namespace quarterdeck::llm::scripted
