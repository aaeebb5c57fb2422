#include "session/state.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "wire/json.hpp"

namespace quarterdeck::session {
namespace {

using namespace domain;

template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};

constexpr std::array<std::string_view, 32> kAdjectives{
    "brave",  "bright", "brisk",  "calm",  "clear",  "clever", "cosmic", "crisp",  "curious", "eager", "fleet",
    "gentle", "happy",  "hidden", "jolly", "keen",   "kind",   "lucky",  "mellow", "merry",   "misty", "nimble",
    "proud",  "quick",  "quiet",  "shiny", "silent", "snowy",  "steady", "sunny",  "swift",   "witty"};
constexpr std::array<std::string_view, 32> kNouns{
    "anchor", "beacon", "cabin",  "canyon", "comet",  "coral",   "cove",  "dolphin", "eagle",  "falcon", "forest",
    "garden", "harbor", "island", "knight", "lagoon", "lantern", "maple", "meadow",  "moon",   "nebula", "orchid",
    "otter",  "panda",  "pixel",  "planet", "river",  "rocket",  "squid", "tiger",   "willow", "wolf"};

constexpr std::string_view kDefaultTitle = "New session - ";
constexpr std::string_view kDefaultChildTitle = "Child session - ";

std::string iso8601(TimeMs time) {
  const std::time_t seconds = static_cast<std::time_t>(time / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, time % 1000);
}

// Lower runs first.
int rank(Delivery delivery) {
  switch (delivery) {
    case Delivery::interrupt: return 0;
    case Delivery::steer: return 1;
    default: return 2;
  }
}

void leave_inbox(State& state, const MessageId& message) {
  std::erase(state.inbox, message);
  state.urgent.erase(message);
}

void admit(State& state, const PromptAdmitted& admitted) {
  const Delivery delivery = admitted.delivery.value_or(Delivery::queue);
  const auto place = std::ranges::find_if(
      state.inbox, [&](const MessageId& other) { return rank(state.delivery_of(other)) > rank(delivery); });
  state.inbox.insert(place, admitted.message_id);
  if (delivery != Delivery::queue) state.urgent[admitted.message_id] = delivery;
}

}  // namespace

Delivery State::delivery_of(const MessageId& waiting) const {
  const auto found = urgent.find(waiting);
  return found == urgent.end() ? Delivery::queue : found->second;
}

void apply(State& state, const Event& event) {
  std::visit(overloaded{
                 [&](const SessionCreated& e) { state.session = e.info; },
                 [&](const SessionUpdated& e) { state.session = e.info; },
                 [&](const SessionDeleted&) { state.deleted = true; },
                 [&](const PromptAdmitted& e) { admit(state, e); },
                 [&](const TurnStarted& e) {
                   leave_inbox(state, e.message_id);
                   state.turn = e.message_id;
                   state.turn_attempt = e.attempt;
                 },
                 [&](const TurnEnded& e) {
                   leave_inbox(state, e.message_id);
                   state.turn.reset();
                   state.turn_attempt = 0;
                 },
                 [&](const PermissionAsked& e) { state.requests.emplace(e.request.id, e.request); },
                 [&](const PermissionReplied& e) { state.requests.erase(e.request_id); },
                 [&](const MessageUpdated& e) {
                   if (const auto* prompt = std::get_if<UserMessage>(&e.info)) state.prompts.insert(prompt->id);
                 },
                 [&](const MessageRemoved& e) {
                   leave_inbox(state, e.message_id);
                   state.prompts.erase(e.message_id);
                 },
                 [&](const KeyUsed& e) { state.keys.emplace(e.key.key, e); },
                 [](const RecordPut&) {},
                 [&](const QuestionAsked& e) { state.questions.emplace(e.request.id, e.request); },
                 [&](const QuestionReplied& e) { state.questions.erase(e.request_id); },
                 [&](const QuestionRejected& e) { state.questions.erase(e.request_id); },
                 [](const auto&) {},
             },
             event);
}

namespace {

// As in OpenCode, what a prompt switches off or on stays so: the switches become rules of the session.
void switch_tools(Session& session, const JsonText& switches) {
  const auto parsed = wire::parse(switches.text);
  if (!parsed || !parsed->is_object()) return;
  Ruleset rules = session.permission.value_or(Ruleset{});
  for (const auto& [name, on] : parsed->get_object()) {
    if (!on.is_bool()) continue;
    const std::string permission(name);
    std::erase_if(rules, [&](const Rule& rule) { return rule.permission == permission && rule.pattern == "*"; });
    rules.push_back({permission, "*", on.get_bool() ? Action::allow : Action::deny});
  }
  if (!rules.empty()) session.permission = std::move(rules);
}

}  // namespace

Admission decide(const State& state, const Prompt& prompt, PromptContext context) {
  Admission admission;
  UserMessage message;
  message.id = prompt.message_id.value_or(MessageId{});
  if (message.id.empty()) message.id = context.ids.message();
  message.session_id = state.session.id;
  message.created = context.now;
  message.agent = context.agent;
  message.model = context.model;
  message.system = prompt.system;
  message.tools = prompt.tools;
  message.format = prompt.format;
  admission.message_id = message.id;

  // The agent and model of a prompt stick to the session.
  Session session = state.session;
  ModelRef model = context.model;
  if (!model.variant) model.variant = "default";
  session.agent = context.agent;
  session.model = model;
  if (prompt.tools) switch_tools(session, *prompt.tools);
  const bool chosen = session != state.session;
  if (chosen) admission.events.push_back(SessionUpdated{session});

  admission.events.push_back(MessageUpdated{message});
  for (const PromptPart& part : prompt.parts) {
    Part stored{.id = part.id.value_or(PartId{}),
                .session_id = state.session.id,
                .message_id = message.id,
                .content = part.content};
    if (stored.id.empty()) stored.id = context.ids.part();
    admission.events.push_back(PartUpdated{std::move(stored), context.now});
  }
  session.updated = context.now;
  admission.events.push_back(SessionUpdated{std::move(session)});
  if (!prompt.no_reply) {
    PromptAdmitted admitted{.message_id = message.id, .delivery = {}};
    if (prompt.delivery == Delivery::steer || prompt.delivery == Delivery::interrupt) {
      admitted.delivery = prompt.delivery;
    }
    admission.events.push_back(std::move(admitted));
  }
  if (prompt.key) admission.events.push_back(KeyUsed{*prompt.key, message.id});
  return admission;
}

std::vector<Event> decide(const State& state, const UpdateSession& update, TimeMs now) {
  Session session = state.session;
  if (update.title) session.title = *update.title;
  if (update.metadata) session.metadata = *update.metadata;
  if (update.agent) session.agent = *update.agent;
  if (update.model) session.model = *update.model;
  if (update.archived) session.archived = *update.archived;
  if (update.permission) {
    Ruleset rules = session.permission.value_or(Ruleset{});
    rules.insert(rules.end(), update.permission->begin(), update.permission->end());
    session.permission = std::move(rules);
  }
  if (session == state.session) return {};
  session.updated = now;
  return {SessionUpdated{std::move(session)}};
}

Result<std::vector<Event>> decide(const State& state, const ReplyPermission& reply) {
  if (!state.requests.contains(reply.request_id)) {
    return fail(ErrorCode::not_found, "Permission request not found: {}", reply.request_id.value);
  }
  std::vector<Event> events{PermissionReplied{reply.request_id, reply.reply, reply.message}};
  // A rejection speaks for everything the session is asking at the moment.
  if (reply.reply == Reply::reject) {
    for (const auto& [id, request] : state.requests) {
      if (id != reply.request_id) events.push_back(PermissionReplied{id, Reply::reject, {}});
    }
  }
  return events;
}

std::string name_of(std::uint64_t dice) {
  return fmt::format("{}-{}", kAdjectives[dice % kAdjectives.size()], kNouns[dice / 64 % kNouns.size()]);
}

Session new_session(const CreateSession& command, const Project& project, std::string path, IdSource& ids, TimeMs now,
                    std::string_view version) {
  Session session;
  session.id = command.id ? *command.id : ids.session();
  const std::uint64_t dice = ids.random();
  session.slug = name_of(dice);
  session.project_id = project.id;
  session.directory = command.directory;
  session.path = std::move(path);
  session.parent_id = command.parent_id;
  session.title =
      command.title.value_or(fmt::format("{}{}", command.parent_id ? kDefaultChildTitle : kDefaultTitle, iso8601(now)));
  session.version = version;
  session.agent = command.agent;
  session.model = command.model;
  session.metadata = command.metadata;
  session.permission = command.permission;
  session.created = now;
  session.updated = now;
  return session;
}

bool is_default_title(std::string_view title) {
  return title.starts_with(kDefaultTitle) || title.starts_with(kDefaultChildTitle);
}

}  // namespace quarterdeck::session
