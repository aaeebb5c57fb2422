#include "store/sqlite/read_connections.hpp"

namespace quarterdeck::store::sqlite {
namespace {

constexpr std::size_t kIdleMax = 8;

}  // namespace

Result<std::unique_ptr<Connection>> ReadConnections::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  return Connection::open(file_, Access::read_only);
}

void ReadConnections::give_back(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(connection));
}

}  // namespace quarterdeck::store::sqlite
