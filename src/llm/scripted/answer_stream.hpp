// The body of one scripted answer: frames at their time, and the end (or the fault) after the last.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "llm/scripted/frames.hpp"
#include "net/http.hpp"

namespace quarterdeck::llm::scripted {

class AnswerStream final : public net::Stream {
 public:
  AnswerStream(Loop& loop, Clock& clock, const Speech& speech, Script script, std::string model, std::uint64_t number);

  Batch take(std::size_t bytes_max) override;
  void when_ready(Loop::Callback wake) override;

 private:
  std::int64_t marked() const;
  std::int64_t size() const;
  // When frame `index` may go out, in nanoseconds of the monotonic clock.
  std::int64_t due_ns(std::int64_t index) const;
  std::string frame(std::int64_t index, std::int64_t now_ns);

  Loop& loop_;
  Clock& clock_;
  Script script_;
  std::string model_;
  std::uint64_t number_;
  std::unique_ptr<AnswerWriter> writer_;
  Frames frames_;
  std::int64_t start_ns_;
  std::int64_t next_ = 0;
  std::int64_t woken_for_ = -1;  // the frame that the timer was for
  std::unique_ptr<Loop::Handle> timer_;
};

}  // namespace quarterdeck::llm::scripted
