// Messages and their parts, in OpenCode's shapes. A user message starts a turn; each model call of the turn is one
// assistant message whose parent is that user message.
//
//   part of a tool call:  pending -> running -> completed | error
//
// Optional members are absent on the wire when empty. Times are milliseconds since the epoch.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/json_text.hpp"
#include "domain/model.hpp"

namespace quarterdeck::domain {

// Why an assistant message ended without its answer. `name` is one of OpenCode's: APIError, MessageAbortedError,
// UnknownError, ProviderAuthError, MessageOutputLengthError, ContextOverflowError, ContentFilterError,
// StructuredOutputError.
struct MessageError {
  std::string name;
  std::string message;
  std::optional<int> status_code;      // APIError: the provider's HTTP status
  std::optional<bool> retryable;       // APIError
  std::optional<std::string> response_body;  // APIError: bounded
  std::optional<int> retries;  // StructuredOutputError
  bool operator==(const MessageError&) const = default;
};

struct UserMessage {
  MessageId id;
  SessionId session_id;
  TimeMs created = 0;
  std::string agent;
  ModelRef model;
  std::optional<std::string> system;  // extra instructions for this turn
  std::optional<JsonText> tools;      // {"name": false} switches a tool off for this turn
  std::optional<JsonText> format;     // structured output request
  std::optional<JsonText> summary;    // {"diffs": […]}
  bool operator==(const UserMessage&) const = default;
};

struct AssistantMessage {
  MessageId id;
  SessionId session_id;
  MessageId parent_id;
  TimeMs created = 0;
  std::optional<TimeMs> completed;
  std::string model_id;
  std::string provider_id;
  std::optional<std::string> variant;
  std::string mode;   // the agent's name again; OpenCode has both
  std::string agent;
  std::string cwd;    // path.cwd
  std::string root;   // path.root
  double cost = 0;
  Tokens tokens;
  std::optional<std::string> finish;  // stop | tool-calls | length | content-filter | error | unknown
  std::optional<MessageError> error;
  std::optional<bool> summary;
  std::optional<JsonText> structured;  // the answer in the form that `format` asked for
  bool operator==(const AssistantMessage&) const = default;
};

using Message = std::variant<UserMessage, AssistantMessage>;

const MessageId& id_of(const Message& message);
const SessionId& session_of(const Message& message);
TimeMs created_of(const Message& message);

struct Span {
  TimeMs start = 0;
  std::optional<TimeMs> end;
  bool operator==(const Span&) const = default;
};

struct TextPart {
  std::string text;
  std::optional<bool> synthetic;  // written by us, not by the user
  std::optional<bool> ignored;    // shown, but not sent to the model
  std::optional<Span> time;
  std::optional<JsonText> metadata;
  bool operator==(const TextPart&) const = default;
};

struct ReasoningPart {
  std::string text;
  Span time;
  std::optional<JsonText> metadata;
  bool operator==(const ReasoningPart&) const = default;
};

struct FilePart {
  std::string mime;
  std::optional<std::string> filename;
  std::string url;  // data: or file:
  std::optional<JsonText> source;
  bool operator==(const FilePart&) const = default;
};

struct AgentPart {
  std::string name;
  std::optional<JsonText> source;
  bool operator==(const AgentPart&) const = default;
};

// Work that the prompt gives to a subagent: done by a `task` call before the model is asked anything.
struct SubtaskPart {
  std::string prompt;
  std::string description;
  std::string agent;
  std::optional<ModelRef> model;
  std::optional<std::string> command;  // the slash command that it came from
  bool operator==(const SubtaskPart&) const = default;
};

struct StepStartPart {
  std::optional<std::string> snapshot;
  bool operator==(const StepStartPart&) const = default;
};

struct StepFinishPart {
  std::string reason;
  std::optional<std::string> snapshot;
  double cost = 0;
  Tokens tokens;
  bool operator==(const StepFinishPart&) const = default;
};

struct PatchPart {
  std::string hash;
  std::vector<std::string> files;  // absolute
  bool operator==(const PatchPart&) const = default;
};

// A user message of this one part asks for a summary of all that was said before it.
struct CompactionPart {
  bool automatic = false;                 // "auto": the context was full
  std::optional<bool> overflow;           // the provider refused what was sent
  std::optional<MessageId> tail_start_id; // from here on the messages stay beside the summary
  bool operator==(const CompactionPart&) const = default;
};

// The model's arguments are still arriving, or wait for their turn.
struct ToolPending {
  JsonText input{"{}"};
  std::string raw;
  bool operator==(const ToolPending&) const = default;
};

// Committed before the tool starts: after a crash it means "requested, outcome unknown".
struct ToolRunning {
  JsonText input{"{}"};
  std::optional<std::string> title;
  std::optional<JsonText> metadata;
  TimeMs start = 0;
  bool operator==(const ToolRunning&) const = default;
};

// A file that a tool gives to the model beside its text (an image it read).
struct Attachment {
  PartId id;
  std::string mime;
  std::string url;
  bool operator==(const Attachment&) const = default;
};

struct ToolCompleted {
  JsonText input{"{}"};
  std::string output;
  std::string title;
  JsonText metadata{"{}"};
  TimeMs start = 0;
  TimeMs end = 0;
  std::vector<Attachment> attachments;
  std::optional<TimeMs> compacted;  // since when the model is no longer shown its output
  bool operator==(const ToolCompleted&) const = default;
};

struct ToolError {
  JsonText input{"{}"};
  std::string error;
  std::optional<JsonText> metadata;
  TimeMs start = 0;
  TimeMs end = 0;
  bool operator==(const ToolError&) const = default;
};

using ToolState = std::variant<ToolPending, ToolRunning, ToolCompleted, ToolError>;

struct ToolPart {
  std::string call_id;  // the model's id of the call
  std::string tool;
  ToolState state;
  std::optional<JsonText> metadata;
  bool operator==(const ToolPart&) const = default;
};

// A part of a kind that this version does not act on (retry, snapshot…): kept and shown as it came.
struct OtherPart {
  std::string type;
  JsonText members{"{}"};  // everything except id, sessionID, messageID and type
  bool operator==(const OtherPart&) const = default;
};

using PartContent = std::variant<TextPart, ReasoningPart, FilePart, AgentPart, SubtaskPart, StepStartPart,
                                 StepFinishPart, PatchPart, ToolPart, CompactionPart, OtherPart>;

struct Part {
  PartId id;
  SessionId session_id;
  MessageId message_id;
  PartContent content;
  bool operator==(const Part&) const = default;
};

struct MessageWithParts {
  Message info;
  std::vector<Part> parts;
  bool operator==(const MessageWithParts&) const = default;
};

}  // namespace quarterdeck::domain
