// What OpenCode's v2 API says of one session, and does with it. The session is the same as v1's.
#include <algorithm>

#include "api/idempotency.hpp"
#include "api/opencode/errors_v2.hpp"
#include "api/opencode/routes.hpp"
#include "base/encoding.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"
#include "wire/session_v2.hpp"

namespace quarterdeck::api::opencode {
namespace {

using wire::JsonArray;
using wire::JsonObject;

constexpr std::int64_t kMessagesDefault = 50;
constexpr std::int64_t kMessagesMax = 1'000;
constexpr std::size_t kBatchBytes = 64 * 1024;

std::string data(wire::Json value) { return wire::to_text(JsonObject{{"data", std::move(value)}}); }

// A place between messages, and the way to read on from it.
struct MessageAnchor {
  std::string id;
  bool ascending = false;
  bool previous = false;
};

std::string cursor_text(const JsonObject& message, bool ascending, std::string_view direction) {
  return base64url(wire::to_text(
      JsonObject{{"id", message.at("id")}, {"order", ascending ? "asc" : "desc"}, {"direction", direction}}));
}

std::optional<MessageAnchor> read_cursor(std::string_view text) {
  const auto bytes = base64_decode(text);
  const auto cursor = bytes ? wire::parse(*bytes) : fail(ErrorCode::invalid, "no cursor");
  if (!cursor || wire::string_at(*cursor, "id").empty()) return std::nullopt;
  return MessageAnchor{.id = wire::string_at(*cursor, "id"),
                       .ascending = wire::string_at(*cursor, "order") == "asc",
                       .previous = wire::string_at(*cursor, "direction") == "previous"};
}

struct SessionV2Routes {
  Services& services;

  Task<Result<std::vector<JsonObject>>> messages_of(SessionId id) const {
    co_await services.host.settle(id);
    store::Query& query = services.engine.query;
    auto load = [&query, id]() -> Result<std::vector<JsonObject>> {
      TRY(const auto history, query.history(id));
      std::vector<JsonObject> out;
      for (const auto& message : history) {
        if (auto shown = wire::message_v2(message)) out.push_back(std::move(*shown));
      }
      return out;
    };
    co_return co_await blocking(services.engine.loop, services.engine.pool, load);
  }

  Task<net::Response> create(Call call) const {
    auto input = wire::decode_create_session_v2(call.request.body);
    if (!input) co_return invalid_request(input.error().message, "Payload");
    domain::CreateSession command = std::move(input->command);
    std::filesystem::path directory = requested_directory(call.request, services.directory);
    if (input->directory) directory = (directory / *input->directory).lexically_normal();
    const auto instance = co_await services.engine.instances.open(directory);
    if (auto refused = unknown_choice(*instance, command.agent, command.model)) co_return std::move(*refused);
    command.directory = directory.string();
    auto key = idempotency_key(call.request, "session");
    if (!key) co_return error_v2(key.error());
    command.key = std::move(*key);
    const auto made = co_await services.host.create(std::move(command));
    if (!made) co_return error_v2(made.error());
    co_return json(data(wire::session_v2(*made)));
  }

  static std::optional<net::Response> unknown_choice(const session::Instance& instance,
                                                     const std::optional<std::string>& agent,
                                                     const std::optional<domain::ModelRef>& model) {
    if (agent && !instance.find_agent(*agent)) {
      return invalid_request(fmt::format("Agent not found: {}\n  at [\"agent\"]", wire::quoted(*agent)), "Payload");
    }
    if (model && !instance.find_model(*model)) {
      return invalid_request(
          fmt::format("Model not found: {}/{}\n  at [\"model\"]", model->provider_id, model->model_id), "Payload");
    }
    return std::nullopt;
  }

  Task<net::Response> messages(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    std::int64_t limit = kMessagesDefault;
    if (call.request.query_value("limit")) {
      const auto number = query_number(call.request, "limit");
      if (!number || *number < 1) co_return invalid_request("Expected a positive integer\n  at [\"limit\"]", "Query");
      limit = std::min(*number, kMessagesMax);
    }
    const auto order = call.request.query_value("order");
    if (order && *order != "asc" && *order != "desc") {
      co_return invalid_request(
          fmt::format("Expected \"asc\" | \"desc\", got {}\n  at [\"order\"]", wire::quoted(*order)), "Query");
    }
    MessageAnchor anchor{.ascending = order == "asc"};
    if (const auto cursor = call.request.query_value("cursor"); cursor && !cursor->empty()) {
      auto read = read_cursor(*cursor);
      if (!read) co_return tagged(400, "InvalidCursorError", R"("message":"Invalid cursor")");
      anchor = std::move(*read);
    }
    auto all = co_await messages_of(id);
    if (!all) co_return error_response(all.error());
    co_return json(page(std::move(*all), anchor, static_cast<std::size_t>(limit)));
  }

  static std::string page(std::vector<JsonObject> all, const MessageAnchor& anchor, std::size_t limit) {
    if (!anchor.ascending) std::ranges::reverse(all);
    std::size_t begin = 0;
    std::size_t end = all.size();
    if (!anchor.id.empty()) {
      const auto at =
          std::ranges::find_if(all, [&](const JsonObject& each) { return each.at("id").as_string() == anchor.id; });
      const auto index = static_cast<std::size_t>(at - all.begin());
      if (anchor.previous) {
        end = index;
        begin = end > limit ? end - limit : 0;
      } else {
        begin = std::min(index + 1, all.size());
      }
    }
    end = std::min(end, begin + limit);
    JsonObject cursor;
    if (begin < end && begin > 0) cursor["previous"] = cursor_text(all[begin], anchor.ascending, "previous");
    if (begin < end && end < all.size()) cursor["next"] = cursor_text(all[end - 1], anchor.ascending, "next");
    JsonArray shown;
    for (std::size_t i = begin; i < end; ++i) shown.push_back(std::move(all[i]));
    return wire::to_text(JsonObject{{"data", std::move(shown)}, {"cursor", std::move(cursor)}});
  }

  Task<net::Response> message(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    const MessageId wanted{call.param("messageID")};
    co_await services.host.settle(id);
    const auto found = services.engine.query.message(id, wanted);
    if (!found && found.error().code != ErrorCode::not_found) co_return error_response(found.error());
    auto shown = found ? wire::message_v2(*found) : std::nullopt;
    if (!shown) co_return message_not_found(id, wanted);
    co_return json(data(std::move(*shown)));
  }

  // What the model is shown: everything since the last summary, the summary included.
  Task<net::Response> context(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    auto all = co_await messages_of(id);
    if (!all) co_return error_response(all.error());
    const auto is_summary = [](const JsonObject& message) { return message.at("type").as_string() == "compaction"; };
    const auto last = std::find_if(all->rbegin(), all->rend(), is_summary);
    const auto from = last == all->rend() ? all->begin() : std::prev(last.base());
    JsonArray shown;
    for (auto at = from; at != all->end(); ++at) shown.push_back(std::move(*at));
    co_return json(data(std::move(shown)));
  }

  Task<net::Response> change(SessionId id, Result<domain::UpdateSession> command) const {
    if (!command) co_return invalid_request(command.error().message, "Payload");
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    const auto session = services.engine.query.session(id);
    if (!session) co_return error_response(session.error());
    const auto instance = co_await services.engine.instances.open(session->directory);
    if (auto refused = unknown_choice(*instance, command->agent, command->model)) co_return std::move(*refused);
    const auto updated = co_await services.host.update(id, std::move(*command));
    co_return updated ? no_content() : error_v2(updated.error());
  }
  Task<net::Response> agent(Call call) const {
    return change(SessionId{call.param("sessionID")}, wire::decode_switch_agent(call.request.body));
  }
  Task<net::Response> model(Call call) const {
    return change(SessionId{call.param("sessionID")}, wire::decode_switch_model(call.request.body));
  }

  Task<net::Response> compact(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    const auto session = services.engine.query.session(id);
    if (!session) co_return error_response(session.error());
    const auto instance = co_await services.engine.instances.open(session->directory);
    const auto model = session->model ? session->model : instance->default_model;
    if (!model) co_return error_v2({ErrorCode::unavailable, "No model is configured to write the summary", {}});
    domain::Summarize command{.model = *model};
    const auto done = co_await services.host.summarize(id, std::move(command));
    co_return done ? no_content() : error_v2(done.error());
  }

  // Until the session has nothing to do. The events of its directory say when to look again.
  Task<net::Response> wait(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    const auto session = services.engine.query.session(id);
    if (!session) co_return error_response(session.error());
    const auto events = services.engine.feed.subscribe({.directory = session->directory});
    const auto works = [&] {
      return services.host.status(id).type != domain::Status::Type::idle || !services.host.waiting(id).empty();
    };
    while (works()) {
      const net::Stream::Batch batch = events->take(kBatchBytes);
      if (batch.end || batch.abort) {
        co_return error_v2({ErrorCode::unavailable, "The server is stopping; the session goes on when it is back", {}});
      }
      if (!batch.pieces.empty()) continue;
      OneShot<Unit> more(services.engine.loop);
      events->when_ready([go_on = more.setter()] { go_on(Unit{}); });
      co_await more;
    }
    // Idle is said when the turn's end is on its way to the disk; who waited reads the store next.
    co_await services.host.settle(id);
    co_return no_content();
  }

  Task<net::Response> stage(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto command = wire::decode_stage_revert(call.request.body);
    if (!command) co_return invalid_request(command.error().message, "Payload");
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    if (!services.engine.query.message(id, command->message_id)) co_return message_not_found(id, command->message_id);
    if (!command->files) {
      co_return invalid_request(
          "The conversation and the files go back together: leave \"files\" out, or use fork\n  at [\"files\"]",
          "Payload");
    }
    const auto session = co_await services.host.revert(id, std::move(command->message_id), std::nullopt);
    if (!session) co_return error_v2(session.error());
    if (!session->revert) co_return error_v2({ErrorCode::conflict, "The session works: nothing was reverted", {}});
    co_return json(data(wire::revert_v2(*session->revert)));
  }

  Task<net::Response> no_history(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    co_return invalid_request(
        "The log of this server keeps states, not the steps to them: read /api/session/:id/message, follow /api/event "
        "or take POST /sync/history",
        "Params");
  }

  Task<net::Response> clear(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    const auto session = co_await services.host.unrevert(id);
    co_return session ? no_content() : error_v2(session.error());
  }

  Task<net::Response> commit(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    const auto done = co_await services.host.forget_reverted(id);
    co_return done ? no_content() : error_v2(done.error());
  }
};

}  // namespace

std::vector<Route> session_v2_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (SessionV2Routes::*handler)(Call) const) {
    return [routes = SessionV2Routes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = SessionV2Routes;
  return {
      {"POST", "/api/session", "v2.session.create", "Make a session; one that has the id is answered as it is",
       bind(&R::create), "SessionV2Data", "CreateSessionV2"},
      {"GET",
       "/api/session/:sessionID/message",
       "v2.session.messages",
       "What was said, a page at a time",
       bind(&R::messages),
       "SessionMessagesResponse",
       "",
       {{"limit", "at most so many; default 50"},
        {"order", "asc or desc (default)"},
        {"cursor", "from an earlier page"}}},
      {"GET", "/api/session/:sessionID/message/:messageID", "v2.session.message", "One message", bind(&R::message),
       "SessionMessageData"},
      {"GET", "/api/session/:sessionID/context", "v2.session.context", "Messages since the last summary",
       bind(&R::context), "SessionMessagesData"},
      {"GET", "/api/session/:sessionID/history", "v2.session.history", "Refused: the log keeps states",
       bind(&R::no_history), "Object"},
      {"GET", "/api/session/:sessionID/event", "v2.session.events", "Refused: the log keeps states",
       bind(&R::no_history), "Object"},
      {"POST", "/api/session/:sessionID/agent", "v2.session.switchAgent", "The agent of prompts that name none",
       bind(&R::agent), "NoContent", "SwitchAgent"},
      {"POST", "/api/session/:sessionID/model", "v2.session.switchModel", "The model of prompts that name none",
       bind(&R::model), "NoContent", "SwitchModel"},
      {"POST", "/api/session/:sessionID/compact", "v2.session.compact", "Summarise what was said so far",
       bind(&R::compact), "NoContent"},
      {"POST", "/api/session/:sessionID/wait", "v2.session.wait", "Answers when the session has nothing to do",
       bind(&R::wait), "NoContent"},
      {"POST", "/api/session/:sessionID/revert/stage", "v2.session.revert.stage",
       "Take the conversation and the files back to a message", bind(&R::stage), "RevertData", "StageRevert"},
      {"POST", "/api/session/:sessionID/revert/clear", "v2.session.revert.clear", "Take the revert back",
       bind(&R::clear), "NoContent"},
      {"POST", "/api/session/:sessionID/revert/commit", "v2.session.revert.commit", "Make the revert final",
       bind(&R::commit), "NoContent"},
  };
}

}  // namespace quarterdeck::api::opencode
