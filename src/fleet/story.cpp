// The events of a session, put together for its digest.
#include <algorithm>

#include "fleet/digest.hpp"
#include "wire/event.hpp"
#include "wire/json.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr std::size_t kTextBytes = 4'000;   // of an answer or a request that is kept
constexpr std::size_t kLineBytes = 300;
constexpr std::size_t kKeptMax = 200;       // of each kind: the newest
constexpr std::int64_t kPageEvents = 5'000;
constexpr int kPagesMax = 20;

template <class T>
void keep(std::vector<T>& list, T value) {
  list.push_back(std::move(value));
  if (list.size() > 2 * kKeptMax) list.erase(list.begin(), list.begin() + kKeptMax);
}

// The value of the first member of this name, near the beginning, where it is a plain string: enough to know whether an
// event is worth decoding.
std::string_view early_string(std::string_view json, std::string_view name) {
  const std::string key = fmt::format("\"{}\":\"", name);
  const auto at = json.find(key);
  if (at == json.npos) return {};
  const auto begin = at + key.size();
  const auto end = json.find('"', begin);
  return end == json.npos ? std::string_view() : json.substr(begin, end - begin);
}

bool writes_files(std::string_view tool) {
  return tool == "edit" || tool == "write" || tool == "apply_patch" || tool == "patch" || tool == "multiedit";
}

// "[main 1a2b3c4] Subject" and "2 files changed, …": what git commit says.
std::optional<SeenCommit> commit_in(std::string_view output) {
  for (auto open = output.find('['); open != output.npos; open = output.find('[', open + 1)) {
    const auto close = output.find(']', open);
    if (close == output.npos) return std::nullopt;
    const std::string_view inside = output.substr(open + 1, close - open - 1);
    const auto space = inside.rfind(' ');
    const std::string_view hash = space == inside.npos ? "" : inside.substr(space + 1);
    const bool hex =
        hash.size() >= 7 && hash.size() <= 40 && hash.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!hex || output.substr(close, 2) != "] ") continue;
    const auto line = output.substr(close + 2, output.find('\n', close) - close - 2);
    SeenCommit commit{.hash = std::string(hash), .subject = shortened(line, kLineBytes)};
    const auto stat = output.find(" changed", close);
    if (stat != output.npos) {
      const auto begin = output.rfind('\n', stat) + 1;
      commit.stat = shortened(output.substr(begin, output.find('\n', stat) - begin), kLineBytes);
    }
    return commit;
  }
  return std::nullopt;
}

bool commits(std::string_view command) {
  return std::ranges::any_of(split_commands(command), [](const SimpleCommand& each) {
    return each.words.size() > 1 && each.words.front() == "git" &&
           std::ranges::find(each.words, "commit") != each.words.end();
  });
}

}  // namespace

void StoryTeller::add(const store::StoredEvent& event) {
  const std::string_view type = event.type;
  // What the fleet writes down is no part of the conversation.
  if (type != "quarterdeck.record.put") story_.newest = std::max(story_.newest, event.seq);
  if (type == "message.part.updated") return add_part(event);
  if (type == "message.part.delta" || type.starts_with("session.") || type == "quarterdeck.part.appended") {
    if (type != "session.error") return;
  }
  if (type == "quarterdeck.tool.started" || type == "quarterdeck.record.put" || type == "quarterdeck.key.used") return;
  auto decoded = wire::decode_event(type, wire::kEventVersion, *event.properties);
  if (!decoded) return;
  if (const auto* message = std::get_if<MessageUpdated>(&*decoded)) {
    const auto* answer = std::get_if<AssistantMessage>(&message->info);
    is_user_[id_of(message->info).value] = !answer;
    if (!answer) return;
    if (answer->structured) story_.result = answer->structured;
    if (answer->tokens.input > 0)
      story_.context_tokens = answer->tokens.input + answer->tokens.cache_read + answer->tokens.output;
    if (answer->error && is_new(event)) {
      keep(story_.failures, Said{event.seq, answer->id.value, shortened(answer->error->message, kLineBytes)});
    }
  } else if (const auto* ended = std::get_if<TurnEnded>(&*decoded)) {
    if (is_new(event)) ++story_.turns;
    (void)ended;
  } else if (const auto* asked = std::get_if<QuestionAsked>(&*decoded)) {
    if (!asked->request.questions.empty())
      questions_[asked->request.id.value] = asked->request.questions.front().question;
  } else if (const auto* answered = std::get_if<QuestionReplied>(&*decoded)) {
    if (!is_new(event)) return;
    std::string text;
    for (const auto& choices : answered->answers) {
      for (const std::string& choice : choices) text += (text.empty() ? "" : ", ") + choice;
    }
    keep(story_.decisions, Said{event.seq, answered->request_id.value, shortened(text, kLineBytes)});
  } else if (const auto* dismissed = std::get_if<QuestionRejected>(&*decoded)) {
    if (is_new(event)) keep(story_.decisions, Said{event.seq, dismissed->request_id.value, "dismissed"});
  } else if (const auto* replied = std::get_if<PermissionReplied>(&*decoded)) {
    if (!is_new(event)) return;
    std::string text = replied->reply == Reply::once     ? "allowed once"
                       : replied->reply == Reply::always ? "allowed always"
                                                         : "rejected";
    if (replied->message) text += ": " + shortened(*replied->message, kLineBytes);
    keep(story_.decisions, Said{event.seq, replied->request_id.value, std::move(text)});
  } else if (const auto* failed = std::get_if<SessionFailed>(&*decoded)) {
    if (is_new(event)) keep(story_.failures, Said{event.seq, "", shortened(failed->error.message, kLineBytes)});
  } else if (auto* todo = std::get_if<TodoUpdated>(&*decoded)) {
    story_.todos = std::move(todo->todos);
  }
}

void StoryTeller::add_part(const store::StoredEvent& event) {
  const std::string_view kind = early_string(*event.properties, "type");
  if (kind == "reasoning" || kind == "step-start" || kind == "file" || kind == "snapshot") return;
  if (kind == "tool") {
    const std::string_view tool = early_string(*event.properties, "tool");
    const bool told = tool == "bash" || writes_files(tool);
    if (!told && !tool.empty()) {
      if (is_new(event)) {
        ++story_.calls[std::string(tool)];
        if (early_string(*event.properties, "status") == "error") ++story_.calls_failed;
      }
      return;
    }
  }
  auto decoded = wire::decode_event(event.type, wire::kEventVersion, *event.properties);
  if (!decoded) return;
  const Part& part = std::get<PartUpdated>(*decoded).part;
  if (const auto* text = std::get_if<TextPart>(&part.content)) {
    if (text->synthetic.value_or(false) || text->ignored.value_or(false) || text->text.empty()) return;
    // The log has the newest state of a message, which may lie behind its parts.
    if (is_user_.contains(part.message_id.value)) {
      add_text(event.seq, part.message_id.value, text->text);
    } else {
      keep(unknown_, Said{event.seq, part.message_id.value, text->text});
    }
  } else if (const auto* call = std::get_if<ToolPart>(&part.content)) {
    add_call(event, *call);
  } else if (const auto* step = std::get_if<StepFinishPart>(&part.content)) {
    if (!is_new(event)) return;
    ++story_.steps;
    story_.cost += step->cost;
    story_.tokens.input += step->tokens.input;
    story_.tokens.output += step->tokens.output;
    story_.tokens.reasoning += step->tokens.reasoning;
  } else if (const auto* patch = std::get_if<PatchPart>(&part.content)) {
    for (const std::string& file : patch->files) story_.files[file] = event.seq;
  }
}

void StoryTeller::add_text(store::Seq seq, const std::string& message, const std::string& text) {
  const auto role = is_user_.find(message);
  if (role != is_user_.end() && role->second) {
    if (seq > since_) keep(story_.asked, Said{seq, message, text.substr(0, kTextBytes)});
    return;
  }
  if (seq >= story_.answer.seq) story_.answer = {seq, message, text.substr(0, kTextBytes)};
  for (Claim& claim : claims_in(text)) {
    keep(story_.claims,
         SeenClaim{
             .seq = seq, .message = message, .kind = claim.kind, .sentence = shortened(claim.sentence, kLineBytes)});
  }
}

void StoryTeller::add_call(const store::StoredEvent& event, const ToolPart& call) {
  const auto* done = std::get_if<ToolCompleted>(&call.state);
  const auto* failed = std::get_if<ToolError>(&call.state);
  if (!done && !failed) return;
  if (is_new(event)) {
    ++story_.calls[call.tool];
    if (failed) ++story_.calls_failed;
  }
  const auto input = wire::parse(done ? done->input.text : failed->input.text);
  if (call.tool != "bash") {
    if (!done) return;
    changed_ = event.seq;
    const std::string file = input ? wire::string_at(*input, "filePath") : "";
    if (!file.empty()) story_.files[file] = event.seq;
    return;
  }
  const std::string command = input ? wire::string_at(*input, "command") : "";
  std::optional<int> exit;
  if (done) {
    const auto metadata = wire::parse(done->metadata.text);
    const wire::Json* code = metadata ? wire::value_at(*metadata, "exit") : nullptr;
    if (code && code->is_int64()) exit = static_cast<int>(code->get_int64());
  }
  add_command(event.seq, command, done ? done->output : "", exit);
}

void StoryTeller::add_command(store::Seq seq, const std::string& command, const std::string& output,
                              std::optional<int> exit) {
  for (const Check& check : checks_in(command)) {
    keep(story_.checks, SeenCheck{seq, check.kind, shortened(command, kLineBytes), exit, check.decides, false});
  }
  if (exit == 0 && commits(command)) {
    if (auto commit = commit_in(output); commit && seq > since_) {
      commit->seq = seq;
      keep(story_.commits, std::move(*commit));
    }
  }
}

Story StoryTeller::finish() {
  for (const Said& said : unknown_) add_text(said.seq, said.id, said.text);
  if (!unknown_.empty()) {
    std::ranges::sort(story_.asked, {}, &Said::seq);
    std::ranges::sort(story_.claims, {}, &SeenClaim::seq);
  }
  for (SeenCheck& check : story_.checks) check.before_last_change = check.seq < changed_;
  for (SeenClaim& claim : story_.claims) {
    const SeenCheck* newest = nullptr;
    for (const SeenCheck& check : story_.checks) {
      if (check.kind == claim.kind && check.seq < claim.seq) newest = &check;
    }
    const bool decisive = newest && newest->decides;
    if (!newest) {
      claim.why = fmt::format("the server saw no {} command before it was said", name(claim.kind));
    } else if (!newest->exit) {
      claim.why = fmt::format("`{}` did not end by itself", newest->command);
    } else if (*newest->exit != 0) {
      claim.why = fmt::format("`{}` ended with {}", newest->command, *newest->exit);
    } else if (!decisive) {
      claim.why = fmt::format("`{}` hides the exit code", newest->command);
    } else if (newest->seq < changed_ && changed_ < claim.seq) {
      claim.why = fmt::format("files were changed after `{}`", newest->command);
    } else {
      claim.verified = true;
      claim.why = fmt::format("`{}` ended with 0", newest->command);
    }
  }
  for (Said& decision : story_.decisions) {
    if (const auto found = questions_.find(decision.id); found != questions_.end()) {
      decision.text = shortened(found->second, kLineBytes) + " → " + decision.text;
    }
  }
  return std::move(story_);
}

Result<Story> read_story(store::Query& query, const SessionId& session, store::Seq since) {
  StoryTeller teller(since);
  store::Seq after = 0;
  for (int page = 0; page < kPagesMax; ++page) {
    TRY(const auto events, query.session_events(session, after, kPageEvents));
    for (const store::StoredEvent& event : events) teller.add(event);
    if (static_cast<std::int64_t>(events.size()) < kPageEvents) break;
    after = events.back().seq;
  }
  Story story = teller.finish();
  // The log keeps the answer, the table what it was an answer to.
  for (Said& decision : story.decisions) {
    if (decision.id.starts_with("per")) {
      const auto row = query.request(PermissionId{decision.id});
      if (!row) continue;
      std::string what = row->request.permission;
      for (const std::string& pattern : row->request.patterns) what += " " + pattern;
      decision.text = shortened(what, kLineBytes) + " → " + decision.text;
    } else if (!decision.text.contains(" → ")) {
      const auto row = query.question(QuestionId{decision.id});
      if (!row || row->request.questions.empty()) continue;
      decision.text = shortened(row->request.questions.front().question, kLineBytes) + " → " + decision.text;
    }
  }
  return story;
}

}  // namespace quarterdeck::fleet
