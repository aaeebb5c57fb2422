// A turn as text that people read while it runs. Pure: events in, text out; run.cpp writes it and owns the clock.
//
//   answer     what the agent says: standard output, so that `run … > file` holds the answer and nothing else
//   progress   everything around it: standard error
//
// Laws: what was printed is never printed again, however often its event comes; what the final state of a part says is
// printed in full, even when its deltas were lost. Foreign text is made harmless (terminal.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "app/cli/live_event.hpp"
#include "app/cli/terminal.hpp"
#include "app/cli/turn.hpp"

namespace quarterdeck::app {

struct PrinterOptions {
  Style style;            // of standard error, where the progress goes
  bool quiet = false;     // the answer only
  std::string directory;  // paths below it are shown relative to it
};

struct Printed {
  std::string progress;  // to be written before `answer`…
  std::string answer;
  std::string after;     // …and more progress after it
};

class Printer {
 public:
  Printer(SessionId session, MessageId prompt, PrinterOptions options)
      : session_(std::move(session)), prompt_(std::move(prompt)), options_(std::move(options)) {}

  Printed on(const LiveEvent& event, TimeMs now);
  // The stream was interrupted: deltas may be missing or come twice from here on. Parts that are being written show
  // nothing more until their full text comes.
  void resynchronise();
  // Once a second on a live terminal: how long we have been waiting, and for what.
  Printed tick(TimeMs now);
  // A line of our own: "reconnecting…".
  Printed note(Paint paint, std::string_view mark, std::string_view text);
  // What is asked; the caller reads the answer.
  Printed question(const domain::PermissionRequest& request);
  // The last line.
  Printed finish(const Turn& turn, std::int64_t elapsed_ms);

 private:
  enum class Section { none, text, reasoning, tools, note };
  struct Shown {
    Section section = Section::none;
    std::size_t bytes = 0;    // of the part's text that are printed
    bool incomplete = false;  // deltas may be missing
    bool started = false;     // tool: its line is out
    bool ended = false;
  };

  void part(Printed& out, const domain::Part& part, TimeMs now);
  void tool(Printed& out, const domain::Part& part, const domain::ToolPart& call, TimeMs now);
  void streamed(Printed& out, const PartId& id, Shown& shown, std::string_view text);
  void status(Printed& out, const domain::Status& status, TimeMs now);
  void enter(Printed& out, Section section);
  void line(Printed& out, std::string_view text);
  void clear_transient(Printed& out);

  SessionId session_;
  MessageId prompt_;
  PrinterOptions options_;
  std::set<MessageId> answers_;
  std::map<PartId, Shown> parts_;
  std::map<PartId, std::pair<std::string, TimeMs>> running_;  // tool calls: name, since when
  Section section_ = Section::none;
  PartId current_;            // whose text or outcome the last line belongs to
  bool answer_open_ = false;  // standard output is in the middle of a line
  bool progress_open_ = false;
  bool transient_ = false;
  TimeMs quiet_since_ = 0;
  std::optional<domain::Status> retry_;
};

}  // namespace quarterdeck::app
