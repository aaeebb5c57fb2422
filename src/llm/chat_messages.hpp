// What is said to a model: messages, what they are made of, and conversations that share their past.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "domain/json_text.hpp"

namespace quarterdeck::llm {

// `metadata` is what a provider wants back word for word with the piece that it came with (signatures, encrypted
// thoughts, item ids), as an object with the provider's key: {"anthropic": {"signature": "…"}}. Stored with the part.
using Metadata = std::optional<domain::JsonText>;

struct TextContent {
  std::string text;
  Metadata metadata = {};
  bool operator==(const TextContent&) const = default;
};
struct ReasoningContent {
  std::string text;
  Metadata metadata = {};
  bool operator==(const ReasoningContent&) const = default;
};
struct FileContent {  // an image or document, as a data: URL
  std::string mime;
  std::string url;
  std::optional<std::string> filename;
  bool operator==(const FileContent&) const = default;
};
struct ToolCallContent {
  std::string id;
  std::string name;
  domain::JsonText input{"{}"};
  Metadata metadata = {};
  bool operator==(const ToolCallContent&) const = default;
};
struct ToolResultContent {
  std::string id;
  std::string name;
  std::string output;
  bool error = false;
  std::vector<FileContent> files;
  bool operator==(const ToolResultContent&) const = default;
};
using Content = std::variant<TextContent, ReasoningContent, FileContent, ToolCallContent, ToolResultContent>;

enum class Role { system, user, assistant, tool };

// Law: every tool call of an assistant message is answered by one tool result before the next user or assistant message.
// Metadata goes back only to the model that gave it: to any other its signatures are noise, or an error.
struct ChatMessage {
  Role role = Role::user;
  std::vector<Content> content;
  std::string said_by = {};  // an assistant message's "provider/model"; empty = unknown
  bool operator==(const ChatMessage&) const = default;
};

// A conversation, oldest first. Copies share the messages, which never change, and its past in pieces: a request costs
// a pointer for each piece, however long the history behind it.
class ChatMessages {
 public:
  using Shared = std::shared_ptr<const ChatMessage>;

  // Many messages that the requests of many turns have in common; none of them is a system message, and the first is no
  // result of a tool. What an encoder wrote of them stays with them, for the next request. On the loop.
  class Past {
   public:
    explicit Past(std::vector<Shared> messages);
    const std::vector<Shared>& messages() const { return messages_; }
    bool has_files() const { return has_files_; }

    // What `write` returned when it was first called. `how` names all that this depends on besides the messages; who
    // wants them written in another way has them written again.
    template <class Write>
    const std::string& written(std::string_view how, Write write) const {
      if (written_how_ != how) {
        written_ = write();
        written_.shrink_to_fit();
        written_how_ = how;
      }
      return written_;
    }
    std::size_t written_bytes() const { return written_.size(); }

   private:
    std::vector<Shared> messages_;
    bool has_files_ = false;
    mutable std::string written_how_;
    mutable std::string written_;
  };

  ChatMessages() = default;
  ChatMessages(std::initializer_list<ChatMessage> messages) {
    for (const ChatMessage& message : messages) push_back(message);
  }
  ChatMessages(std::vector<ChatMessage> messages) {
    for (ChatMessage& message : messages) push_back(std::move(message));
  }

  void push_back(ChatMessage message) { push_back(std::make_shared<const ChatMessage>(std::move(message))); }
  void push_back(Shared message) { (past_.empty() ? first_ : last_).push_back(std::move(message)); }
  // Behind all pieces there are, before any message that stands behind one.
  void push_back(std::shared_ptr<const Past> piece);
  void append(ChatMessages more);

  bool empty() const { return size() == 0; }
  std::size_t size() const;
  const ChatMessage& operator[](std::size_t index) const { return *shared(index); }
  const Shared& shared(std::size_t index) const;
  const ChatMessage& front() const { return *begin(); }
  const ChatMessage& back() const { return *shared(size() - 1); }
  bool has_files() const;

  // For who writes a piece at a time: what stands before the pieces, they, what stands behind.
  const std::vector<Shared>& before_past() const { return first_; }
  const std::vector<std::shared_ptr<const Past>>& past() const { return past_; }
  const std::vector<Shared>& after_past() const { return last_; }

  class Iterator {
   public:
    using value_type = ChatMessage;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const ChatMessages* of, std::size_t run) : of_(of), run_(run) { skip_empty(); }
    const ChatMessage& operator*() const { return *shared(); }
    const ChatMessage* operator->() const { return shared().get(); }
    const Shared& shared() const { return of_->run(run_)[at_]; }
    Iterator& operator++() {
      ++at_;
      skip_empty();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    void skip_empty() {
      while (run_ < of_->runs() && at_ == of_->run(run_).size()) {
        ++run_;
        at_ = 0;
      }
    }

    const ChatMessages* of_ = nullptr;
    std::size_t run_ = 0;
    std::size_t at_ = 0;
  };
  using const_iterator = Iterator;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, runs()}; }

  friend bool operator==(const ChatMessages& a, const ChatMessages& b) { return std::ranges::equal(a, b); }

 private:
  std::size_t runs() const { return past_.size() + 2; }
  const std::vector<Shared>& run(std::size_t index) const {
    if (index == 0) return first_;
    return index <= past_.size() ? past_[index - 1]->messages() : last_;
  }

  std::vector<Shared> first_;
  std::vector<std::shared_ptr<const Past>> past_;
  std::vector<Shared> last_;
};

}  // namespace quarterdeck::llm
