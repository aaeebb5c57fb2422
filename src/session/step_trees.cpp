#include "session/step_trees.hpp"

#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;

std::optional<workspace::StepTrees> trees_of(const MessageWithParts& step) {
  workspace::StepTrees trees;
  for (const Part& part : step.parts) {
    if (const auto* start = std::get_if<StepStartPart>(&part.content); start && start->snapshot) {
      if (trees.before.empty()) trees.before = *start->snapshot;
    } else if (const auto* finish = std::get_if<StepFinishPart>(&part.content); finish && finish->snapshot) {
      trees.after = *finish->snapshot;
    } else if (const auto* other = std::get_if<OtherPart>(&part.content); other && other->type == "snapshot") {
      // A step that did not come to its end.
      const auto members = wire::parse(other->members.text);
      if (members) trees.after = wire::string_at(*members, "snapshot");
    }
  }
  if (trees.before.empty() || trees.after.empty()) return std::nullopt;
  return trees;
}

std::optional<workspace::StepTrees> span_of(const std::vector<MessageWithParts>& history,
                                            const std::function<bool(const MessageWithParts&)>& wanted) {
  std::optional<workspace::StepTrees> span;
  for (const MessageWithParts& message : history) {
    if (!std::holds_alternative<AssistantMessage>(message.info) || !wanted(message)) continue;
    auto trees = trees_of(message);
    if (!trees) continue;
    if (!span) span = trees;
    span->after = std::move(trees->after);
  }
  return span;
}

std::string diffs_json(const std::vector<workspace::FileChange>& changes) {
  std::string out = "[";
  for (const workspace::FileChange& change : changes) {
    if (out.size() > 1) out += ',';
    out += fmt::format(R"({{"file":{},"patch":{},"additions":{},"deletions":{},"status":"{}"}})",
                       wire::quoted(wire::valid_utf8(change.file)), wire::quoted(wire::valid_utf8(change.patch)),
                       change.additions, change.deletions, change.status);
  }
  return out + ']';
}

DiffSummary sum_of(const std::vector<workspace::FileChange>& changes) {
  DiffSummary sum{.files = static_cast<int>(changes.size())};
  for (const workspace::FileChange& change : changes) {
    sum.additions += static_cast<int>(change.additions);
    sum.deletions += static_cast<int>(change.deletions);
  }
  return sum;
}

}  // namespace quarterdeck::session
