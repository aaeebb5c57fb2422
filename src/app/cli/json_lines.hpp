// A turn as one JSON object a line, as `opencode run --format json` prints it:
//   {"type":"step_start"|"text"|"reasoning"|"tool_use"|"step_finish","timestamp",…,"sessionID","part":{…}}
//   {"type":"error","timestamp","sessionID","error":{"name","data":{…}}}
// A part comes once, when it is complete.
#pragma once

#include <set>
#include <string>

#include "app/cli/live_event.hpp"

namespace quarterdeck::app {

class JsonLines {
 public:
  JsonLines(SessionId session, MessageId prompt) : session_(std::move(session)), prompt_(std::move(prompt)) {}
  // Nothing, or one line with its end.
  std::string on(const LiveEvent& event, TimeMs now);

 private:
  SessionId session_;
  MessageId prompt_;
  std::set<MessageId> answers_;
  std::set<PartId> printed_;
  bool error_printed_ = false;
};

}  // namespace quarterdeck::app
