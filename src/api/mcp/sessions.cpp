#include "api/mcp/sessions.hpp"

#include <algorithm>

namespace quarterdeck::api::mcp {

void Sessions::open(std::string id, std::string version) {
  const TimeMs now = clock_.now_ms();
  std::erase_if(sessions_, [&](const auto& each) {
    return each.second.running.empty() && now - each.second.used > kSessionIdleMs;
  });
  if (sessions_.size() >= kSessionsMax) {
    sessions_.erase(std::ranges::min_element(sessions_, {}, [](const auto& each) { return each.second.used; }));
  }
  sessions_[std::move(id)] = {.version = std::move(version), .used = now};
}

Session* Sessions::find(std::string_view id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return nullptr;
  const TimeMs now = clock_.now_ms();
  if (found->second.running.empty() && now - found->second.used > kSessionIdleMs) {
    sessions_.erase(found);
    return nullptr;
  }
  found->second.used = now;
  return &found->second;
}

bool Sessions::close(std::string_view id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return false;
  sessions_.erase(found);
  return true;
}

}  // namespace quarterdeck::api::mcp
