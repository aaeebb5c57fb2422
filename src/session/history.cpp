#include "session/history.hpp"

#include <algorithm>

#include "session/context.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};

// The order of the store's answers.
bool comes_before(const Message& a, const Message& b) {
  if (created_of(a) != created_of(b)) return created_of(a) < created_of(b);
  return id_of(a) < id_of(b);
}

std::size_t text_bytes(const PartContent& content) {
  const auto of_call = [](const ToolPart& call) {
    return std::visit(overloaded{
                          [](const ToolPending& s) { return s.input.text.size() + s.raw.size(); },
                          [](const ToolRunning& s) { return s.input.text.size(); },
                          [](const ToolCompleted& s) {
                            std::size_t bytes = s.input.text.size() + s.output.size() + s.metadata.text.size();
                            for (const Attachment& file : s.attachments) bytes += file.url.size();
                            return bytes;
                          },
                          [](const ToolError& s) { return s.input.text.size() + s.error.size(); },
                      },
                      call.state);
  };
  return std::visit(overloaded{
                        [](const TextPart& p) { return p.text.size(); },
                        [](const ReasoningPart& p) { return p.text.size(); },
                        [](const FilePart& p) { return p.url.size(); },
                        of_call,
                        [](const OtherPart& p) { return p.members.text.size(); },
                        [](const auto&) { return std::size_t{0}; },
                    },
                    content);
}

constexpr std::size_t kIdsBytes = 3 * 48;  // of one part, on the heap

}  // namespace

// ------------------------------------------------------------------------------------------------ one message

const HistoryMessage::Said& HistoryMessage::said() const {
  if (!said_) {
    said_.emplace();
    for (llm::ChatMessage& message : render(message_)) {
      said_->push_back(std::make_shared<const llm::ChatMessage>(std::move(message)));
    }
  }
  return *said_;
}

std::size_t HistoryMessage::bytes() const {
  std::size_t bytes = sizeof *this + kIdsBytes;
  // Three times: the part, what is said of it, and that as it was written last.
  for (const Part& part : message_.parts) bytes += sizeof part + kIdsBytes + 3 * text_bytes(part.content);
  return bytes;
}

// ------------------------------------------------------------------------------------------------ all of them

History::History(std::vector<MessageWithParts> messages) {
  for (MessageWithParts& message : messages) {
    newest_ = std::max(newest_, id_of(message.info));
    bytes_ += messages_.emplace_back(std::move(message)).bytes();
  }
}

// From the back: what is asked for is nearly always new.
std::size_t History::place_of(const MessageId& id) const {
  for (std::size_t place = messages_.size(); place-- > 0;) {
    if (id_of(messages_[place].info()) == id) return place;
  }
  return messages_.size();
}

const HistoryMessage* History::find(const MessageId& id) const {
  const std::size_t place = place_of(id);
  return place < messages_.size() ? &messages_[place] : nullptr;
}

// What is settled is over: only a prompt that is settled itself has its answers there.
std::size_t History::answers_from(const MessageId& prompt) const {
  const std::size_t settled = settled_.end();
  return place_of(prompt) < settled ? 0 : settled;
}

HistoryMessage* History::changing(const MessageId& id) {
  const std::size_t place = place_of(id);
  if (place == messages_.size()) return nullptr;
  settled_.forget_from(place);
  return &messages_[place];
}

void History::apply(const Event& event) {
  std::visit(overloaded{
                 [&](const MessageUpdated& e) { put(e.info); },
                 [&](const MessageRemoved& e) { remove(e.message_id); },
                 [&](const PartUpdated& e) { put(e.part); },
                 [&](const PartRemoved& e) { remove(e); },
                 [&](const PartAppended& e) { append(e); },
                 [&](const SessionDeleted&) {
                   messages_.clear();
                   settled_.begin_at(0);
                   bytes_ = 0;
                 },
                 // No message changes by these.
                 [](const SessionCreated&) {},
                 [](const SessionUpdated&) {},
                 [](const PromptAdmitted&) {},
                 [](const TurnStarted&) {},
                 [](const TurnEnded&) {},
                 [](const ToolStarted&) {},
                 [](const PermissionAsked&) {},
                 [](const PermissionReplied&) {},
                 [](const QuestionAsked&) {},
                 [](const QuestionReplied&) {},
                 [](const QuestionRejected&) {},
                 [](const RulesSaved&) {},
                 [](const TodoUpdated&) {},
                 [](const SessionFailed&) {},
                 [](const KeyUsed&) {},
                 [](const RecordPut&) {},
             },
             event);
}

void History::put(const Message& info) {
  const bool is_newest = newest_ < id_of(info);
  if (is_newest) newest_ = id_of(info);
  MessageWithParts message{info, {}};
  if (HistoryMessage* known = is_newest ? nullptr : changing(id_of(info))) {
    if (created_of(known->info()) == created_of(info)) {
      known->change().info = info;
      return;
    }
    bytes_ -= std::min(bytes_, known->bytes());
    message.parts = known->parts();
    erase(id_of(info));
  }
  HistoryMessage added(std::move(message));
  bytes_ += added.bytes();
  // New messages belong at the end, unless their clock was behind.
  auto at = messages_.end();
  while (at != messages_.begin() && comes_before(info, std::prev(at)->info())) --at;
  settled_.forget_from(static_cast<std::size_t>(at - messages_.begin()));
  messages_.insert(at, std::move(added));
}

void History::remove(const MessageId& id) {
  const HistoryMessage* known = changing(id);
  if (!known) return;
  bytes_ -= std::min(bytes_, known->bytes());
  erase(id);
}

void History::erase(const MessageId& id) {
  messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(place_of(id)));
}

void History::put(const Part& part) {
  HistoryMessage* message = changing(part.message_id);
  if (!message) return;
  bytes_ -= std::min(bytes_, message->bytes());
  std::vector<Part>& parts = message->change().parts;
  const auto at = std::ranges::lower_bound(parts, part.id, {}, &Part::id);
  if (at != parts.end() && at->id == part.id) {
    *at = part;
  } else {
    parts.insert(at, part);
  }
  bytes_ += message->bytes();
}

void History::remove(const PartRemoved& removed) {
  HistoryMessage* message = changing(removed.message_id);
  if (!message) return;
  bytes_ -= std::min(bytes_, message->bytes());
  std::erase_if(message->change().parts, [&](const Part& part) { return part.id == removed.part_id; });
  bytes_ += message->bytes();
}

void History::append(const PartAppended& appended) {
  HistoryMessage* message = changing(appended.message_id);
  if (!message) return;
  for (Part& part : message->change().parts) {
    if (part.id != appended.part_id) continue;
    std::string* text = nullptr;
    if (auto* said = std::get_if<TextPart>(&part.content)) text = &said->text;
    if (auto* thought = std::get_if<ReasoningPart>(&part.content)) text = &thought->text;
    if (!text) continue;
    *text += appended.text;
    bytes_ += 3 * appended.text.size();
  }
}

}  // namespace quarterdeck::session
