#include "api/fleet/once.hpp"

#include "api/idempotency.hpp"
#include "fleet/calls.hpp"
#include "fleet/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {

using quarterdeck::fleet::KeptAnswer;

Task<net::Response> once(Services& services, SessionId session, Call call, Act act) {
  auto key = idempotency_key(call.request, "fleet");
  if (!key) co_return error_response(key.error());
  if (!*key) co_return co_await act(std::move(call));
  quarterdeck::fleet::Calls& calls = services.fleet->calls();
  const std::string name = std::move((*key)->key);
  const std::string fingerprint = fmt::format("{} {}", call.request.method, (*key)->fingerprint);
  const auto turn = co_await calls.take(session, name);
  const auto kept = calls.find(session, name);
  if (!kept) co_return error_response(kept.error());
  if (*kept) {
    if ((*kept)->fingerprint == fingerprint) co_return json(std::move((*kept)->body), (*kept)->status);
    co_return tagged(409, "ConflictError",
                     R"("message":"The Idempotency-Key was used for another request","path":"[\"Idempotency-Key\"]")");
  }
  net::Response response = co_await act(std::move(call));
  const auto* body = std::get_if<std::string>(&response.body);
  if (response.status >= 500 || !body) co_return response;
  KeptAnswer answer{.fingerprint = fingerprint, .status = response.status, .body = *body};
  const auto stored = co_await calls.keep(session, name, std::move(answer));
  if (!stored) co_return error_response(stored.error());
  co_return response;
}

}  // namespace quarterdeck::api::fleet
