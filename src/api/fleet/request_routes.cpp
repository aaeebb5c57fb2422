// Open permissions and questions of all sessions in one list, and their answers.
#include "api/fleet/once.hpp"
#include "api/fleet/routes.hpp"
#include "fleet/fleet.hpp"
#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

using quarterdeck::fleet::OpenRequest;
using quarterdeck::fleet::RequestView;

std::string_view kind_name(OpenRequest::Kind kind) {
  switch (kind) {
    case OpenRequest::Kind::permission: return "permission";
    case OpenRequest::Kind::question: return "question";
    case OpenRequest::Kind::plan: return "plan";
  }
  return "";
}

std::string view_json(const RequestView& view) {
  return fmt::format(
      R"({{"id":{},"kind":"{}","sessionID":{},"headID":{},"title":{},"priority":"{}","audience":"{}","since":{}{},"hash":"{}","content":{}}})",
      wire::quoted(view.id), kind_name(view.kind), wire::quoted(view.session.value), wire::quoted(view.head.value),
      wire::quoted(view.title), wire::priority_name(view.priority),
      view.attention.group == domain::Attention::Group::with_supervisor ? "supervisor" : "person", view.attention.since,
      view.attention.next && view.attention.next->at ? fmt::format(",\"escalates_at\":{}", *view.attention.next->at)
                                                     : std::string(),
      view.hash, view.content);
}

struct RequestRoutes {
  Services& services;

  Task<net::Response> list(Call call) const {
    const auto session = call.request.query_value("session");
    const auto all = co_await services.fleet->requests();
    if (!all) co_return error_response(all.error());
    std::string out;
    for (const RequestView& view : *all) {
      if (session && view.session.value != *session && view.head.value != *session) continue;
      if (!out.empty()) out += ',';
      out += view_json(view);
    }
    co_return json(fmt::format(R"({{"requests":[{}]}})", out));
  }

  Task<net::Response> one(Call call) const {
    const auto view = services.fleet->request(call.param("requestID"));
    if (!view) co_return error_response(view.error());
    co_return json(view_json(*view));
  }

  Task<net::Response> answer(Call call) const {
    // Its answer is kept beside the session that asked, whether or not it is still open.
    const auto session = services.fleet->asker(call.param("requestID"));
    if (!session) co_return error_response(session.error());
    const auto act = [this](Call sent) { return answer_now(std::move(sent)); };
    co_return co_await once(services, *session, std::move(call), act);
  }
  Task<net::Response> answer_now(Call call) const {
    const std::string id = call.param("requestID");
    auto answer = wire::decode_request_answer(call.request.body);
    if (!answer) co_return error_response(answer.error());
    const auto done = co_await services.fleet->answer(id, std::move(*answer));
    if (!done) co_return error_response(done.error());
    co_return json(fmt::format(R"({{"id":{},"answered":true}})", wire::quoted(id)));
  }
};

}  // namespace

std::vector<Route> request_routes(Services& services) {
  const auto routes = std::make_shared<RequestRoutes>(services);
  const auto bind = [routes](Task<net::Response> (RequestRoutes::*handler)(Call) const) {
    return [routes, handler](Call call) { return ((*routes).*handler)(std::move(call)); };
  };
  using R = RequestRoutes;
  return {
      {"GET",
       "/fleet/request",
       "fleet.request.list",
       "Open permissions, questions and plans: by priority, oldest first",
       bind(&R::list),
       "FleetRequestList",
       "",
       {{"session", "Only those of this session and its children"}}},
      {"GET", "/fleet/request/:requestID", "fleet.request.get", "One that is open", bind(&R::one), "FleetRequest"},
      {"POST", "/fleet/request/:requestID/answer", "fleet.request.answer",
       "Answer it; 409 when it was answered, or is not what `hash` stands for", bind(&R::answer), "FleetAnswered",
       "FleetAnswer"},
  };
}

}  // namespace quarterdeck::api::fleet
