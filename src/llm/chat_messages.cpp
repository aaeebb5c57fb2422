#include "llm/chat_messages.hpp"

#include "base/result.hpp"

namespace quarterdeck::llm {

namespace {

bool holds_files(const ChatMessage& message) {
  return std::ranges::any_of(message.content, [](const Content& content) {
    const auto* result = std::get_if<ToolResultContent>(&content);
    return std::holds_alternative<FileContent>(content) || (result && !result->files.empty());
  });
}

bool any_holds_files(const std::vector<ChatMessages::Shared>& messages) {
  return std::ranges::any_of(messages, [](const auto& message) { return holds_files(*message); });
}

}  // namespace

ChatMessages::Past::Past(std::vector<Shared> messages)
    : messages_(std::move(messages)), has_files_(any_holds_files(messages_)) {
  ASSERT(!messages_.empty() && messages_.front()->role != Role::tool, "results stay with their calls");
}

void ChatMessages::push_back(std::shared_ptr<const Past> piece) {
  ASSERT(last_.empty(), "the past comes before what is said now");
  past_.push_back(std::move(piece));
}

void ChatMessages::append(ChatMessages more) {
  if (!past_.empty()) {  // there is room for one past
    for (auto message = more.begin(); message != more.end(); ++message) last_.push_back(message.shared());
    return;
  }
  first_.insert(first_.end(), std::make_move_iterator(more.first_.begin()), std::make_move_iterator(more.first_.end()));
  past_ = std::move(more.past_);
  last_ = std::move(more.last_);
}

std::size_t ChatMessages::size() const {
  std::size_t size = 0;
  for (std::size_t i = 0; i < runs(); ++i) size += run(i).size();
  return size;
}

const ChatMessages::Shared& ChatMessages::shared(std::size_t index) const {
  std::size_t at = 0;
  while (index >= run(at).size()) index -= run(at++).size();
  return run(at)[index];
}

bool ChatMessages::has_files() const {
  return any_holds_files(first_) || any_holds_files(last_) ||
         std::ranges::any_of(past_, [](const auto& piece) { return piece->has_files(); });
}

}  // namespace quarterdeck::llm
