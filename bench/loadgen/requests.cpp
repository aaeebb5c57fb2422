#include <memory>

#include <fmt/format.h>

#include "bench/loadgen/client.hpp"
#include "bench/loadgen/load.hpp"

namespace quarterdeck::loadgen {

std::string run_requests(const RequestLoad& load) {
  Poll poll;
  Samples latency;
  std::int64_t sent = 0;
  std::int64_t answered = 0;
  std::int64_t failed = 0;
  std::uint64_t bytes = 0;
  std::vector<std::unique_ptr<Connection>> connections;
  const auto start = now_ns();
  const auto end = start + static_cast<std::int64_t>(load.seconds * 1e9);
  auto last = start;
  const auto over = [&] { return sent >= load.requests_max || now_ns() >= end || failed > 100; };
  const auto next = [&](Connection& connection) {
    if (over()) return;
    ++sent;
    connection.request(load.method, load.path, load.body);
  };
  for (int i = 0; i < load.connections; ++i) {
    auto& connection = *connections.emplace_back(std::make_unique<Connection>(poll, load.port));
    connection.on_body = [&](std::string_view piece) { bytes += piece.size(); };
    connection.on_done = [&] {
      last = now_ns();
      ++answered;
      if (connection.status() / 100 == 2) {
        latency.add_ns(last - connection.sent_ns());
      } else {
        ++failed;
      }
      next(connection);
    };
    next(connection);
  }
  poll.run(load.seconds + 10, [&] { return answered >= sent && over(); });
  const double elapsed = static_cast<double>(last - start) / 1e9;
  return fmt::format(
      R"({{"answered":{},"failed":{},"unanswered":{},"seconds":{:.4f},"rps":{:.1f},"bytes_each":{},"ms":{}}})",
      answered, failed, sent - answered, elapsed, elapsed > 0 ? static_cast<double>(answered - failed) / elapsed : 0.0,
      answered > 0 ? bytes / static_cast<std::uint64_t>(answered) : 0, latency.json());
}

}  // namespace quarterdeck::loadgen
