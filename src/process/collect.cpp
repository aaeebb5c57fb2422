#include "process/process.hpp"

namespace quarterdeck::process {

Task<Result<Collected>> collect(Processes& processes, Spawn spawn, std::size_t bytes_max, std::stop_token stop) {
  Collected collected;
  const auto into = [&collected, bytes_max](std::string& text) {
    return [&collected, &text, bytes_max](std::string_view bytes) {
      const auto room = bytes_max - std::min(bytes_max, text.size());
      if (bytes.size() > room) collected.truncated = true;
      text.append(bytes.substr(0, room));
    };
  };
  JobEvents events{.started = {}, .output = into(collected.output), .error_output = into(collected.error_output)};
  auto exit = co_await processes.run(std::move(spawn), std::move(events), stop);
  if (!exit) co_return std::unexpected(std::move(exit).error());
  collected.exit = *exit;
  co_return collected;
}

}  // namespace quarterdeck::process
