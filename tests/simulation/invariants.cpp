#include "invariants.hpp"

#include <algorithm>
#include <charconv>

#include "wire/event.hpp"

namespace quarterdeck::simulation {

using namespace domain;

namespace {

// Streamed text is stored after 250 ms; two timers and two commits may lie between.
constexpr std::int64_t kTextLossMs = 250;

void check_log(World& world, store::Query& query) {
  const auto log = query.events_after(0, 1'000'000);
  if (!log) return world.violation("the log cannot be read: {}", log.error().message);
  Replicas from_log;
  store::Seq last = 0;
  for (const store::StoredEvent& stored : *log) {
    if (stored.seq <= last) world.violation("the log has event {} after {}", stored.seq, last);
    last = stored.seq;
    const auto event = wire::decode_event(stored.type, wire::kEventVersion, *stored.properties);
    if (!event) return world.violation("event {} cannot be read: {}", stored.seq, event.error().message);
    from_log.apply(stored.session, *event);
  }
  for (const auto& [id, replica] : from_log.all()) {
    if (const auto different = difference(replica, query, id); !different.empty()) {
      world.violation("the log of {} replays to something else: {}", id.value, different);
    }
  }
}

void check_part(World& world, const SessionId& session, const Part& part) {
  if (const auto* call = std::get_if<ToolPart>(&part.content)) {
    const bool open =
        std::holds_alternative<ToolPending>(call->state) || std::holds_alternative<ToolRunning>(call->state);
    if (open) world.violation("the call {} of {} is still open in {}", part.id.value, call->tool, session.value);
    const auto* done = std::get_if<ToolCompleted>(&call->state);
    if (done && done->output.starts_with("noted ") && world.effects[done->output.substr(6)] != 1) {
      world.violation("{} is reported as done and happened {} times", done->output,
                      world.effects[done->output.substr(6)]);
    }
  } else if (const auto* text = std::get_if<TextPart>(&part.content)) {
    if (text->time && !text->time->end) world.violation("text {} has no end in {}", part.id.value, session.value);
  } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part.content)) {
    if (!reasoning->time.end) world.violation("reasoning {} has no end in {}", part.id.value, session.value);
  }
}

// "re #12# …" belongs under prompt 12.
void check_answer(World& world, const Replica& replica, const AssistantMessage& answer) {
  const auto parts = replica.parts.find(answer.id);
  if (parts == replica.parts.end()) return;
  for (const auto& [id, part] : parts->second) {
    const auto* text = std::get_if<TextPart>(&part.content);
    if (!text || !text->text.starts_with("re #")) continue;
    std::size_t number = 0;
    const char* const text_end = text->text.data() + text->text.size();
    const auto [end, error] = std::from_chars(text->text.data() + 4, text_end, number);
    if (error != std::errc{} || end == text_end || *end != '#') continue;  // cut off
    const auto asked = replica.parts.find(answer.parent_id);
    const std::string wanted = fmt::format("#{}#", number);
    // A conversation that was summarised goes on under a message that is nobody's prompt.
    const bool own = asked == replica.parts.end() || std::ranges::none_of(asked->second, [&](const auto& entry) {
                       const auto* said = std::get_if<TextPart>(&entry.second.content);
                       return said && said->text.starts_with('#') && !said->text.starts_with(wanted);
                     });
    if (!own && !world.edited.contains(answer.parent_id)) {
      world.violation("the answer {} to #{} lies under {}", answer.id.value, number, answer.parent_id.value);
    }
  }
}

void check_session(World& world, const Replica& replica, const SessionId& id) {
  if (replica.state.turn) world.violation("the turn of {} in {} never ended", replica.state.turn->value, id.value);
  if (!replica.state.inbox.empty())
    world.violation("{} prompts still wait in {}", replica.state.inbox.size(), id.value);
  for (const auto& [request_id, request] : replica.state.requests) {
    world.violation("request {} of {} is open and nobody waits for it", request_id.value, id.value);
  }
  for (const auto& [question_id, request] : replica.state.questions) {
    world.violation("question {} of {} is open and nobody waits for it", question_id.value, id.value);
  }
  for (const MessageId& prompt : replica.admitted) {
    if (replica.messages.contains(prompt) && !replica.ended.contains(prompt) && !world.edited.contains(prompt)) {
      world.violation("prompt {} of {} was admitted and had no turn", prompt.value, id.value);
    }
  }
  for (const auto& [message_id, message] : replica.messages) {
    const auto* answer = std::get_if<AssistantMessage>(&message);
    if (!answer) continue;
    if (!answer->completed) world.violation("message {} of {} is still open", message_id.value, id.value);
    check_answer(world, replica, *answer);
  }
  for (const auto& [message_id, parts] : replica.parts) {
    for (const auto& [part_id, part] : parts) check_part(world, id, part);
  }
  for (const auto& [prompt, turns] : replica.ended) {
    if (turns > 1) world.violation("prompt {} of {} had {} turns", prompt.value, id.value, turns);
  }
  for (const MessageId& prompt : replica.out_of_turn) {
    world.violation("the turn of {} in {} began out of order", prompt.value, id.value);
  }
}

void check_prompt(World& world, const Witness& witness, const PromptRecord& prompt) {
  const SessionRecord& session = world.sessions[prompt.session];
  if (world.edited.contains(prompt.id) || session.delete_asked) return;
  const Replica* replica = witness.replicas.find(prompt.session);
  if (!replica) return;
  const auto said = replica->parts.find(prompt.id);
  const std::string wanted = fmt::format("#{}# please", prompt.number);
  const bool kept = said != replica->parts.end() && std::ranges::any_of(said->second, [&](const auto& entry) {
                      const auto* text = std::get_if<TextPart>(&entry.second.content);
                      return text && text->text == wanted;
                    });
  if (!replica->messages.contains(prompt.id) || !kept || said->second.size() != (prompt.subtask ? 2u : 1u)) {
    return world.violation("the acknowledged prompt #{} is lost or changed", prompt.number);
  }
  if (prompt.no_reply) return;
  const auto turns = replica->ended.find(prompt.id);
  if (turns == replica->ended.end()) return world.violation("the acknowledged prompt #{} had no turn", prompt.number);
  const bool answered = std::ranges::any_of(replica->messages, [&](const auto& entry) {
    const auto* answer = std::get_if<AssistantMessage>(&entry.second);
    return answer && answer->parent_id == prompt.id;
  });
  if (!answered) world.violation("the acknowledged prompt #{} has no answer", prompt.number);
}

// What somebody said is what the call that asked was told.
void check_question(World& world, const Witness& witness, const AnsweredQuestion& answered) {
  const Replica* replica = witness.replicas.find(answered.request.session_id);
  if (!replica || !answered.request.tool) return;
  const auto parts = replica->parts.find(answered.request.tool->message_id);
  if (parts == replica->parts.end()) return;
  for (const auto& [id, part] : parts->second) {
    const auto* call = std::get_if<ToolPart>(&part.content);
    const auto* done = call ? std::get_if<ToolCompleted>(&call->state) : nullptr;
    if (!done || call->call_id != answered.request.tool->call_id) continue;
    if (!answered.label) {
      world.violation("question {} was dismissed and is reported as answered", answered.request.id.value);
    } else if (!done->output.contains('"' + *answered.label + '"')) {
      world.violation("question {} was answered with {}, not: {}", answered.request.id.value, *answered.label,
                      done->output);
    }
  }
}

// What worked in the background was reported once for each time that it was given work; children end with their parent.
void check_child(World& world, const Witness& witness, const Replica& child, const SessionId& id) {
  if (!child.state.session.parent_id) return;
  const SessionId& parent_id = *child.state.session.parent_id;
  const Replica* parent = witness.replicas.find(parent_id);
  if (!parent) return world.violation("session {} has outlived {}, its parent", id.value, parent_id.value);
  std::size_t started = 0;
  for (const auto& [message, parts] : parent->parts) {
    for (const auto& [part_id, part] : parts) {
      const auto* call = std::get_if<ToolPart>(&part.content);
      const auto* done = call ? std::get_if<ToolCompleted>(&call->state) : nullptr;
      if (done && done->output.starts_with(fmt::format("<task id=\"{}\" state=\"running\"", id.value))) ++started;
    }
  }
  const auto found = parent->told.find(id);
  // After an overflow the engine says the report again itself; that is no second one.
  const auto told =
      found == parent->told.end() ? 0 : std::ranges::count_if(found->second, [&](const MessageId& message) {
        return std::ranges::find(parent->admitted, message) != parent->admitted.end();
      });
  if (started > 0 && told == 0) world.violation("nobody was told of the task {} in {}", id.value, parent_id.value);
  // A child that was made and got no prompt before the end of the server is reported as failed.
  if (told > std::max<std::ptrdiff_t>(std::ssize(child.admitted), 1))
    world.violation("{} was told {} times of {}", parent_id.value, told, id.value);
}

}  // namespace

void check_stored(World& world, const Witness& witness, store::Query& query) {
  const bool tampered = world.sabotage != Sabotage::none;
  if (tampered) return;  // then the other checks must see it
  for (const auto& [id, replica] : witness.replicas.all()) {
    if (const auto different = difference(replica, query, id); !different.empty()) {
      world.violation("what is stored of {} is not what was committed: {}", id.value, different);
    }
  }
  const auto sessions = query.sessions({.limit = 1'000'000});
  if (sessions && sessions->size() != witness.replicas.all().size()) {
    world.violation("{} sessions are stored, not {}", sessions->size(), witness.replicas.all().size());
  }
  check_log(world, query);
}

void check_cut_streams(World& world, const Witness& witness) {
  const auto cut = std::exchange(world.cut_streams, {});
  if (world.disk_failed) return;
  for (const auto& [id, streaming] : cut) {
    const Replica* replica = witness.replicas.find(id);
    if (!replica || !replica->state.turn) continue;
    const std::int64_t old_enough = world.now_ms - kTextLossMs - 2 * world.profile.commit_delay_ms - 10;
    std::size_t promised = 0;
    for (const auto& [at_ms, length] : streaming.sent) {
      if (at_ms < old_enough) promised = length;
    }
    std::size_t kept = 0;
    for (const auto& [message, parts] : replica->parts) {
      for (const auto& [part_id, part] : parts) {
        const auto* text = std::get_if<TextPart>(&part.content);
        if (text && text->time && streaming.text.starts_with(text->text)) kept = std::max(kept, text->text.size());
      }
    }
    if (kept < promised) {
      world.violation("of the text streamed in {}, {} bytes were kept, not the {} that are older than 250 ms", id.value,
                      kept, promised);
    }
  }
}

void check_requests(World& world, const Witness& witness, store::Query& query, const Open& before) {
  if (world.profile.recovery != session::Recovery::resume) return;
  for (const auto& [id, request] : before.requests) {
    const Replica* replica = witness.replicas.find(request.session_id);
    if (!replica || !replica->state.requests.contains(id)) continue;  // answered since
    const auto row = query.request(id);
    if (!row || !row->open) world.violation("request {} did not outlive the restart", id.value);
  }
  for (const auto& [id, request] : before.questions) {
    const Replica* replica = witness.replicas.find(request.session_id);
    if (!replica || !replica->state.questions.contains(id)) continue;
    const auto row = query.question(id);
    if (!row || !row->open) world.violation("question {} did not outlive the restart", id.value);
  }
}

void check_memory(World& world, const Witness& witness, Server& server) {
  if (!witness.unacknowledged.empty() || world.sabotage != Sabotage::none) return;
  for (const auto& [id, replica] : witness.replicas.all()) {
    const session::State* state = server.host().settled_state(id);
    if (!state) continue;
    if (const auto different = difference(replica.state, *state); !different.empty()) {
      world.violation("the actor of {} knows something else than was committed: {}", id.value, different);
    }
  }
}

void check_at_rest(World& world, const Witness& witness, Server& server) {
  for (const auto& [id, record] : world.sessions) {
    const bool there = witness.replicas.find(id) != nullptr;
    if (there && record.deleted) world.violation("the deleted session {} is back", id.value);
    if (!there && !record.delete_asked) world.violation("session {} is lost", id.value);
  }
  for (const auto& [id, replica] : witness.replicas.all()) {
    check_session(world, replica, id);
    check_child(world, witness, replica, id);
  }
  for (const auto& [id, answered] : world.answered) check_question(world, witness, answered);
  for (const PromptRecord& prompt : world.prompts) {
    if (prompt.acknowledged) check_prompt(world, witness, prompt);
  }
  for (const auto& [pid, process] : world.processes) {
    if (!process.background) world.violation("process {} of {} is still running", pid, process.owner);
    if (!witness.replicas.find({process.owner})) world.violation("process {} has outlived its session", pid);
  }
  if (!server.host().busy().empty()) world.violation("a session is shown as busy although nothing runs");
  const auto left = server.query().sessions_with_work();
  if (!left || !left->empty()) world.violation("the tables say that there is work left");
  const auto tasks = server.query().background_tasks();
  if (!tasks || !tasks->empty()) world.violation("{} tasks have ended and nobody was told", tasks ? tasks->size() : 0);
  check_stored(world, witness, server.query());
}

}  // namespace quarterdeck::simulation
