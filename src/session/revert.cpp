#include "session/revert.hpp"

#include <algorithm>

#include "session/step_trees.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

bool says_something(const Part& part) {
  return std::holds_alternative<TextPart>(part.content) || std::holds_alternative<ToolPart>(part.content);
}

auto find_message(const std::vector<MessageWithParts>& history, const MessageId& id) {
  return std::ranges::find_if(history, [&](const MessageWithParts& message) { return id_of(message.info) == id; });
}

}  // namespace

std::optional<Revert> revert_point(const std::vector<MessageWithParts>& history, const MessageId& message,
                                   const std::optional<PartId>& part) {
  const MessageId* prompt = nullptr;
  for (const MessageWithParts& each : history) {
    const MessageId& id = id_of(each.info);
    if (std::holds_alternative<UserMessage>(each.info)) prompt = &id;
    const MessageId& whole = prompt ? *prompt : id;
    if (!part) {
      if (id == message) return Revert{.message_id = whole};
      continue;
    }
    const auto found = std::ranges::find(each.parts, *part, &Part::id);
    if (found == each.parts.end()) continue;
    if (std::any_of(each.parts.begin(), found, says_something)) return Revert{.message_id = id, .part_id = part};
    return Revert{.message_id = whole};
  }
  return std::nullopt;
}

std::vector<workspace::StepTrees> steps_behind(const std::vector<MessageWithParts>& history, const Revert& point) {
  std::vector<workspace::StepTrees> steps;
  for (auto at = find_message(history, point.message_id); at != history.end(); ++at) {
    if (auto trees = trees_of(*at)) steps.push_back(std::move(*trees));
  }
  std::ranges::reverse(steps);
  return steps;
}

bool is_behind(const std::vector<MessageWithParts>& history, const Revert& point, const MessageWithParts& message) {
  const auto from = find_message(history, point.message_id);
  return from != history.end() && find_message(history, id_of(message.info)) >= from;
}

std::vector<Event> removals(const std::vector<MessageWithParts>& history, const Revert& point) {
  std::vector<Event> events;
  auto at = find_message(history, point.message_id);
  if (at != history.end() && point.part_id) {
    const auto cut = std::ranges::find(at->parts, *point.part_id, &Part::id);
    for (auto part = cut; part != at->parts.end(); ++part) {
      events.push_back(PartRemoved{point.message_id, part->id});
    }
    ++at;
  }
  for (; at != history.end(); ++at) events.push_back(MessageRemoved{id_of(at->info)});
  return events;
}

}  // namespace quarterdeck::session
