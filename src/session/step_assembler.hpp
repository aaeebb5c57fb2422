// Turns what a model streams into the parts of one assistant message: announces each part, shows its text as deltas at
// once, stores it in pieces, closes it.
//
//   step-start, (reasoning | text | tool pending)*, then finish() closes what is open
//
// Law: a crash loses at most 250 ms or 4 KB of streamed text.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/loop.hpp"
#include "domain/event.hpp"
#include "llm/provider.hpp"

namespace quarterdeck::session {

// Between the beginnings of two saves of text; what comes after a longer pause is stored at once. A commit, and a timer
// that comes late on a busy machine, have the rest of the 250.
inline constexpr std::int64_t kTextFlushMs = 80;
inline constexpr std::size_t kTextFlushBytes = 4096;

// A call as the model asked for it.
struct RequestedCall {
  PartId part_id;
  std::string call_id;
  std::string tool;
  std::string arguments;  // JSON text, maybe broken
};

class StepAssembler final : public llm::ModelSink {
 public:
  struct Output {
    std::function<void(domain::Event)> record;
    std::function<void(domain::Delta)> show;
  };
  StepAssembler(Loop& loop, Clock& clock, IdSource& ids, SessionId session, MessageId message, Output output);

  void on_event(llm::ModelEvent event) override;

  // Closes the open parts. The calls are left pending, in the order in which they came.
  std::vector<RequestedCall> finish();
  // The attempt failed and will be repeated: takes its parts back.
  void discard();
  // Stores the streamed text so far.
  void store_streaming();
  // Announces the step, also when nothing was streamed.
  void begin();
  bool begun() const { return begun_; }

 private:
  struct OpenText {
    PartId id;
    bool reasoning = false;
    std::string text;
    std::size_t stored = 0;  // bytes of `text` that are in the store
    TimeMs start = 0;
  };

  std::string own_id(const std::string& given) const;
  void on_text(std::string_view text, bool reasoning);
  void store_text(OpenText& open);
  void hold_back();
  void close(std::unique_ptr<OpenText>& open, llm::Metadata metadata = {});
  void on_thought_end(llm::Metadata metadata);
  domain::Part part(const PartId& id, domain::PartContent content) const;

  Loop& loop_;
  Clock& clock_;
  IdSource& ids_;
  SessionId session_;
  MessageId message_;
  Output output_;
  bool begun_ = false;
  std::unique_ptr<OpenText> text_;
  std::unique_ptr<OpenText> reasoning_;
  std::unique_ptr<Loop::Handle> flush_timer_;  // runs while the next save has to wait
  std::vector<std::pair<int, RequestedCall>> calls_;  // by the model's index
  std::vector<PartId> announced_;
};

}  // namespace quarterdeck::session
