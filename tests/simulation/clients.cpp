#include "clients.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "wire/event.hpp"

namespace quarterdeck::simulation {

using namespace domain;

// ------------------------------------------------------------------------------------------------ the subscriber

void Listener::attach(Server& server) {
  server_ = &server;
  attached_since_ = witness_.last_seq;
  if (!last_) {
    since_ = witness_.last_seq;
    last_ = feed::position_of(since_) + 1;
  }
  stream_ = server.feed().subscribe({}, last_);
  pump();
}

void Listener::detach() {
  pause_.reset();
  stream_.reset();
  unread_.clear();
  server_ = nullptr;
}

void Listener::pump() {
  pause_.reset();
  for (;;) {
    const net::Stream::Batch batch = stream_->take(64 * 1024);
    for (const net::Bytes& piece : batch.pieces) read(*piece);
    if (batch.end) return;
    if (batch.pieces.empty()) break;
  }
  stream_->when_ready([this] { pause_ = server_->loop().after_ms(dice_.delay_ms(2'000), [this] { pump(); }); });
}

void Listener::read(std::string_view text) {
  unread_ += text;
  for (std::size_t end = unread_.find("\n\n"); end != std::string::npos; end = unread_.find("\n\n")) {
    const std::string_view frame = std::string_view(unread_).substr(0, end);
    if (frame.starts_with("id: ")) {
      feed::Position position = 0;
      std::from_chars(frame.data() + 4, frame.data() + frame.size(), position);
      if (position <= *last_) world_.violation("a subscriber got event {} after {}", position, *last_);
      last_ = position;
      if (feed::live_part(position) == 0) seen_.insert(feed::seq_of(position));
    }
    unread_.erase(0, end + 2);
  }
}

void Listener::check(store::Query& query) {
  if (pause_) pump();  // it may only have been slow
  for (const store::Seq seq : witness_.published) {
    if (seq > attached_since_ && !seen_.contains(seq)) world_.violation("a subscriber missed event {}", seq);
  }
  // What was superseded while it was away it need not have seen; what is in the log it must.
  const auto log = query.events_after(since_, 1'000'000);
  if (!log) return;
  for (const store::StoredEvent& event : *log) {
    if (wire::shown_to_clients(event.type) && !seen_.contains(event.seq)) {
      world_.violation("a subscriber that came back never got event {} ({})", event.seq, event.type);
    }
  }
}

// ------------------------------------------------------------------------------------------------ what they do

SessionId Clients::some_session() {
  std::vector<SessionId> living;
  for (const auto& [id, record] : world_.sessions) {
    if (!record.deleted) living.push_back(id);
  }
  return living.empty() ? SessionId{} : dice_.pick(living);
}

void Clients::act(Server& server) {
  if (world_.storm && dice_.chance(world_.profile.clock_jump)) {
    world_.wall_offset_ms += dice_.between(-3'600'000, 3'600'000);
    world_.note("the clock jumps");
  }
  const SessionId id = some_session();
  if (id.empty() || static_cast<int>(world_.sessions.size()) < world_.profile.sessions) {
    return server.spawn(create(server, id.empty() || dice_.chance(700) ? std::nullopt : std::optional(id)));
  }
  const auto what = dice_.between(1, 100);
  if (what <= 50) {
    const int number = static_cast<int>(world_.prompts.size());
    PromptRecord record{.number = number, .session = id, .no_reply = dice_.chance(50)};
    constexpr std::array deliveries{Delivery::queue, Delivery::queue, Delivery::steer, Delivery::interrupt,
                                    Delivery::reject};
    record.delivery = dice_.pick(deliveries);
    record.subtask = dice_.chance(50);
    // Most clients make the id themselves, some of them with another idea of time; others send a key, or nothing.
    if (dice_.chance(600)) {
      record.id = server.ids().message();
    } else if (dice_.chance(200)) {
      record.id = {fmt::format("msg_{}{:06}", dice_.chance(500) ? "zzz" : "000", number)};
    } else if (dice_.chance(500)) {
      record.key = fmt::format("key {}", number);
    }
    world_.prompts.push_back(record);
    server.spawn(prompt(server, number));
    if ((!record.id.empty() || !record.key.empty()) && dice_.chance(150)) server.spawn(prompt(server, number));
  } else if (what <= 64) {
    abort(server, id);
  } else if (what <= 78) {
    answer_one(server);
  } else if (what <= 80) {
    server.spawn(remove(server, id));
  } else if (what <= 84) {
    const Replica* replica = witness_.replicas.find(id);
    std::optional<MessageId> before;
    if (replica && !replica->admitted.empty() && dice_.chance(500)) before = dice_.pick(replica->admitted);
    server.spawn(fork(server, id, before));
  } else if (what <= 88) {
    server.spawn(rename(server, id));
  } else if (what <= 93) {
    server.spawn(edit(server, id));
  } else if (what <= 95) {
    server.spawn(shell(server, id));
  } else if (what <= 97) {
    server.spawn(withdraw(server, id));
  } else {
    server.spawn(read(server, id));
  }
}

void Clients::repeat_unknown(Server& server) {
  for (const PromptRecord& record : world_.prompts) {
    if (record.acknowledged || (record.id.empty() && record.key.empty()) || !dice_.chance(700)) continue;
    if (world_.sessions[record.session].delete_asked) continue;
    world_.note("again: #{}", record.number);
    server.spawn(prompt(server, record.number));
  }
}

void Clients::settle(Server& server) {
  for (const auto& [id, request] : std::map(world_.requests)) {
    const ReplyPermission answer{.request_id = id, .reply = dice_.chance(800) ? Reply::once : Reply::reject};
    server.spawn(reply(server, request, answer));
  }
  for (const auto& [id, request] : std::map(world_.questions)) answer_question(server, request);
  for (const auto& [id, replica] : witness_.replicas.all()) {
    const bool hangs = std::ranges::any_of(replica.parts, [](const auto& message) {
      return std::ranges::any_of(message.second, [](const auto& part) {
        const auto* call = std::get_if<ToolPart>(&part.second.content);
        return call && call->tool == "hang" && std::holds_alternative<ToolRunning>(call->state);
      });
    });
    if (hangs) abort(server, id);
  }
}

void Clients::abort(Server& server, const SessionId& id) {
  const bool running = server.host().abort(id);
  const Replica* replica = witness_.replicas.find(id);
  world_.note("abort {}: {}", id.value, running);
  if (!running || !replica || !replica->state.turn) return;
  const std::int64_t slowest_ms = world_.profile.commit_delay_ms + world_.profile.pool_delay_ms;
  aborts_.push_back({id, *replica->state.turn, world_.now_ms + 1'000 + 10 * slowest_ms});
}

void Clients::check_aborts() {
  if (world_.disk_failed) return;
  std::erase_if(aborts_, [&](const Aborted& aborted) {
    const Replica* replica = witness_.replicas.find(aborted.session);
    if (!replica || replica->ended.contains(aborted.prompt)) return true;
    if (world_.now_ms <= aborted.deadline_ms) return false;
    world_.violation("the aborted turn of {} in {} has not ended", aborted.prompt.value, aborted.session.value);
    return true;
  });
}

void Clients::answer_question(Server& server, const QuestionRequest& request) {
  std::optional<std::string> label;
  if (dice_.chance(700)) label = fmt::format("label {}", dice_.between(0, 1'000'000));
  server.spawn(answer(server, request, label));
}

void Clients::answer_one(Server& server) {
  std::vector<QuestionRequest> questions;
  for (const auto& [id, request] : world_.questions) questions.push_back(request);
  if (!questions.empty() && dice_.chance(500)) {
    const QuestionRequest request = dice_.pick(questions);
    answer_question(server, request);
    if (dice_.chance(200)) answer_question(server, request);
    return;
  }
  std::vector<PermissionRequest> open;
  for (const auto& [id, request] : world_.requests) open.push_back(request);
  if (open.empty() || dice_.chance(50)) {
    const ReplyPermission stale{.request_id = {"per_nobody_asked"}};
    return server.spawn(reply(server, {}, stale));
  }
  const PermissionRequest request = dice_.pick(open);
  constexpr std::array replies{Reply::once, Reply::once, Reply::always, Reply::reject};
  ReplyPermission answer{.request_id = request.id, .reply = dice_.pick(replies)};
  if (answer.reply == Reply::reject && dice_.chance(500)) answer.message = "do something else";
  server.spawn(reply(server, request, answer));
  if (dice_.chance(200)) {
    answer.reply = dice_.pick(replies);
    server.spawn(reply(server, request, answer));
  }
}

// ------------------------------------------------------------------------------------------------ their calls

Task<void> Clients::create(Server& server, std::optional<SessionId> parent) {
  CreateSession command{.directory = dice_.chance(500) ? "/simulation/project" : "/simulation/other",
                        .parent_id = parent};
  if (dice_.chance(700)) command.title = "a title";
  if (dice_.chance(world_.profile.asking)) command.permission = Ruleset{{"note", "*", Action::ask}};
  const auto created = co_await server.host().create(std::move(command));
  if (server.dead() || !created) co_return;
  world_.note("created {}", created->id.value);
  if (!witness_.replicas.find(created->id))
    world_.violation("session {} was acknowledged before it was stored", created->id.value);
  world_.sessions[created->id].id = created->id;
}

Task<void> Clients::prompt(Server& server, int number) {
  const PromptRecord record = world_.prompt(number);
  Prompt command{.no_reply = record.no_reply,
                 .parts = {{.content = TextPart{.text = fmt::format("#{}# please", number)}}},
                 .delivery = record.delivery};
  if (record.subtask) {
    const int task = world_.number_of(fmt::format("subtask {}", number));
    command.parts.push_back(
        {.content =
             SubtaskPart{.prompt = fmt::format("#{}# please", task), .description = "a task", .agent = "general"}});
  }
  if (!record.id.empty() && record.key.empty()) command.message_id = record.id;
  if (!record.key.empty()) command.key = IdempotencyKey{.key = record.key, .fingerprint = "same"};
  const auto admitted = co_await server.host().prompt(record.session, std::move(command));
  if (server.dead()) co_return;
  if (!admitted) {
    world_.note("prompt #{} refused: {}", number, admitted.error().message);
    co_return;
  }
  world_.note("prompt #{} acknowledged as {}", number, admitted->value);
  world_.counts["prompts"]++;
  PromptRecord& known = world_.prompt(number);
  if (!known.id.empty() && known.id != *admitted) {
    world_.violation("prompt #{} was admitted as {} and as {}", number, known.id.value, admitted->value);
  }
  known.id = *admitted;
  known.acknowledged = true;
  const Replica* replica = witness_.replicas.find(record.session);
  if (!world_.sessions[record.session].delete_asked && !world_.edited.contains(*admitted) &&
      (!replica || !replica->messages.contains(*admitted))) {
    world_.violation("prompt #{} was acknowledged before it was stored", number);
  }
  if (!record.no_reply && dice_.chance(300)) co_await await_answer(server, record.session, *admitted);
}

Task<void> Clients::await_answer(Server& server, SessionId session, MessageId prompt) {
  const auto last = co_await server.host().answer(session, prompt);
  if (server.dead() || !last || server.stopping()) co_return;
  const Replica* replica = witness_.replicas.find(session);
  if (!replica) co_return;
  const auto answer = replica->messages.find(*last);
  const auto* assistant = answer == replica->messages.end() ? nullptr : std::get_if<AssistantMessage>(&answer->second);
  if (assistant && !assistant->completed && !world_.disk_failed) {
    world_.violation("{} was reported as the answer, but is not complete", last->value);
  }
}

Task<void> Clients::reply(Server& server, PermissionRequest request, ReplyPermission answer) {
  const Reply how = answer.reply;
  const PermissionId id = answer.request_id;
  const auto replied = co_await server.host().reply(std::move(answer));
  if (server.dead()) co_return;
  world_.note("reply {} to {}: {}", static_cast<int>(how), id.value, replied ? "ok" : replied.error().message);
  if (!replied) co_return;
  world_.counts["replies"]++;
  if (request.id.empty()) co_return world_.violation("an answer to a request that nobody made was accepted");
  if (world_.requests.contains(id))
    world_.violation("the answer to {} was acknowledged before it was stored", id.value);
  if (how != Reply::reject) co_return;
  for (const std::string& key : request.patterns) {
    world_.rejected.insert(key);
    if (world_.effects.contains(key)) world_.violation("{} was refused after it had happened", key);
  }
}

Task<void> Clients::answer(Server& server, QuestionRequest request, std::optional<std::string> label) {
  ReplyQuestion command{.request_id = request.id};
  if (label) command.answers = Answers{{*label}};
  const auto replied = co_await server.host().reply(std::move(command));
  if (server.dead()) co_return;
  world_.note("answer {} to {}: {}", label.value_or("none"), request.id.value,
              replied ? "ok" : replied.error().message);
  if (!replied) co_return;
  world_.counts["answers"]++;
  if (world_.questions.contains(request.id))
    world_.violation("the answer to {} was acknowledged before it was stored", request.id.value);
  const QuestionId id = request.id;
  if (!world_.answered.try_emplace(id, AnsweredQuestion{std::move(request), label}).second)
    world_.violation("question {} was answered twice", id.value);
}

Task<void> Clients::remove(Server& server, SessionId id) {
  // Its children go with it.
  std::vector<SessionId> family{id};
  for (std::size_t i = 0; i < family.size(); ++i) {
    for (const auto& [other, replica] : witness_.replicas.all()) {
      if (replica.state.session.parent_id == family[i]) family.push_back(other);
    }
  }
  for (const SessionId& each : family) world_.sessions[each].delete_asked = true;
  const auto removed = co_await server.host().remove(id);
  if (server.dead()) co_return;
  world_.note("delete {}: {}", id.value, removed ? "ok" : removed.error().message);
  if (!removed) co_return;
  world_.sessions[id].deleted = true;
  if (witness_.replicas.find(id))
    world_.violation("the deletion of {} was acknowledged before it was stored", id.value);
  for (const auto& [pid, process] : world_.processes) {
    if (process.owner == id.value) world_.violation("process {} survives its session {}", pid, id.value);
  }
}

Task<void> Clients::fork(Server& server, SessionId id, std::optional<MessageId> before) {
  const auto made = co_await server.host().fork(id, std::move(before));
  if (server.dead() || !made) co_return;
  world_.note("forked {} as {}", id.value, made->id.value);
  world_.counts["forks"]++;
  if (!witness_.replicas.find(made->id))
    world_.violation("the fork {} was acknowledged before it was stored", made->id.value);
  world_.sessions[made->id].id = made->id;
}

Task<void> Clients::rename(Server& server, SessionId id) {
  const std::string title = fmt::format("title {}", dice_.between(0, 1000));
  UpdateSession command{.title = title};
  const auto updated = co_await server.host().update(id, std::move(command));
  if (!server.dead()) world_.note("rename {}: {}", id.value, updated ? "ok" : updated.error().message);
}

Task<void> Clients::edit(Server& server, SessionId id) {
  const Replica* replica = witness_.replicas.find(id);
  if (!replica || replica->messages.empty()) co_return;
  auto message = replica->messages.begin();
  std::advance(message, dice_.between(0, static_cast<std::int64_t>(replica->messages.size()) - 1));
  const MessageId message_id = message->first;
  const auto* assistant = std::get_if<AssistantMessage>(&message->second);
  const MessageId prompt = assistant ? assistant->parent_id : message_id;
  // Whether it works or not: what it touched is no longer checked for its answer.
  world_.edited.insert(prompt);
  const auto parts = replica->parts.find(message_id);
  if (dice_.chance(500) || parts == replica->parts.end() || parts->second.empty()) {
    const auto removed = co_await server.host().remove_message(id, message_id);
    if (!server.dead()) world_.note("remove {}: {}", message_id.value, removed ? "ok" : removed.error().message);
  } else {
    const Part part = parts->second.begin()->second;
    if (dice_.chance(500)) {
      const auto removed = co_await server.host().remove_part(id, message_id, part.id);
      if (!server.dead()) world_.note("remove {}: {}", part.id.value, removed ? "ok" : removed.error().message);
    } else {
      const auto updated = co_await server.host().update_part(part);
      if (!server.dead()) world_.note("update {}: {}", part.id.value, updated ? "ok" : updated.error().message);
    }
  }
}

// A prompt that waits is taken back. When it is gone, it was never answered.
Task<void> Clients::withdraw(Server& server, SessionId id) {
  const auto waiting = server.host().waiting(id);
  if (waiting.empty()) co_return;
  const MessageId message = dice_.pick(waiting).message;
  world_.edited.insert(message);
  const auto withdrawn = co_await server.host().withdraw(id, message);
  if (server.dead()) co_return;
  world_.note("withdraw {}: {}", message.value, withdrawn ? "ok" : withdrawn.error().message);
  const Replica* replica = witness_.replicas.find(id);
  if (withdrawn && replica && std::ranges::find(replica->begun, message) != replica->begun.end()) {
    world_.violation("{} was withdrawn and had a turn", message.value);
  }
}

Task<void> Clients::shell(Server& server, SessionId id) {
  RunShell command{.agent = "build", .command = fmt::format("sleep {}", dice_.between(0, 100))};
  const auto ran = co_await server.host().shell(id, std::move(command));
  if (!server.dead()) world_.note("shell in {}: {}", id.value, ran ? "ok" : ran.error().message);
}

// Somebody who comes late sees the whole of what is streaming.
Task<void> Clients::read(Server& server, SessionId id) {
  const auto streaming = world_.streaming.find(id);
  const std::string sent = streaming == world_.streaming.end() ? std::string() : streaming->second.text;
  co_await server.host().settle(id);
  if (server.dead() || sent.empty() || world_.disk_failed) co_return;
  const auto history = server.query().history(id);
  if (!history) co_return;
  for (const MessageWithParts& message : *history) {
    for (const Part& part : message.parts) {
      const auto* text = std::get_if<TextPart>(&part.content);
      if (text && text->text.starts_with(sent)) co_return;
    }
  }
  // A failed attempt takes its text back.
  const auto now = world_.streaming.find(id);
  if (now == world_.streaming.end() || !now->second.text.starts_with(sent)) co_return;
  world_.violation("a late reader of {} does not see the {} bytes that were streamed", id.value, sent.size());
}

}  // namespace quarterdeck::simulation
