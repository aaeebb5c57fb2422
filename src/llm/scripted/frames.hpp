// A script as the pieces of a streamed answer, in any protocol.
#pragma once

#include <string>
#include <vector>

#include "llm/scripted/script.hpp"
#include "llm/scripted/speech.hpp"

namespace quarterdeck::llm::scripted {

// In three parts, because the marked deltas in the middle are made one by one, when they are due.
struct Frames {
  std::vector<std::string> before;  // start, reasoning, text
  std::string turn;                 // between the marked thoughts and the marked text
  std::vector<std::string> after;   // calls, end, usage; less when the script has a fault
};
Frames frames_of(const Script& script, AnswerWriter& writer);

// One marked delta; `number` counts from 0, reasoning first.
std::string marked_frame(const MarkedDeltas& marked, AnswerWriter& writer, std::uint64_t stream, std::int64_t number,
                         std::int64_t now_ns);

}  // namespace quarterdeck::llm::scripted
