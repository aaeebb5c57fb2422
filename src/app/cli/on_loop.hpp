// A command that talks to a server: one loop, one client, one coroutine that ends in an exit code.
#pragma once

#include <functional>

#include "app/cli/client.hpp"
#include "net/event_loop.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::app {

struct Connected {
  net::EventLoop& loop;
  net::HttpClient& http;
  Client& client;
};

// Runs `work` to its end and returns its exit code. What it throws is for the caller.
int on_loop(const Target& target, std::function<Task<int>(Connected)> work);

// Prints the error and chooses the exit code.
int give_up(const Error& error, const Target& target);

}  // namespace quarterdeck::app
