#include "access/openers.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"

namespace quarterdeck::access {

namespace fs = std::filesystem;

Openers::Openers(const Places& places) : file_(places.data / "access" / "openers") {
  const auto text = read_file(file_);
  if (!text) return;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == rest.npos) break;  // cut by a crash: it belongs to nobody
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) continue;
    by_session_.try_emplace(std::string(line.substr(0, tab)), line.substr(tab + 1));
  }
}

void Openers::opened(const std::string& session, const std::string& principal) {
  if (!by_session_.try_emplace(session, principal).second) return;
  if (!out_.valid()) {
    std::error_code error;
    if (fs::create_directories(file_.parent_path(), error))
      fs::permissions(file_.parent_path(), fs::perms::owner_all, error);
    out_ = UniqueFd(::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  }
  // One write: whole after kill -9. The leading line end closes a line that a crash of the machine cut.
  const std::string line = "\n" + session + '\t' + principal + '\n';
  if (!out_.valid() || ::write(out_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    log::error("cannot write {}: {} will not reach {} after a restart", file_.string(), principal, session);
  }
}

std::string_view Openers::of(const std::string& session) const {
  const auto found = by_session_.find(session);
  return found == by_session_.end() ? std::string_view{} : found->second;
}

}  // namespace quarterdeck::access
