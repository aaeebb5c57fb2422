// One life of the session core: every part real, every edge simulated. It dies by kill -9 (what it did after that never
// reached anything) or by a planned shutdown; the next life finds the same database.
#pragma once

#include <filesystem>
#include <memory>

#include "feed/feed.hpp"
#include "session/host.hpp"
#include "simulated_model.hpp"
#include "simulated_processes.hpp"
#include "simulated_store.hpp"
#include "simulated_tools.hpp"
#include "world.hpp"

namespace quarterdeck::simulation {

class Server {
 public:
  Server(World& world, Witness& witness, const std::filesystem::path& directory);
  ~Server();

  // False when the store cannot be opened. recover() runs as a task.
  bool start();
  bool dead() const { return dead_; }
  bool recovered() const { return recovered_; }
  // kill -9: from here on nothing reaches the disk, the clients or the world.
  void kill();
  // SIGTERM: begins an orderly shutdown; stopped() says when it is through.
  void terminate();
  bool stopped() const { return stopped_; }
  bool stopping() const { return terminating_; }
  // Lets the coroutines of a dead server run out, unseen, so that nothing leaks. False: they do not end, which is a
  // violation (a server that does not stop), and this object can only be leaked.
  bool run_out();

  // A client's call; what it learns after the server's death it does not learn.
  void spawn(Task<void> call) { clients_.spawn(guarded(std::move(call))); }
  std::size_t calls() const { return clients_.running(); }

  VirtualLoop& loop() { return loop_; }
  session::Host& host() { return *host_; }
  store::Query& query() { return store_->query(); }
  feed::Feed& feed() { return *feed_; }
  IdSource& ids() { return ids_; }

 private:
  Task<void> guarded(Task<void> call);
  Task<void> recover();
  Task<void> shut_down();

  World& world_;
  Witness& witness_;
  std::filesystem::path directory_;
  Dice dice_;
  bool dead_ = false;
  bool recovered_ = false;
  bool stopped_ = false;
  bool terminating_ = false;
  VirtualLoop loop_;
  VirtualClock clock_;
  VirtualPool pool_;
  VirtualPool disk_;
  IdSource ids_;
  std::stop_source shutdown_;
  std::unique_ptr<SimulatedStore> store_;
  std::unique_ptr<feed::Feed> feed_;
  SimulatedProcesses processes_;
  SimulatedModel model_;
  std::optional<tools::Registry> tools_;
  std::unique_ptr<session::Instances> instances_;
  std::optional<session::Engine> engine_;
  std::unique_ptr<session::Host> host_;
  TaskGroup clients_;
};

}  // namespace quarterdeck::simulation
