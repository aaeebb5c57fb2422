// How the scripted model speaks one wire protocol: reads its requests (as strictly as the real thing does in what
// clients get wrong) and writes its answers, piece by piece. One implementation a protocol.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "llm/scripted/conversation.hpp"
#include "llm/scripted/script.hpp"

namespace quarterdeck::llm::scripted {

// Writes one answer. Every function gives the bytes to send, maybe none. Order: start, then reasoning, text and calls,
// each opened and closed, then finish.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;
  virtual std::string start() = 0;
  virtual std::string open_reasoning() { return {}; }
  virtual std::string reasoning(std::string_view piece) = 0;
  virtual std::string close_reasoning() { return {}; }
  virtual std::string open_text() { return {}; }
  virtual std::string text(std::string_view piece) = 0;
  virtual std::string close_text() { return {}; }
  // In pieces, as models send them.
  virtual std::vector<std::string> call(std::size_t index, const ScriptedCall& call) = 0;
  virtual std::vector<std::string> finish() = 0;
  // A piece that is cut in the middle, and an error after the answer has begun.
  virtual std::string broken() = 0;
  virtual std::string error(int status, std::string_view message) = 0;
};

class Speech {
 public:
  virtual ~Speech() = default;
  // Errors: `invalid`, in the words of the real provider where these are known.
  virtual Result<Conversation> read(std::string_view body) const = 0;
  // Outlives neither `script` nor `model`.
  virtual std::unique_ptr<AnswerWriter> writer(const Script& script, std::string_view model) const = 0;
  // The whole answer, for clients that do not stream.
  virtual std::string document(const Script& script, std::string_view model) const = 0;
  virtual std::string error(int status, std::string_view message) const = 0;
  virtual std::string_view content_type() const { return "text/event-stream"; }
};

const Speech& chat_speech();
const Speech& responses_speech();
const Speech& messages_speech();
const Speech& gemini_speech();
const Speech& converse_speech();

// One message of a request, whatever its protocol.
struct Said {
  std::string role;  // system | user | assistant | tool
  std::string text;
  bool calls = false;
  bool files = false;
};
// What the scripted model makes of them.
void fold(const std::vector<Said>& messages, Conversation& conversation);
void add_tool(Conversation& conversation, const std::string& name);

// What the scripted model signs its thoughts with, and knows again.
std::string signature_of(std::string_view thought);
std::string next_id(std::string_view prefix);
std::string joined(const std::vector<std::string>& pieces);
// Cut in the middle, between two characters.
std::pair<std::string_view, std::string_view> halves(std::string_view text);

}  // namespace quarterdeck::llm::scripted
