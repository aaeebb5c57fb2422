#include "app/cli/turn.hpp"

#include <algorithm>

namespace quarterdeck::app {

void Turn::on(const LiveEvent& event) {
  if (const auto* created = std::get_if<domain::SessionCreated>(&event.fact)) {
    if (created->info.parent_id && concerns(*created->info.parent_id)) family_.insert(created->info.id);
  }
  if (event.session != session_) return;
  if (const auto* message = std::get_if<domain::MessageUpdated>(&event.fact)) {
    const auto* answer = std::get_if<domain::AssistantMessage>(&message->info);
    if (answer == nullptr || answer->parent_id != prompt_) return;
    Answer& known = answers_[answer->id];
    known.complete = known.complete || answer->completed.has_value();
    if (answer->error) error_ = known.error = answer->error;
  } else if (const auto* part = std::get_if<domain::PartUpdated>(&event.fact)) {
    const auto* finish = std::get_if<domain::StepFinishPart>(&part->part.content);
    if (finish != nullptr && answers_.contains(part->part.message_id)) steps_[part->part.id] = *finish;
  } else if (const auto* status = std::get_if<domain::StatusChanged>(&event.fact)) {
    idle_ = status->status.type == domain::Status::Type::idle;
    if (!idle_ && error_) busy_after_error_ = true;  // it goes on, with another prompt
  } else if (const auto* failed = std::get_if<domain::SessionFailed>(&event.fact)) {
    error_ = failed->error;
    busy_after_error_ = false;
  } else if (std::holds_alternative<domain::SessionDeleted>(event.fact)) {
    deleted_ = true;
  }
}

void Turn::on_status(bool idle) { idle_ = idle; }

bool Turn::over() const {
  if (deleted_) return true;
  if (!idle_) return false;
  if (!taken_up()) return error_.has_value();
  return std::all_of(answers_.begin(), answers_.end(), [](const auto& answer) { return answer.second.complete; });
}

domain::Tokens Turn::tokens() const {
  domain::Tokens sum;
  for (const auto& [id, step] : steps_) {
    sum.input += step.tokens.input;
    sum.output += step.tokens.output;
    sum.reasoning += step.tokens.reasoning;
    sum.cache_read += step.tokens.cache_read;
    sum.cache_write += step.tokens.cache_write;
  }
  return sum;
}

double Turn::cost() const {
  double sum = 0;
  for (const auto& [id, step] : steps_) sum += step.cost;
  return sum;
}

}  // namespace quarterdeck::app
