// What happened in a session since a cursor, for whoever supervises it: made from events alone, deterministic, bounded.
// Law: the JSON of a digest is never longer than kBytesPerToken bytes a token that was asked for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/event.hpp"
#include "fleet/claims.hpp"
#include "fleet/fleet.hpp"

namespace quarterdeck::fleet {

inline constexpr std::size_t kBytesPerToken = 3;
inline constexpr std::int64_t kDigestTokensMin = 300;
inline constexpr std::int64_t kDigestTokensMax = 20'000;
inline constexpr std::int64_t kDigestTokens = 1'500;  // when nobody says

// A command that the server ran and that checks something.
struct SeenCheck {
  store::Seq seq = 0;
  CheckKind kind = CheckKind::test;
  std::string command;  // the whole line, shortened
  std::optional<int> exit;  // absent: it was ended
  bool decides = true;  // the exit code is this check's
  bool before_last_change = false;
};
struct SeenClaim {
  store::Seq seq = 0;
  std::string message;
  CheckKind kind = CheckKind::test;
  std::string sentence;
  bool verified = false;
  std::string why;
};
struct SeenCommit {
  store::Seq seq = 0;
  std::string hash;
  std::string subject;
  std::string stat;  // "2 files changed, 5 insertions(+)"
};
struct Said {
  store::Seq seq = 0;
  std::string id;
  std::string text;
};

// The events of a session, put together. Texts are shortened to what a digest could show.
struct Story {
  store::Seq newest = 0;  // the last event of the conversation
  std::vector<Said> asked;  // by people and systems
  std::vector<Said> decisions;  // answers to permissions and questions
  std::vector<Said> failures;  // of turns and of the session
  std::vector<SeenCheck> checks;
  std::vector<SeenClaim> claims;
  std::vector<SeenCommit> commits;
  Said answer;  // the newest
  std::optional<domain::JsonText> result;  // the newest that fits the handoff's result_schema
  std::map<std::string, int> calls;  // since the cursor, by tool
  int calls_failed = 0;
  int turns = 0;
  int steps = 0;
  std::map<std::string, store::Seq> files;  // that were written, with their newest change
  std::int64_t context_tokens = 0;  // of the newest step
  domain::Tokens tokens;  // since the cursor
  double cost = 0;
  std::vector<domain::Todo> todos;
};

// Feed it the events of the session, oldest first, all of them: a claim may rest on what came before `since`.
class StoryTeller {
 public:
  explicit StoryTeller(store::Seq since) : since_(since) {}
  // Skips what it has no use for without decoding it.
  void add(const store::StoredEvent& event);
  Story finish();

 private:
  void add_part(const store::StoredEvent& event);
  void add_text(store::Seq seq, const std::string& message, const std::string& text);
  void add_call(const store::StoredEvent& event, const domain::ToolPart& call);
  void add_command(store::Seq seq, const std::string& command, const std::string& output, std::optional<int> exit);
  bool is_new(const store::StoredEvent& event) const { return event.seq > since_; }

  store::Seq since_;
  Story story_;
  std::map<std::string, bool> is_user_;  // messages by id
  std::vector<Said> unknown_;  // texts that came before their message
  std::map<std::string, std::string> questions_;  // what was asked, by request
  store::Seq changed_ = 0;  // the newest change of a file
};

struct DigestFrame {
  const domain::RosterRow& row;
  const std::vector<RequestView>& requests;
  store::Seq since = 0;
  std::int64_t tokens_max = kDigestTokens;
};
std::string digest_json(const DigestFrame& frame, const Story& story);
// Checks and claims of the whole session; the newest of each, bounded.
std::string evidence_json(const domain::RosterRow& row, const Story& story);

// Reads and tells. Belongs on the pool.
Result<Story> read_story(store::Query& query, const SessionId& session, store::Seq since);

}  // namespace quarterdeck::fleet
