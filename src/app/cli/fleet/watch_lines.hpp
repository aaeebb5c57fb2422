// Events of several sessions as lines. Pure. What has been printed is not printed again; foreign text is made harmless.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "app/cli/live_event.hpp"
#include "app/cli/terminal.hpp"

namespace quarterdeck::app {

class WatchLines {
 public:
  // With several sessions each line begins with the session's name.
  WatchLines(std::map<std::string, std::string> names, std::string directory, Style style)
      : names_(std::move(names)), directory_(std::move(directory)), style_(style) {}

  // Empty: nothing worth a line.
  std::string on(const LiveEvent& event);

 private:
  std::string part(const domain::Part& part);
  std::string lines(const SessionId& session, std::string_view mark, Paint paint, std::string_view text) const;

  std::map<std::string, std::string> names_;
  std::string directory_;
  Style style_;
  std::set<MessageId> users_;
  std::set<PartId> printed_;
  std::map<std::string, std::string> status_;
};

}  // namespace quarterdeck::app
