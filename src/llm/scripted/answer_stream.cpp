#include "llm/scripted/answer_stream.hpp"

#include <cmath>

namespace quarterdeck::llm::scripted {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

}  // namespace

AnswerStream::AnswerStream(Loop& loop, Clock& clock, const Speech& speech, Script script, std::string model,
                           std::uint64_t number)
    : loop_(loop),
      clock_(clock),
      script_(std::move(script)),
      model_(std::move(model)),
      number_(number),
      writer_(speech.writer(script_, model_)),
      frames_(frames_of(script_, *writer_)),
      start_ns_(clock.monotonic_ns() + script_.delay_ms * kNsPerMs) {}

std::int64_t AnswerStream::marked() const {
  return script_.marked ? script_.marked->reasoning + script_.marked->text : 0;
}

std::int64_t AnswerStream::size() const {
  return static_cast<std::int64_t>(frames_.before.size()) + marked() + static_cast<std::int64_t>(frames_.after.size());
}

std::int64_t AnswerStream::due_ns(std::int64_t index) const {
  const auto before = static_cast<std::int64_t>(frames_.before.size());
  // The first frame holds only the role and the first delta does not wait for it.
  const auto plain = std::clamp<std::int64_t>(index, 1, std::max<std::int64_t>(before, 1)) - 1;
  auto due = start_ns_ + plain * script_.delta_ms * kNsPerMs;
  if (script_.marked && script_.marked->per_second > 0 && index >= before) {
    const auto count = std::min(index - before, std::max<std::int64_t>(marked() - 1, 0));
    due += static_cast<std::int64_t>(std::llround(1e9 / script_.marked->per_second * static_cast<double>(count)));
  }
  return due;
}

// A paced delta carries the time when it was due, also when the reader was too slow for it; only the one that our own
// timer woke up for carries the time of waking, because that delay is ours.
std::string AnswerStream::frame(std::int64_t index, std::int64_t now_ns) {
  const auto before = static_cast<std::int64_t>(frames_.before.size());
  if (index < before) return std::move(frames_.before[static_cast<std::size_t>(index)]);
  if (index < before + marked()) {
    const bool paced = script_.marked->per_second > 0;
    const auto stamp = !paced ? clock_.monotonic_ns() : index == woken_for_ ? now_ns : due_ns(index);
    auto piece = marked_frame(*script_.marked, *writer_, number_, index - before, stamp);
    return index - before == script_.marked->reasoning ? frames_.turn + piece : piece;
  }
  return std::move(frames_.after[static_cast<std::size_t>(index - before - marked())]);
}

net::Stream::Batch AnswerStream::take(std::size_t bytes_max) {
  Batch batch;
  std::string bytes;
  const auto now = clock_.monotonic_ns();
  while (next_ < size() && bytes.size() < bytes_max && due_ns(next_) <= now) bytes += frame(next_++, now);
  if (!bytes.empty()) batch.pieces.push_back(std::make_shared<const std::string>(std::move(bytes)));
  if (next_ < size()) return batch;
  switch (script_.fault) {
    case Fault::hang:
    case Fault::hang_mid: break;  // silent until somebody gives up
    case Fault::reset:
    case Fault::reset_mid: batch.abort = true; break;
    default: batch.end = true;
  }
  return batch;
}

void AnswerStream::when_ready(Loop::Callback wake) {
  timer_.reset();
  if (next_ >= size()) return;
  const auto wait_ns = due_ns(next_) - clock_.monotonic_ns();
  if (wait_ns <= 0) return loop_.post(std::move(wake));
  woken_for_ = next_;
  timer_ = loop_.after_ms((wait_ns + kNsPerMs - 1) / kNsPerMs, std::move(wake));
}

}  // namespace quarterdeck::llm::scripted
