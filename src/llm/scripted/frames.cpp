#include "llm/scripted/frames.hpp"

namespace quarterdeck::llm::scripted {
namespace {

// Deltas that a "mid" fault lets through.
constexpr std::size_t kDeltasBeforeFault = 3;

bool breaks_in_the_middle(Fault fault) {
  return fault == Fault::reset_mid || fault == Fault::eof_mid || fault == Fault::hang_mid || fault == Fault::bad_json ||
         fault == Fault::error_object || fault == Fault::junk;
}

}  // namespace

Frames frames_of(const Script& script, AnswerWriter& writer) {
  Frames frames;
  if (script.fault == Fault::reset) return frames;
  frames.before.push_back(writer.start());
  std::string glue;  // what opens or closes goes along with the delta after it
  const auto push = [&](std::string piece) { frames.before.push_back(std::exchange(glue, {}) + std::move(piece)); };
  if (!script.reasoning.empty()) {
    glue += writer.open_reasoning();
    for (const auto& piece : script.reasoning) push(writer.reasoning(piece));
    glue += writer.close_reasoning();
  }
  if (!script.text.empty()) {
    glue += writer.open_text();
    for (const auto& piece : script.text) push(writer.text(piece));
  }
  if (breaks_in_the_middle(script.fault)) {
    frames.before.resize(std::min(frames.before.size(), kDeltasBeforeFault + 1));
    if (script.fault == Fault::bad_json) frames.after.push_back(writer.broken());
    if (script.fault == Fault::junk) frames.after.push_back(std::string("\x00\xff\xfe\x9c\x01junk\n\n", 12));
    if (script.fault == Fault::error_object) frames.after.push_back(writer.error(503, "fake failure in the stream"));
    return frames;
  }
  if (!script.text.empty()) glue += writer.close_text();
  if (script.marked) {
    if (script.marked->reasoning > 0) {
      frames.before.push_back(std::exchange(glue, {}) + writer.open_reasoning());
      frames.turn = writer.close_reasoning();
    } else {
      frames.turn = std::exchange(glue, {});
    }
    frames.turn += writer.open_text();
    glue = writer.close_text();
  }
  for (std::size_t index = 0; index < script.calls.size(); ++index) {
    for (auto& piece : writer.call(index, script.calls[index])) {
      frames.after.push_back(std::exchange(glue, {}) + std::move(piece));
    }
  }
  for (auto& piece : writer.finish()) frames.after.push_back(std::exchange(glue, {}) + std::move(piece));
  return frames;
}

std::string marked_frame(const MarkedDeltas& marked, AnswerWriter& writer, std::uint64_t stream, std::int64_t number,
                         std::int64_t now_ns) {
  std::string text = fmt::format("@{:x}.{:x}.{:x};", stream, number, now_ns);
  for (auto at = static_cast<std::int64_t>(text.size()); at < marked.bytes_min; ++at) {
    text += at % 7 == 0 ? ' ' : static_cast<char>('a' + at % 26);
  }
  return number < marked.reasoning ? writer.reasoning(text) : writer.text(text);
}

}  // namespace quarterdeck::llm::scripted
