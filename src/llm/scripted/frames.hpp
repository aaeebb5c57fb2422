// A script as server-sent events of the chat completions protocol, and as one document for clients that do not stream.
#pragma once

#include <string>
#include <vector>

#include "llm/scripted/script.hpp"

namespace quarterdeck::llm::scripted {

// In three parts, because the marked deltas in the middle are made one by one, when they are due.
struct Frames {
  std::vector<std::string> before;  // role, reasoning, text
  std::vector<std::string> after;   // calls, finish_reason, usage, [DONE]; less when the script has a fault
};
Frames frames_of(const Script& script, std::string_view model);

// One marked delta; `number` counts from 0, reasoning first.
std::string marked_frame(const MarkedDeltas& marked, std::string_view model, std::uint64_t stream, std::int64_t number,
                         std::int64_t now_ns);

std::string document_of(const Script& script, std::string_view model);

// {"error": {"message": …, "type": …, "code": …}}
std::string error_document(int status, std::string_view message);

}  // namespace quarterdeck::llm::scripted
