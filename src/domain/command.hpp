// What surfaces ask of sessions. Plain values: decoded at the edge, decided by the session's actor.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/id.hpp"
#include "domain/delivery.hpp"
#include "domain/message.hpp"
#include "domain/permission.hpp"
#include "domain/record.hpp"
#include "domain/session.hpp"

namespace quarterdeck::domain {

struct CreateSession {
  std::optional<SessionId> id;  // the client's; one that exists is answered as it is
  std::string directory;  // absolute
  std::optional<SessionId> parent_id;
  std::optional<std::string> title;
  std::optional<std::string> agent;
  std::optional<ModelRef> model;
  std::optional<JsonText> metadata;
  std::optional<Ruleset> permission;
  std::optional<IdempotencyKey> key;
  std::vector<RecordPut> records;  // stored with it, in one commit
};

// Absent members stay as they are. `permission` is appended to the session's rules, as OpenCode does.
struct UpdateSession {
  std::optional<std::string> title;
  std::optional<Ruleset> permission;
  std::optional<JsonText> metadata;
  std::optional<std::string> agent;
  std::optional<ModelRef> model;
  std::optional<std::optional<TimeMs>> archived;
};

// A part of a prompt. The id is the client's, or absent.
struct PromptPart {
  std::optional<PartId> id;
  PartContent content;  // text, file, agent or other
};

struct Prompt {
  std::optional<MessageId> message_id;  // the client's, for idempotency; or absent
  std::optional<ModelRef> model;
  std::optional<std::string> variant;  // of the model, also when the prompt names none
  std::optional<std::string> agent;
  std::optional<std::string> system;
  std::optional<JsonText> tools;
  std::optional<JsonText> format;
  bool no_reply = false;
  std::vector<PromptPart> parts;
  Delivery delivery = Delivery::queue;
  bool wait_for_next = false;  // stored and left in the inbox: it runs with the next prompt
  std::optional<IdempotencyKey> key;
};

// A slash command with what was typed after it.
struct RunCommand {
  std::string command;
  std::string arguments;
  std::optional<std::string> agent;
  std::optional<ModelRef> model;
  std::optional<std::string> variant;
  std::optional<MessageId> message_id;
  std::vector<PromptPart> parts;  // files
};

// A command that the user runs in the session's directory.
struct RunShell {
  std::string agent;
  std::string command;
  std::optional<ModelRef> model;
  std::optional<MessageId> message_id;  // the client's, or absent
};

// Back to a message, or to a part of it.
struct RevertTo {
  MessageId message_id;
  std::optional<PartId> part_id;
};

// Asks for a summary that takes the place of what was said so far.
struct Summarize {
  ModelRef model;
  bool automatic = false;  // then the work goes on by itself
};

struct ReplyPermission {
  PermissionId request_id;
  Reply reply = Reply::once;
  std::optional<std::string> message;
};

}  // namespace quarterdeck::domain
