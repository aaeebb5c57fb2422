#include "session/task_record.hpp"

#include "wire/codec.hpp"

namespace quarterdeck::session {

template <class Io>
static void describe(Io& io, BackgroundTask& task) {
  io.field("parent", task.parent);
  io.field("prompt", task.prompt);
  io.field("description", task.description);
  io.field("delivery", task.delivery);
}
template <class Io>
static void describe(Io& io, TaskRecord& record) {
  io.field("prompt", record.prompt);
  io.field("deadline", record.deadline);
  io.field("steps", record.steps);
  io.field("tokens", record.tokens);
}

namespace {

// {"quarterdeck":{"task":{…},"background":{…}}}: the store finds open tasks by the second member.
struct Ours {
  std::optional<TaskRecord> task;
  std::optional<BackgroundTask> background;
};
template <class Io>
void describe(Io& io, Ours& ours) {
  io.field("task", ours.task);
  io.field("background", ours.background);
}

wire::JsonObject object_of(const std::optional<domain::JsonText>& metadata) {
  if (!metadata) return {};
  auto parsed = wire::parse(metadata->text);
  return parsed && parsed->is_object() ? std::move(parsed->get_object()) : wire::JsonObject{};
}

}  // namespace

TaskRecord task_record(const std::optional<domain::JsonText>& metadata) {
  const wire::JsonObject object = object_of(metadata);
  const wire::Json* ours = object.if_contains("quarterdeck");
  if (!ours || !ours->is_object()) return {};
  auto decoded = wire::decode<Ours>(*ours);
  if (!decoded) return {};  // a client wrote there
  TaskRecord record = decoded->task.value_or(TaskRecord{});
  record.background = std::move(decoded->background);
  return record;
}

domain::JsonText with_task_record(const std::optional<domain::JsonText>& metadata, const TaskRecord& record) {
  wire::JsonObject object = object_of(metadata);
  Ours ours{.task = record, .background = record.background};
  auto json = wire::parse(wire::encode(ours));
  wire::JsonObject& mine =
      object["quarterdeck"].is_object() ? object["quarterdeck"].get_object() : object["quarterdeck"].emplace_object();
  mine.erase("task");
  mine.erase("background");
  for (const auto& member : json->get_object()) mine[member.key()] = member.value();
  return wire::to_json_text(object);
}

std::int64_t tokens_used(const domain::Session& session) {
  const domain::Tokens& tokens = session.tokens;
  return tokens.input + tokens.output + tokens.reasoning + tokens.cache_read + tokens.cache_write;
}

}  // namespace quarterdeck::session
