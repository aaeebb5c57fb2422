// The whole HTTP surface over the real engine, store and fleet, without a socket: what a test asks, Api::handle answers.
#pragma once

#include <memory>

#include "api/api.hpp"
#include "fleet/fleet.hpp"
#include "fleet/webhooks.hpp"
#include "session/testing/host_fixture.hpp"
#include "store/webhooks.hpp"
#include "tools/testing/fixture.hpp"

namespace quarterdeck::api::testing {

class ApiFixture : public session::testing::HostFixture {
 protected:
  explicit ApiFixture(access::Password password = {}) : access_(places(), system_clock(), std::move(password)) {}
  ~ApiFixture() override { loop_.run_until(fleet_.shutdown()); }

  net::Response ask(net::Request request) { return loop_.run_until(api_.handle(std::move(request))); }

  fleet::Fleet fleet_{*engine_, *host_};
  access::Access access_;
  TaskGroup background_{loop_};
  tools::testing::NoHttp http_;
  fleet::Webhooks webhooks_{fleet_, http_, *store::open_webhooks(dir_.path()), {}};
  Services services_{.engine = *engine_,
                     .host = *host_,
                     .background = background_,
                     .directory = dir_.path(),
                     .fleet = &fleet_,
                     .webhooks = &webhooks_,
                     .access = &access_};
  Api api_{services_, {}};
};

}  // namespace quarterdeck::api::testing
