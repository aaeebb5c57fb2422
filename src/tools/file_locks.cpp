#include "tools/file_locks.hpp"

namespace quarterdeck::tools {

Task<FileLocks::Guard> FileLocks::lock(Loop& loop, std::string path, std::stop_token stop) {
  if (stop.stop_requested()) co_return Guard();
  const auto [place, free] = held_.try_emplace(path);
  if (free) co_return Guard(shared_from_this(), path);
  OneShot<bool> turn(loop);
  const auto waiter = std::make_shared<Waiter>(Waiter{.turn = turn.setter()});
  place->second.push_back(waiter);
  const std::stop_callback on_stop(stop, [waiter] {
    waiter->gone = true;
    waiter->turn(false);
  });
  if (!co_await turn) co_return Guard();
  Guard guard(shared_from_this(), path);
  // Stopped between getting the turn and hearing of it: the guard passes it on.
  if (stop.stop_requested()) co_return Guard();
  co_return guard;
}

void FileLocks::release(const std::string& path) {
  const auto place = held_.find(path);
  if (place == held_.end()) return;
  auto& waiters = place->second;
  while (!waiters.empty()) {
    const auto next = std::move(waiters.front());
    waiters.pop_front();
    if (next->gone) continue;
    next->turn(true);
    return;
  }
  held_.erase(place);
}

}  // namespace quarterdeck::tools
