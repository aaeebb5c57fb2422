#include "app/cli/bridge/acp_place.hpp"

#include "app/cli/output.hpp"

namespace quarterdeck::app {

Place::Place(PlaceListener& listener, Connected with, Target target)
    : client(with.http, std::move(target), authorization_from_environment()),
      listener_(listener),
      loop_(with.loop),
      stream_(with.loop, with.http, client, *this) {}

Task<void> Place::settled() {
  if (settled_) co_return;
  OneShot<Unit> done(loop_);
  waiting_.push_back(done.setter());
  co_await done;
}

void Place::settle() {
  settled_ = true;
  for (const auto& go_on : std::exchange(waiting_, {})) go_on(Unit{});
}

Task<void> Place::follow(std::stop_token stop) {
  const auto ended = co_await stream_.follow(stop);
  if (!ended) gone = ended.error();
  settle();
  if (gone) listener_.on_gone();
}

void Place::on_connected(Connection connection) {
  settle();
  if (connection == Connection::again) listener_.on_connected_again(*this);
}

void Place::on_lost(const Error& why) { complain("lost the event stream: " + why.message); }

}  // namespace quarterdeck::app
