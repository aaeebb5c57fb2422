// What the encoders of all protocols need to know about a request. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "llm/protocol/json_out.hpp"
#include "llm/provider.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::protocol {

// The options of a request: those that a protocol knows are taken by name; what is left and is written in the wire's
// way (no capital letters) goes into the body as it is, so that new members need no new release.
class Options {
 public:
  explicit Options(const ModelRequest& request);
  const wire::Json* take(std::string_view name);
  std::string take_text(std::string_view name);
  // What nobody took and `body` does not hold yet.
  void write_rest(JsonOut& body, const std::set<std::string, std::less<>>& taken) const;

 private:
  wire::JsonObject object_;
  std::set<std::string, std::less<>> seen_;
};

std::string_view wire_model(const ModelRequest& request);
// The texts of the system messages, one after the other.
std::string system_text(const ModelRequest& request);
// Whether the model of this request said it: only then may metadata go back.
bool own_words(const ChatMessage& message, const ModelRequest& request);
bool holds_calls(const ChatMessage& message);

// The messages without the system's; where no tools are offered but calls stand in the history, these become text,
// because typed protocols refuse calls of tools that nobody declared.
ChatMessages spoken(const ModelRequest& request);

// Of a data: URL. Empty when it is not base64.
std::string_view base64_of(std::string_view data_url);
// What stands for a file that this model does not take.
std::string not_shown(const FileContent& file);

// `id` as a protocol takes it: only [a-zA-Z0-9_-], at most `bytes_max`; different ids stay different.
std::string call_id(std::string_view id, std::size_t bytes_max = 64);

// An object, also when the model wrote something else.
std::string object_text(const domain::JsonText& json);

}  // namespace quarterdeck::llm::protocol
