#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <utility>

#include "app/cli/check.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/machine_checks.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "base/unique_fd.hpp"
#include "llm/local_endpoints.hpp"

namespace quarterdeck::app {
namespace {

using State = Check::State;

// The port that `quarterdeck serve` would take: the URL's, when it names this machine.
std::optional<std::uint16_t> local_port(std::string_view url) {
  for (const std::string_view host : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
    if (!url.starts_with(host)) continue;
    url.remove_prefix(host.size());
    std::uint16_t port = 80;
    if (url.starts_with(':')) std::from_chars(url.data() + 1, url.data() + url.size(), port);
    return port;
  }
  return std::nullopt;
}

Check port_check(std::uint16_t port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return {State::ok, "port", fmt::format("{} is free", port), {}};
  }
  if (errno == EADDRINUSE) {
    return {State::warn, "port", fmt::format("{} is taken by a program that is not a Quarterdeck server", port),
            fmt::format("ss -ltnp 'sport = :{}' names it; or quarterdeck serve --port {}", port, port + 1)};
  }
  return {State::warn, "port", fmt::format("{} cannot be used: {}", port, std::strerror(errno)),
          "quarterdeck serve --port with another port"};
}

Task<std::vector<Check>> server_checks(Client& client) {
  std::vector<Check> checks;
  const std::string url = client.target().url;
  auto health = co_await client.health();
  if (health) {
    checks.push_back({State::ok,
                      "server",
                      fmt::format("{} runs version {}", url, wire::string_at(*health, "version", "unknown")),
                      {}});
  } else if (health.error().code == ErrorCode::unavailable) {
    checks.push_back({State::warn, "server", fmt::format("nothing answers at {}", url), "quarterdeck serve"});
    if (const auto port = local_port(url)) checks.push_back(port_check(*port));
  } else {
    checks.push_back({State::warn, "server", fmt::format("{}: {}", url, health.error().message),
                      "set OPENCODE_SERVER_PASSWORD if it has one; --attach names another server"});
  }
  co_return checks;
}

Task<int> work(Connected with, DoctorOptions options) {
  std::vector<Check> checks = directory_checks(Places::from_environment());
  std::ranges::move(program_checks(), std::back_inserter(checks));
  checks.push_back(provider_key_check());

  auto endpoints = llm::usual_local_endpoints();
  const auto servers = co_await llm::probe_local_endpoints(with.loop, with.http, std::move(endpoints));
  std::string found;
  for (const auto& server : servers) {
    found += fmt::format("{}{} ({} models)", found.empty() ? "" : ", ", server.name, server.models.size());
  }
  // A key or a local server: either will do, so this alone is never worth a hint.
  checks.push_back(
      {State::ok, "local models", found.empty() ? "none running (Ollama, LM Studio, llama-server)" : found, {}});
  if (!found.empty()) {
    for (auto& one : checks) {
      if (one.name == "provider keys" && one.state == State::warn)
        one = {State::ok, one.name, "none in the environment", {}};
    }
  }
  auto about_server = co_await server_checks(with.client);
  std::ranges::move(about_server, std::back_inserter(checks));
  std::ranges::move(limit_checks(), std::back_inserter(checks));

  const std::string text =
      options.format == Format::json ? checks_json(checks) : checks_text(checks, style_of(STDOUT_FILENO));
  if (!write_all(STDOUT_FILENO, text)) co_return kExitFailed;
  co_return healthy(checks) ? kExitOk : kExitFailed;
}

}  // namespace

int doctor(const DoctorOptions& options) {
  return on_loop(options.target, [&](Connected with) { return work(with, options); });
}

}  // namespace quarterdeck::app
