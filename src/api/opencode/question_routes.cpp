// Questions of agents, in OpenCode's first and second API.
#include "api/opencode/location.hpp"
#include "api/opencode/routes.hpp"
#include "session/instance.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/question.hpp"

namespace quarterdeck::api::opencode {
namespace {

enum class Api { first, second };

struct QuestionRoutes {
  Services& services;

  Task<net::Response> list(Call call) const {
    const auto directory = requested_directory(call.request, services.directory);
    auto open = services.engine.query.questions_json(directory.string());
    if (!open) co_return error_response(open.error());
    co_return json(std::move(*open));
  }

  Task<net::Response> list_located(Call call) const {
    const auto directory = requested_directory(call.request, services.directory);
    const auto instance = co_await services.engine.instances.open(directory);
    auto open = services.engine.query.questions_json(directory.string());
    if (!open) co_return error_response(open.error());
    co_return json(located(instance->location, *open));
  }

  Task<net::Response> list_of_session(Call call) const {
    const SessionId id{call.param("sessionID")};
    const auto open = services.engine.query.open_questions(id);
    if (!open) co_return no_session(id);
    std::string out = R"({"data":[)";
    for (const auto& request : *open) {
      if (out.back() != '[') out += ',';
      out += wire::encode_question_request(request);
    }
    co_return json(out + "]}");
  }

  static net::Response no_session(const SessionId& id) {
    return tagged(404, "SessionNotFoundError",
                  fmt::format("\"sessionID\":{},\"message\":{}", wire::quoted(id.value),
                              wire::quoted("Session not found: " + id.value)));
  }

  static net::Response not_open(const QuestionId& id) {
    return tagged(404, "QuestionNotFoundError",
                  fmt::format("\"requestID\":{},\"message\":{}", wire::quoted(id.value),
                              wire::quoted("Question request not found: " + id.value)));
  }

  Task<net::Response> answer(Call call, domain::ReplyQuestion command, Api api) const {
    const QuestionId id = command.request_id;
    if (!has_prefix(id)) {
      co_return bad_request(
          fmt::format("Expected a string starting with \"que\", got {}\n  at [\"requestID\"]", wire::quoted(id.value)),
          Where::params);
    }
    if (api == Api::second) {
      const SessionId session{call.param("sessionID")};
      if (!services.engine.query.session_json(session)) co_return no_session(session);
      const auto row = services.engine.query.question(id);
      if (!row || row->request.session_id != session) co_return not_open(id);
    }
    const auto replied = co_await services.host.reply(std::move(command));
    if (!replied) {
      co_return replied.error().code == ErrorCode::not_found ? not_open(id) : error_response(replied.error());
    }
    co_return api == Api::first ? json("true") : no_content();
  }

  Task<net::Response> reply_as(Call call, Api api) const {
    auto command = wire::decode_reply_question({call.param("requestID")}, call.request.body);
    if (!command) co_return error_response(command.error());
    co_return co_await answer(std::move(call), std::move(*command), api);
  }
  Task<net::Response> reject_as(Call call, Api api) const {
    domain::ReplyQuestion command{.request_id = {call.param("requestID")}, .answers = {}};
    co_return co_await answer(std::move(call), std::move(command), api);
  }

  Task<net::Response> reply(Call call) const { return reply_as(std::move(call), Api::first); }
  Task<net::Response> reject(Call call) const { return reject_as(std::move(call), Api::first); }
  Task<net::Response> reply_second(Call call) const { return reply_as(std::move(call), Api::second); }
  Task<net::Response> reject_second(Call call) const { return reject_as(std::move(call), Api::second); }
};

}  // namespace

std::vector<Route> question_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (QuestionRoutes::*handler)(Call) const) {
    return [routes = QuestionRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = QuestionRoutes;
  const std::vector<Query> directory{{"directory", "Working directory; x-opencode-directory says the same"}};
  return {
      {"GET", "/question", "question.list", "Open questions", bind(&R::list), "ObjectList", "", directory},
      {"POST", "/question/:requestID/reply", "question.reply", "Answer: the chosen labels of each question",
       bind(&R::reply), "Boolean", "Object"},
      {"POST", "/question/:requestID/reject", "question.reject", "Dismiss the questions", bind(&R::reject), "Boolean"},
      {"GET", "/api/question/request", "v2.question.request.list", "Open questions", bind(&R::list_located),
       "LocatedList", "", directory},
      {"GET", "/api/session/:sessionID/question", "v2.session.question.list", "Open questions of a session",
       bind(&R::list_of_session), "Object"},
      {"POST", "/api/session/:sessionID/question/:requestID/reply", "v2.session.question.reply",
       "Answer: the chosen labels of each question", bind(&R::reply_second), "NoContent", "Object"},
      {"POST", "/api/session/:sessionID/question/:requestID/reject", "v2.session.question.reject",
       "Dismiss the questions", bind(&R::reject_second), "NoContent"},
  };
}

}  // namespace quarterdeck::api::opencode
