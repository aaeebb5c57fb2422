// A pool of read connections to one database file, one per read at a time. Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "store/sqlite/connection.hpp"

namespace quarterdeck::store::sqlite {

class ReadConnections {
 public:
  explicit ReadConnections(DatabaseFile file) : file_(std::move(file)) {}

  // Runs `use` on a free connection inside a read transaction and turns SqlFailure into an error.
  template <class Use>
  auto read(Use use) -> decltype(use(std::declval<Connection&>())) {
    TRY(auto connection, take());
    try {
      connection->run("BEGIN");
      auto result = use(*connection);
      connection->run("COMMIT");
      give_back(std::move(connection));
      return result;
    } catch (const SqlFailure& failure) {
      return std::unexpected(to_error(failure));  // the connection is closed, whatever its state
    }
  }

 private:
  Result<std::unique_ptr<Connection>> take();
  void give_back(std::unique_ptr<Connection> connection);

  DatabaseFile file_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace quarterdeck::store::sqlite
