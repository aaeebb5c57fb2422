// One change at a time for each file. Calls of one step run side by side: without this, two edits of a file would both
// start from the old text and the first would be lost. Loop thread only. Waiters go in the order of asking.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "base/async.hpp"

namespace quarterdeck::tools {

class FileLocks : public std::enable_shared_from_this<FileLocks> {
 public:
  // Released when it dies.
  class Guard {
   public:
    Guard() = default;
    Guard(std::shared_ptr<FileLocks> locks, std::string path) : locks_(std::move(locks)), path_(std::move(path)) {}
    Guard(Guard&&) = default;
    Guard& operator=(Guard&& other) noexcept {
      std::swap(locks_, other.locks_);
      std::swap(path_, other.path_);
      return *this;
    }
    ~Guard() {
      if (locks_) locks_->release(path_);
    }
    bool held() const { return locks_ != nullptr; }

   private:
    std::shared_ptr<FileLocks> locks_;
    std::string path_;
  };

  // `path` is a real path (links followed). Not held when `stop` was requested first.
  Task<Guard> lock(Loop& loop, std::string path, std::stop_token stop);

 private:
  struct Waiter {
    OneShot<bool>::Setter turn;  // true: yours; false: stopped
    bool gone = false;
  };
  void release(const std::string& path);

  // A path is here while somebody holds it; the queue holds those who wait.
  std::map<std::string, std::deque<std::shared_ptr<Waiter>>> held_;
};

}  // namespace quarterdeck::tools
