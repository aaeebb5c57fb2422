// Who is told when the attention of a session has changed and is on disk. Shared with streams, which may outlive the fleet.
#pragma once

#include <functional>
#include <map>

#include "base/id.hpp"

namespace quarterdeck::fleet {

class Changes {
 public:
  using Observer = std::function<void()>;

  std::size_t subscribe(Observer observer) {
    observers_.emplace(++last_, std::move(observer));
    return last_;
  }
  void unsubscribe(std::size_t subscription) { observers_.erase(subscription); }
  // Observers may come and go meanwhile.
  void tell() {
    for (const auto& [id, observer] : std::map(observers_)) {
      if (observers_.contains(id)) observer();
    }
  }
  // Nothing changes any more: streams end.
  void close() {
    closed_ = true;
    tell();
  }
  bool closed() const { return closed_; }

 private:
  std::map<std::size_t, Observer> observers_;
  std::size_t last_ = 0;
  bool closed_ = false;
};

}  // namespace quarterdeck::fleet
