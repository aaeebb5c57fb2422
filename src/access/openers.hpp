// Who opened which session, for principals that reach only their own: <data>/access/openers, one line a session, appended.
// Law: the first who is written down stays; what a principal is not written down for is not its own.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/paths.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck::access {

class Openers {
 public:
  explicit Openers(const Places& places);  // reads the file

  void opened(const std::string& session, const std::string& principal);
  // Empty: nobody who is limited to its own.
  std::string_view of(const std::string& session) const;

 private:
  std::filesystem::path file_;
  UniqueFd out_;
  std::unordered_map<std::string, std::string> by_session_;
};

}  // namespace quarterdeck::access
