// The Agent Client Protocol on the standard streams: an editor's agent whose sessions live on a running server.
#include <unistd.h>

#include <algorithm>

#include "app/cli/bridge/acp_options.hpp"
#include "app/cli/bridge/acp_params.hpp"
#include "app/cli/bridge/acp_place.hpp"
#include "app/cli/bridge/acp_updates.hpp"
#include "app/cli/bridge/bridge.hpp"
#include "app/cli/bridge/lines.hpp"
#include "app/cli/exit_code.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/turn.hpp"

namespace quarterdeck::app {
namespace {

constexpr int kLooksForCommand = 30;  // a second apart
constexpr std::int64_t kLastWordsMs = 1'500;  // idle, but the last message is not closed yet

// JSON-RPC's codes, for the client.
struct Refusal {
  int code = -32603;
  std::string message;
};
using Reply = std::expected<std::string, Refusal>;  // the result as JSON
std::unexpected<Refusal> invalid(std::string why) { return std::unexpected(Refusal{-32602, std::move(why)}); }
std::unexpected<Refusal> failed(const Error& error) {
  const bool theirs = error.code == ErrorCode::not_found || error.code == ErrorCode::invalid;
  return std::unexpected(Refusal{theirs ? -32602 : -32603, error.message});
}

struct Talk {
  SessionId id;
  std::string directory;
  AcpUpdates updates;
  std::string agent;  // empty: the session's
  std::string model;  // provider/model; empty: the session's
  std::optional<Turn> turn;
  std::optional<OneShot<Unit>::Setter> over;
  std::unique_ptr<Loop::Handle> grace;
  std::optional<Error> refused;  // the command that was sent
  bool cancelled = false;
};

class Agent final : public PlaceListener {
 public:
  Agent(Connected with, Target target)
      : with_(with), target_(std::move(target)), ids_(system_clock(), system_random()), tasks_(with.loop) {}

  Task<int> run() {
    const auto there = co_await with_.client.health();
    if (!there) co_return give_up(there.error(), target_);
    Lines lines(with_.loop);
    while (auto line = co_await lines.next()) {
      if (line->find_first_not_of(" \t\r") != line->npos) tasks_.spawn(take(std::move(*line)));
    }
    // The client is gone; what its sessions do goes on at the server.
    tasks_.stop();
    for (auto& [id, answered] : asked_) answered(wire::Json());
    for (auto& [id, talk] : talks_) finish(*talk);
    co_await tasks_.join();
    co_return kExitOk;
  }

  void on_event(std::string_view json) override {
    const auto event = read_live_event(json);
    if (!event) return;
    for (auto& [id, talk] : talks_) {
      for (const std::string& update : talk->updates.on(*event)) tell(*talk, update);
      if (!talk->turn) {
        if (event->session != talk->id) continue;
      } else {
        talk->turn->on(*event);
        if (!talk->turn->concerns(event->session)) continue;
      }
      if (const auto* request = std::get_if<domain::PermissionAsked>(&event->fact)) {
        tasks_.spawn(ask_permission(*talk, request->request));
      }
      if (const auto* question = std::get_if<QuestionAsked>(&event->fact)) {
        tasks_.spawn(ask_question(*talk, question->id, std::string(json)));
      }
      check_over(*talk);
    }
  }

  void on_connected_again(Place& place) override {
    for (auto& [id, talk] : talks_) {
      if (talk->turn && &place_of(talk->directory) == &place) tasks_.spawn(catch_up(*talk));
    }
  }
  void on_gone() override {
    for (auto& [id, talk] : talks_) finish(*talk);
  }

 private:
  // ------------------------------------------------------------------------------------------------ messages
  static void send(const std::string& message) { write_all(STDOUT_FILENO, message + "\n"); }

  static void tell(const Talk& talk, const std::string& update) {
    send(fmt::format(R"({{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":{},"update":{}}}}})",
                     wire::quoted(talk.id.value), update));
  }

  Task<void> take(std::string line) {
    const auto json = wire::parse(line);
    if (!json || !json->is_object()) {
      send(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Expected one JSON-RPC message a line"}})");
      co_return;
    }
    const std::string method = wire::string_at(*json, "method");
    const wire::Json* id = wire::value_at(*json, "id");
    if (method.empty()) {
      if (id) answered(*json, wire::to_text(*id));
      co_return;
    }
    const wire::Json* given = wire::value_at(*json, "params");
    const wire::Json params = given ? *given : wire::Json(wire::JsonObject{});
    const std::string number = id ? wire::to_text(*id) : "";
    const Reply reply = co_await call(method, params);
    if (number.empty()) co_return;
    send(reply ? fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":{}}})", number, *reply)
               : fmt::format(R"({{"jsonrpc":"2.0","id":{},"error":{{"code":{},"message":{}}}}})", number,
                             reply.error().code, wire::quoted(reply.error().message)));
  }

  Task<Reply> call(const std::string& method, const wire::Json& params) {
    if (method == "initialize") co_return initialize();
    if (method == "authenticate") co_return "{}";
    if (method == "session/new") co_return co_await create(params);
    if (method == "session/load") co_return co_await load(params, true);
    if (method == "session/resume") co_return co_await load(params, false);
    if (method == "session/list") co_return co_await list(params);
    if (method == "session/prompt") co_return co_await prompt(params);
    if (method == "session/cancel") co_return co_await cancel(params);
    if (method == "session/close") co_return co_await close(params);
    if (method == "session/set_mode") co_return set_mode(params);
    if (method == "session/set_config_option") co_return co_await set_option(params);
    co_return std::unexpected(Refusal{-32601, "Method not found: " + method});
  }

  static Reply initialize() {
    return fmt::format(
        R"({{"protocolVersion":1,"agentCapabilities":{{"loadSession":true,"mcpCapabilities":{{"http":true,"sse":true}},)"
        R"("promptCapabilities":{{"embeddedContext":true,"image":true}},)"
        R"("sessionCapabilities":{{"list":{{}},"resume":{{}},"close":{{}}}}}},)"
        R"("authMethods":[],"agentInfo":{{"name":"quarterdeck","title":"Quarterdeck","version":"{}"}}}})",
        QD_VERSION);
  }

  // A request to the client; its answer, or null.
  Task<wire::Json> ask(std::string method, std::string params) {
    const std::string id = std::to_string(next_id_++);
    OneShot<wire::Json> answer(with_.loop);
    asked_.emplace(id, answer.setter());
    send(fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"{}","params":{}}})", id, method, params));
    wire::Json said = co_await answer;
    asked_.erase(id);
    co_return said;
  }
  void answered(const wire::Json& message, const std::string& id) {
    const auto found = asked_.find(id);
    if (found == asked_.end()) return;
    const wire::Json* result = wire::value_at(message, "result");
    found->second(result ? *result : wire::Json());
  }

  // ------------------------------------------------------------------------------------------------ sessions
  Place& place_of(const std::string& directory) {
    auto& place = places_[directory];
    if (!place) {
      Target target = target_;
      target.directory = directory;
      place = std::make_unique<Place>(*this, with_, std::move(target));
      place->client.stop_with(tasks_.token());
      tasks_.spawn(place->follow(tasks_.token()));
    }
    return *place;
  }

  Task<Result<Place*>> open_place(std::string directory) {
    if (const auto found = places_.find(directory); found != places_.end() && found->second->gone) {
      left_.push_back(std::move(found->second));
      places_.erase(found);
    }
    Place& place = place_of(directory);
    co_await place.settled();
    if (place.gone) co_return std::unexpected(*place.gone);
    co_return &place;
  }

  Talk* talk_of(const wire::Json& params) {
    const auto found = talks_.find(wire::string_at(params, "sessionId"));
    return found == talks_.end() ? nullptr : found->second.get();
  }
  Talk& begin(const domain::Session& session) {
    auto& talk = talks_[session.id.value];
    if (!talk)
      talk.reset(new Talk{session.id, session.directory, {session.id, session.directory}, {}, {}, {}, {}, {}, {}});
    return *talk;
  }

  static std::string directory_in(const wire::Json& params) { return wire::string_at(params, "cwd"); }

  // The editor's MCP servers, for the session's directory.
  Task<void> add_servers(Place& place, const wire::Json& params) {
    const auto* servers = wire::array_at(params, "mcpServers");
    if (!servers) co_return;
    for (const wire::Json& server : *servers) {
      Client::Call add{.method = "POST", .path = "/mcp", .body = acp_mcp_server(server)};
      const auto added = co_await place.client.call(std::move(add));
      if (!added) complain(added.error().message);
    }
  }

  Task<Reply> create(const wire::Json& params) {
    const std::string directory = directory_in(params);
    if (!directory.starts_with('/')) co_return invalid("Expected cwd to be an absolute path");
    const auto place = co_await open_place(directory);
    if (!place) co_return failed(place.error());
    co_await add_servers(**place, params);
    const auto session = co_await (*place)->client.create_session({});
    if (!session) co_return failed(session.error());
    Talk& talk = begin(*session);
    talk.directory = directory;
    const std::string options = co_await acp_options((*place)->client, talk.agent, talk.model);
    tasks_.spawn(tell_commands((*place)->client, session->id));
    co_return fmt::format(R"({{"sessionId":{},{}}})", wire::quoted(session->id.value), options);
  }

  Task<Reply> load(const wire::Json& params, bool replays) {
    const SessionId id{wire::string_at(params, "sessionId")};
    const std::string directory = directory_in(params);
    if (!directory.starts_with('/')) co_return invalid("Expected cwd to be an absolute path");
    const auto place = co_await open_place(directory);
    if (!place) co_return failed(place.error());
    const auto session = co_await (*place)->client.session(id);
    if (!session) co_return failed(session.error());
    if (const Talk* known = talk_of(params); known && known->turn) {
      co_return invalid("The session answers a prompt already");
    }
    // Its events come on the stream of its own directory.
    const auto home = co_await open_place(session->directory);
    if (!home) co_return failed(home.error());
    co_await add_servers(**home, params);
    const auto messages = co_await (*home)->client.messages(id);
    if (!messages) co_return failed(messages.error());
    Talk& talk = begin(*session);
    if (replays) {
      talk.updates = {session->id, session->directory};
      for (const auto& message : read_messages(*messages)) {
        for (const std::string& update : talk.updates.replay(message)) tell(talk, update);
      }
    }
    const std::string options = co_await acp_options((*home)->client, talk.agent, talk.model);
    tasks_.spawn(tell_commands((*home)->client, id));
    co_return fmt::format("{{{}}}", options);
  }

  // After the answer that makes the session known to the client.
  Task<void> tell_commands(Client& client, SessionId id) {
    const std::string update = co_await acp_commands(client);
    const auto talk = talks_.find(id.value);
    if (!update.empty() && talk != talks_.end()) tell(*talk->second, update);
  }

  Task<Reply> list(const wire::Json& params) {
    Client::Call call{.path = "/session"};
    if (const auto directory = directory_in(params); !directory.empty())
      call.query.emplace_back("directory", directory);
    call.query.emplace_back("limit", "100");
    const auto found = co_await with_.client.call(std::move(call));
    if (!found) co_return failed(found.error());
    std::string sessions;
    if (found->is_array()) {
      for (const wire::Json& each : found->get_array()) {
        sessions +=
            fmt::format(R"({}{{"sessionId":{},"cwd":{},"title":{}}})", sessions.empty() ? "" : ",",
                        wire::quoted(wire::string_at(each, "id")), wire::quoted(wire::string_at(each, "directory")),
                        wire::quoted(wire::string_at(each, "title")));
      }
    }
    co_return fmt::format(R"({{"sessions":[{}]}})", sessions);
  }

  Task<Reply> close(const wire::Json& params) {
    Talk* talk = talk_of(params);
    if (!talk) co_return invalid("Unknown session");
    if (talk->turn) co_return co_await cancel(params);  // its prompt is still to be answered
    talks_.erase(talk->id.value);
    co_return "{}";
  }

  // ------------------------------------------------------------------------------------------------ modes, models
  Reply set_mode(const wire::Json& params) {
    Talk* talk = talk_of(params);
    if (!talk) return invalid("Unknown session");
    talk->agent = wire::string_at(params, "modeId");
    return "{}";
  }

  Task<Reply> set_option(const wire::Json& params) {
    Talk* talk = talk_of(params);
    if (!talk) co_return invalid("Unknown session");
    const std::string option = wire::string_at(params, "configId");
    const std::string value = wire::string_at(params, "value");
    if (option == "mode") {
      talk->agent = value;
    } else if (option == "model" && value.find('/') != value.npos) {
      talk->model = value;
    } else {
      co_return invalid("Expected configId mode or model, and one of its values");
    }
    const std::string options = co_await acp_options(place_of(talk->directory).client, talk->agent, talk->model);
    co_return fmt::format("{{{}}}", options.substr(options.find(R"("configOptions")")));
  }

  // ------------------------------------------------------------------------------------------------ turns
  Task<Reply> prompt(const wire::Json& params) {
    Talk* talk = talk_of(params);
    if (!talk) co_return invalid("Unknown session");
    if (talk->turn) co_return invalid("The session answers a prompt already");
    auto parts = acp_parts(params);
    if (!parts) co_return failed(parts.error());
    domain::Prompt prompt{.message_id = ids_.message(), .parts = std::move(*parts)};
    if (!talk->agent.empty()) prompt.agent = talk->agent;
    if (const auto slash = talk->model.find('/'); slash != talk->model.npos) {
      prompt.model =
          domain::ModelRef{.provider_id = talk->model.substr(0, slash), .model_id = talk->model.substr(slash + 1)};
    }
    const std::string directory = talk->directory;
    talk->turn.emplace(talk->id, *prompt.message_id);
    talk->cancelled = false;
    OneShot<Unit> over(with_.loop);
    talk->over = over.setter();
    const auto place = co_await open_place(directory);
    Result<void> sent;
    if (place) {
      Client& client = (*place)->client;
      auto command = acp_command(prompt.parts);
      if (command) command = co_await acp_known(client, std::move(*command));
      if (command) {
        tasks_.spawn(run_command(*talk, client, acp_command_call(talk->id, *command, prompt)));
      } else {
        sent = co_await client.prompt(talk->id, std::move(prompt));
      }
    } else {
      sent = std::unexpected(place.error());
    }
    if (sent) {
      check_over(*talk);
      co_await over;
    }
    const Turn turn = std::move(*talk->turn);
    talk->turn.reset();
    talk->over.reset();
    talk->grace.reset();
    if (const auto refused = std::exchange(talk->refused, {})) co_return failed(*refused);
    if (!sent) co_return failed(sent.error());
    co_return ended(turn, talk->cancelled, place_of(directory));
  }

  // The server answers when the turn is over. Its events tell of that, also when this call is cut off before.
  Task<void> run_command(Talk& talk, Client& client, Client::Call call) {
    const SessionId id = talk.id;
    const MessageId prompt = talk.turn->prompt();
    auto done = co_await client.call(std::move(call));
    if (done) co_return;
    // A long command, or a server that went away: was it begun?
    for (int tries = 0; done.error().code == ErrorCode::unavailable && tries < kLooksForCommand; ++tries) {
      const auto messages = co_await client.messages(id);
      if (!messages) {
        if (!co_await sleep_ms(with_.loop, 1'000, tasks_.token())) co_return;
        continue;
      }
      const auto all = read_messages(*messages);
      if (std::ranges::any_of(all, [&](const auto& each) { return id_of(each.info) == prompt; })) co_return;
      break;
    }
    const auto found = talks_.find(id.value);
    if (found == talks_.end() || !found->second->turn || found->second->turn->taken_up()) co_return;
    found->second->refused = done.error();
    finish(*found->second);
  }

  static Reply ended(const Turn& turn, bool cancelled, const Place& place) {
    std::string_view reason = "end_turn";
    if (cancelled) {
      reason = "cancelled";
    } else if (turn.error()) {
      const std::string& name = turn.error()->name;
      if (name == "MessageAbortedError") {
        reason = "cancelled";
      } else if (name == "MessageOutputLengthError") {
        reason = "max_tokens";
      } else {
        return std::unexpected(Refusal{-32603, turn.error()->message});
      }
    } else if (place.gone && !turn.over()) {
      return std::unexpected(Refusal{-32603, place.gone->message});
    }
    const domain::Tokens tokens = turn.tokens();
    return fmt::format(
        R"({{"stopReason":"{}","usage":{{"inputTokens":{},"outputTokens":{},"totalTokens":{}}},"_meta":{{}}}})", reason,
        tokens.input, tokens.output, tokens.input + tokens.output);
  }

  static void finish(Talk& talk) {
    if (talk.over) (*talk.over)(Unit{});
  }

  void check_over(Talk& talk) {
    if (!talk.turn || !talk.over) return;
    if (talk.turn->over() || talk.turn->deleted()) return finish(talk);
    if (!talk.turn->ending()) {
      talk.grace.reset();
    } else if (!talk.grace) {
      // The end that should come by itself: the last message, closed.
      talk.grace = with_.loop.after_ms(kLastWordsMs, [&talk] { finish(talk); });
    }
  }

  // What an interrupted stream may have missed.
  Task<void> catch_up(Talk& talk) {
    Client& client = place_of(talk.directory).client;
    const SessionId id = talk.id;
    const auto messages = co_await client.messages(id);
    const auto statuses = co_await client.statuses();
    // The turn keeps the session; without it there is nothing to catch up with.
    if (!messages || !statuses || !talks_.contains(id.value) || !talk.turn) co_return;
    for (auto& message : read_messages(*messages)) {
      const LiveEvent told{id, domain::MessageUpdated{message.info}};
      talk.turn->on(told);
      (void)talk.updates.on(told);
      for (auto& part : message.parts) {
        const LiveEvent event{id, domain::PartUpdated{std::move(part), 0}};
        talk.turn->on(event);
        for (const std::string& update : talk.updates.on(event)) tell(talk, update);
      }
    }
    const wire::Json* status = wire::value_at(*statuses, id.value);
    talk.turn->on_status(status == nullptr || wire::string_at(*status, "type") == "idle");
    check_over(talk);
  }

  Task<Reply> cancel(const wire::Json& params) {
    Talk* talk = talk_of(params);
    if (!talk) co_return invalid("Unknown session");
    if (talk->turn) talk->cancelled = true;
    Client& client = place_of(talk->directory).client;
    const auto stopped = co_await client.abort(talk->id);
    if (!stopped) co_return failed(stopped.error());
    co_return "{}";
  }

  // ------------------------------------------------------------------------------------------------ requests
  // The option that was chosen; empty: none.
  static std::string chosen(const wire::Json& answer) {
    const wire::Json* outcome = answer.is_object() ? wire::value_at(answer, "outcome") : nullptr;
    return outcome && wire::string_at(*outcome, "outcome") == "selected" ? wire::string_at(*outcome, "optionId") : "";
  }

  Task<void> ask_permission(Talk& talk, domain::PermissionRequest request) {
    const SessionId session = talk.id;
    Client& client = place_of(talk.directory).client;
    const std::string params = acp_permission(session, request);
    const wire::Json answer = co_await ask("session/request_permission", params);
    if (tasks_.token().stop_requested()) co_return;  // nobody decided: it stays open
    const std::string option = chosen(answer);
    domain::ReplyPermission reply{.request_id = request.id, .message = std::nullopt};
    reply.reply = option == "once"     ? domain::Reply::once
                  : option == "always" ? domain::Reply::always
                                       : domain::Reply::reject;
    const auto said = co_await client.reply(std::move(reply));
    if (!said) complain(said.error().message);
  }

  // Questions with options are asked as permissions are: it is what every client can show.
  Task<void> ask_question(Talk& talk, std::string id, std::string event) {
    const SessionId session = talk.id;
    Client& client = place_of(talk.directory).client;
    const auto json = wire::parse(event);
    const wire::Json* properties = json ? wire::value_at(*json, "properties") : nullptr;
    const auto* questions = properties ? wire::array_at(*properties, "questions") : nullptr;
    wire::JsonArray answers;
    bool all = questions != nullptr;
    for (std::size_t i = 0; all && i < questions->size(); ++i) {
      const wire::Json& question = (*questions)[i];
      const std::string params = acp_question(session, fmt::format("{}-{}", id, i), question);
      const wire::Json answer = co_await ask("session/request_permission", params);
      if (tasks_.token().stop_requested()) co_return;
      const std::string option = chosen(answer);
      all = !option.empty() && option != "quarterdeck:none";
      answers.push_back(wire::JsonArray{wire::Json(option)});
    }
    if (!all) {
      (void)co_await client.reject_question(id);
      co_return;
    }
    const wire::JsonObject body{{"answers", std::move(answers)}};
    Client::Call reply{.method = "POST", .path = "/question/" + id + "/reply", .body = wire::to_text(body)};
    const auto said = co_await client.call(std::move(reply));
    if (!said) complain(said.error().message);
  }

  Connected with_;
  Target target_;
  IdSource ids_;
  std::map<std::string, std::unique_ptr<Place>> places_;  // by directory
  std::vector<std::unique_ptr<Place>> left_;  // of servers that went away
  std::map<std::string, std::unique_ptr<Talk>> talks_;
  std::map<std::string, OneShot<wire::Json>::Setter> asked_;
  int next_id_ = 0;
  TaskGroup tasks_;
};

Task<int> work(Connected with, Target target) {
  Agent agent(with, std::move(target));
  co_return co_await agent.run();
}

}  // namespace

int acp_bridge(const AcpBridgeOptions& options) {
  return on_loop(options.target, [&](Connected with) { return work(with, options.target); });
}

}  // namespace quarterdeck::app
