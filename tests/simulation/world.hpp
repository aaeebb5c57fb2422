// What outlives a crash in a simulation: the seed's dice and profile, time, the trace, what clients were told, what
// tools did to the world, which processes live, and the violations found so far.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/id.hpp"
#include "dice.hpp"
#include "domain/command.hpp"
#include "domain/permission.hpp"
#include "domain/question.hpp"
#include "session/instance.hpp"
#include "virtual_loop.hpp"

namespace quarterdeck::simulation {

// A deliberate mistake, for the proof that the checks see it. Each stands for one that an engine could make.
enum class Sabotage {
  none,
  ack_before_commit,    // the store says "stored" before it is
  lost_queue,           // waiting prompts are gone after a restart
  reversed_queue,       // waiting prompts come back in another order
  forgotten_step,       // what was requested before a crash is forgotten, and asked for again
  forgotten_requests,   // open permission requests are gone after a restart
  forgotten_questions,  // open questions are gone after a restart
  untold_task,          // nobody is told of what worked in the background when the server ended
  forgotten_turn,       // a running turn is not taken up after a restart
  unpublished_event,    // one committed event is not shown to subscribers
  effect_before_asking, // the tool acts, then asks
  deaf_tool,            // a tool does not end when it is stopped
  deaf_model,           // a model call keeps no deadline
  surviving_process,    // a process outlives its stop and its owner
  number_used_twice,    // an event gets the number of another
};
const std::vector<std::pair<std::string_view, Sabotage>>& sabotages();

// How this seed's world is: calm or stormy, quick or slow. Chances in per mille.
struct Profile {
  explicit Profile(Dice& dice);
  int model_fault = 0;        // of a model call
  int disk_full = 0;          // of a commit: the disk is full from here for a while
  int crash = 0;              // of a callback of the loop, while the storm lasts
  int crash_at_commit = 0;    // of a commit, just before and just after it
  int planned_restart = 0;    // of what would be a crash: a SIGTERM instead
  int asking = 0;             // of a session: its tools need permission
  int clock_jump = 0;         // of an operation: the wall clock jumps before it
  int crashes_max = 0;
  int sessions = 0;
  int operations = 0;
  std::int64_t pool_delay_ms = 0;
  std::int64_t commit_delay_ms = 0;
  std::int64_t pause_ms = 0;  // between operations, at most
  Order order = Order::as_posted;
  session::Recovery recovery = session::Recovery::resume;
};

// Prompts that agents write for agents have numbers from here on; what tells of a task that has ended has this one.
inline constexpr int kFirstTask = 100'000;
inline constexpr int kTold = 99'999;

struct PromptRecord {
  int number = 0;  // its text is "#number# …"
  SessionId session;
  MessageId id;  // empty: the client gave none and has no answer yet
  std::string key;  // an idempotency key, instead of an id
  domain::Delivery delivery = domain::Delivery::queue;
  bool acknowledged = false;
  bool no_reply = false;
  bool subtask = false;  // it gives a task to a subagent itself
};

// What somebody was told to be the answer to a question; no label: dismissed.
struct AnsweredQuestion {
  domain::QuestionRequest request;
  std::optional<std::string> label;
};

struct SessionRecord {
  SessionId id;
  bool delete_asked = false;
  bool deleted = false;  // acknowledged
  bool edited = false;
};

struct ProcessRecord {
  std::string owner;
  bool background = false;
  bool stopped = false;  // somebody asked for its end
};

// A model answer on its way, as far as the provider has sent it.
struct Streaming {
  std::string text;
  std::vector<std::pair<std::int64_t, std::size_t>> sent;  // when, length of `text` then
};

class World {
 public:
  World(std::uint64_t seed_number, bool print_trace, Sabotage mistake);

  template <class... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    add_to_trace(fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void violation(fmt::format_string<Args...> format, Args&&... args) {
    add_violation(fmt::format(format, std::forward<Args>(args)...));
  }
  std::uint64_t trace_hash() const { return hash_; }

  // A tool did something to the world that must not be done twice.
  void effect(const std::string& key);
  // The number of a prompt that an agent writes, by where it writes it.
  int number_of(const std::string& place);
  PromptRecord& prompt(int number) { return prompts.at(static_cast<std::size_t>(number)); }
  // Dice of their own for what must come out the same whenever it is asked: what the model wants in a step.
  Dice dice_for(std::uint64_t number, std::uint64_t step) const;

  const std::uint64_t seed;
  Dice dice;
  const Sabotage sabotage;
  Profile profile;
  std::int64_t now_ms = 0;
  std::int64_t wall_offset_ms = 0;
  std::uint64_t callbacks = 0;
  bool storm = true;               // faults may happen
  bool disk_full = false;
  bool disk_failed = false;        // at least once: text on its way may be lost
  std::int64_t crashed_at_ms = 0;  // the last time

  std::vector<PromptRecord> prompts;
  std::set<MessageId> edited;  // prompts that somebody wanted taken back, or changed, or a part of their turn
  std::map<SessionId, SessionRecord> sessions;
  std::map<std::string, int> effects;
  std::set<std::string> rejected;  // keys of calls that were refused for good
  std::map<PermissionId, domain::PermissionRequest> requests;  // open ones, as committed
  std::map<QuestionId, domain::QuestionRequest> questions;     // likewise
  std::map<QuestionId, AnsweredQuestion> answered;
  std::map<std::int64_t, ProcessRecord> processes;
  std::int64_t next_pid = 100;
  std::map<SessionId, Streaming> streaming;
  std::map<SessionId, Streaming> cut_streams;  // what was streaming when the server crashed
  std::map<std::string, std::uint64_t> counts;  // of what happened, for the report
  std::vector<std::string> violations;

 private:
  void add_to_trace(const std::string& line);
  void add_violation(std::string text);
  std::map<std::string, int> numbers_;
  bool print_trace_;
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace quarterdeck::simulation
