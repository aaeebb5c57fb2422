#include "simulated_model.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/async.hpp"

namespace quarterdeck::simulation {
namespace {

using llm::ModelError;
using Kind = llm::ModelError::Kind;
using Answer = SimulatedModel::Answer;

constexpr std::int64_t kDeadlineMs = 60'000;
constexpr std::string_view kTask = "<task id=\"";

Answer stopped() { return std::unexpected(ModelError{.kind = Kind::cancelled, .message = "aborted"}); }

// The number in "#12# please", or -1.
int prompt_number(std::string_view text) {
  const std::size_t begin = text.find('#');
  if (begin == text.npos) return -1;
  int number = -1;
  std::from_chars(text.data() + begin + 1, text.data() + text.size(), number);
  return number;
}

// The number in "summary 3 …", or 0.
int summary_number(std::string_view text) {
  constexpr std::string_view kMark = "summary ";
  int number = 0;
  if (const std::size_t at = text.find(kMark); at != text.npos) {
    std::from_chars(text.data() + at + kMark.size(), text.data() + text.size(), number);
  }
  return number;
}

int prompt_number(const llm::ChatMessage& message) {
  if (message.role != llm::Role::user) return -1;
  for (const llm::Content& content : message.content) {
    const auto* text = std::get_if<llm::TextContent>(&content);
    if (text && text->text.starts_with('#')) return prompt_number(text->text);
    if (text && text->text.starts_with(kTask)) return kTold;
  }
  return -1;
}

}  // namespace

SimulatedModel::Step SimulatedModel::check(const llm::ModelRequest& request) {
  Step step{.prompt = -1};
  std::size_t calls = 0;
  std::size_t results = 0;
  int summaries = 0;
  for (const llm::ChatMessage& message : request.messages) {
    if (message.role != llm::Role::tool && results != calls) {
      world_.violation("a model was shown {} tool calls with {} results", calls, results);
    }
    if (const int number = prompt_number(message); number >= 0) {
      step = {.prompt = number, .task = std::move(step.task)};
    } else if (message.role == llm::Role::assistant) {
      ++step.number;
    }
    if (message.role != llm::Role::tool) calls = results = 0;
    for (const llm::Content& content : message.content) {
      const auto* text = std::get_if<llm::TextContent>(&content);
      if (text && message.role != llm::Role::system) summaries = std::max(summaries, summary_number(text->text));
      if (std::holds_alternative<llm::ToolCallContent>(content)) ++calls;
      const auto* result = std::get_if<llm::ToolResultContent>(&content);
      if (!result) continue;
      ++results;
      if (result->output.starts_with(kTask)) {
        step.task = result->output.substr(kTask.size(), result->output.find('"', kTask.size()) - kTask.size());
      }
    }
  }
  if (results != calls) world_.violation("a model was shown {} tool calls with {} results", calls, results);
  // What was summarised is not counted any more, and must not be taken for what was never done.
  step.number += 1'000 * summaries;
  return step;
}

Task<Answer> SimulatedModel::stream(llm::ModelRequest request, llm::ModelSink& sink, std::stop_token stop) {
  const SessionId session{request.session_id};
  if (dead_) {
    co_await sleep_ms(loop_, 1, stop);
    co_return stopped();
  }
  if (session.empty()) {  // a title
    world_.counts["titles"]++;
    const bool waited = co_await pause(5'000, stop);
    if (!waited) co_return stopped();
    if (dice_.chance(world_.storm ? world_.profile.model_fault : 0)) {
      co_return std::unexpected(ModelError{.kind = Kind::overloaded, .message = "no title", .retryable = true});
    }
    sink.on_event(llm::TextDelta{"A title"});
    co_return llm::ModelFinish{.reason = "stop"};
  }
  world_.counts["model calls"]++;
  const Step step = check(request);
  request = {};
  if (!calling_.insert(session).second) world_.violation("two model calls at once for session {}", session.value);
  world_.note("model: step {} of #{} in {}", step.number, step.prompt, session.value);
  world_.streaming[session] = {};
  Answer answer = stopped();
  if (world_.sabotage == Sabotage::deaf_model) {
    co_await sleep_ms(loop_, std::int64_t{1} << 40, dead_ ? stop : std::stop_token());
  } else if (world_.storm && dice_.chance(world_.profile.model_fault)) {
    answer = co_await fail_somehow(session, sink, stop);
  } else {
    answer = co_await play(step, session, sink, stop);
  }
  calling_.erase(session);
  if (!dead_) {
    world_.streaming.erase(session);
    world_.note("model: {} {}", session.value, answer ? answer->reason : answer.error().message);
  }
  co_return answer;
}

Task<bool> SimulatedModel::pause(std::int64_t longest, std::stop_token stop) {
  const std::int64_t delay_ms = dice_.delay_ms(longest);
  co_return co_await sleep_ms(loop_, delay_ms, stop);
}

Task<Answer> SimulatedModel::fail_somehow(SessionId session, llm::ModelSink& sink, std::stop_token stop) {
  world_.counts["model faults"]++;
  // Some fail before the first byte, some in the middle.
  if (dice_.chance(500)) {
    const bool said = co_await say("half an answ", session, sink, stop);
    if (!said) co_return stopped();
    if (dice_.chance(300)) {
      sink.on_event(llm::ToolCallStarted{0, "call_half", "note"});
      sink.on_event(llm::ToolCallDelta{0, R"({"key":"ne)"});
    }
  }
  ModelError error{.retryable = true};
  switch (dice_.between(0, 9)) {
    case 0:
    case 1: {
      const bool waited = co_await sleep_ms(loop_, kDeadlineMs, stop);
      if (!waited) co_return stopped();
      error.kind = Kind::timeout;
      break;
    }
    case 2:
      error.kind = Kind::rate_limited;
      error.status = 429;
      if (dice_.chance(700)) error.retry_after_ms = dice_.chance(200) ? 3'600'000 : dice_.between(0, 30'000);
      break;
    case 3:
      error.kind = Kind::overloaded;
      error.status = dice_.chance(500) ? 503 : 529;
      break;
    case 4: error.kind = Kind::malformed; break;
    case 5:
      error.kind = Kind::auth;
      error.status = 401;
      error.retryable = false;
      break;
    case 6:
      error.kind = Kind::context_overflow;
      error.retryable = false;
      break;
    case 7:
      error.kind = Kind::content_filter;
      error.retryable = false;
      break;
    default: error.kind = Kind::network; break;
  }
  const bool waited = co_await pause(2'000, stop);
  if (!waited) co_return stopped();
  error.message = fmt::format("fault {}", static_cast<int>(error.kind));
  co_return std::unexpected(std::move(error));
}

Task<bool> SimulatedModel::say(std::string text, SessionId session, llm::ModelSink& sink, std::stop_token stop) {
  while (!text.empty()) {
    const bool waited = co_await pause(1'000, stop);
    if (!waited) co_return false;
    const auto length = static_cast<std::size_t>(
        dice_.between(1, static_cast<std::int64_t>(std::min<std::size_t>(text.size(), 3'000))));
    if (!dead_) {
      Streaming& streaming = world_.streaming[session];
      streaming.text += text.substr(0, length);
      streaming.sent.emplace_back(world_.now_ms, streaming.text.size());
    }
    sink.on_event(llm::TextDelta{text.substr(0, length)});
    text.erase(0, length);
  }
  co_return true;
}

// Another agent is to work on a prompt of its own, now and then the one that has worked before.
std::string SimulatedModel::task(const Step& step, int index, Dice& wanted) {
  const int number = world_.number_of(fmt::format("{}/{}/{}", step.prompt, step.number, index));
  const std::string_view agent = wanted.chance(50) ? "nobody" : wanted.chance(200) ? "explore" : "general";
  const bool background = wanted.chance(400);
  const bool again = wanted.chance(300) && !step.task.empty();
  return fmt::format(R"({{"description":"a task","prompt":"#{}# please","subagent_type":"{}","background":{}{}}})",
                     number, agent, background, again ? fmt::format(R"(,"task_id":"{}")", step.task) : "");
}

Task<bool> SimulatedModel::call(Step step, int index, int kind, llm::ModelSink& sink, std::stop_token stop) {
  constexpr std::array tools{"note", "note", "note", "wait",   "hang", "fail", "throw",
                             "todo", "run",  "Run",  "nosuch", "task", "task", "question"};
  Dice wanted = world_.dice_for(static_cast<std::uint64_t>(step.prompt),
                                static_cast<std::uint64_t>(1'000 + step.number * 100 + index));
  const auto ms = wanted.delay_ms(20'000);
  const std::string tool = kind == 1 ? "todo" : wanted.pick(tools);
  // A loop asks for the same again and again, all else for something of its own.
  std::string arguments = kind == 1
                              ? std::string(R"({"key":"again"})")
                              : fmt::format(R"({{"key":"{}/{}/{}","ms":{}}})", step.prompt, step.number, index, ms);
  if (tool == "task") {
    arguments = task(step, index, wanted);
  } else if (tool == "question") {
    arguments = fmt::format(
        R"({{"questions":[{{"question":"{}/{}/{}?","header":"h","options":[{{"label":"one","description":""}}]}}]}})",
        step.prompt, step.number, index);
  }
  if (kind == 0 && wanted.chance(60)) arguments.resize(arguments.size() / 2);  // cut off
  // Some providers number their calls anew in each answer, and some give two calls one id.
  const std::string id = wanted.chance(100) ? "call_0" : fmt::format("call_{}", index);
  sink.on_event(llm::ToolCallStarted{index, id, tool});
  const std::size_t half = arguments.size() / 2;
  sink.on_event(llm::ToolCallDelta{index, arguments.substr(0, half)});
  const bool waited = co_await pause(500, stop);
  if (!waited) co_return false;
  sink.on_event(llm::ToolCallDelta{index, arguments.substr(half)});
  co_return true;
}

Task<Answer> SimulatedModel::play(Step step, SessionId session, llm::ModelSink& sink, std::stop_token stop) {
  if (step.prompt < 0 || step.prompt == kTold) {  // a summary of the conversation, or what goes on from it
    std::string summary = "I see";
    if (step.prompt < 0) summary = fmt::format("summary {} ", ++world_.counts["summaries"]);
    const bool summarised = co_await say(std::move(summary), session, sink, stop);
    if (!summarised) co_return stopped();
    co_return llm::ModelFinish{.reason = "stop", .tokens = {.input = 10, .output = 5}};
  }
  Dice wanted = world_.dice_for(static_cast<std::uint64_t>(step.prompt), 0);
  // Some want the same for ever, some something new for ever; most stop after a few steps.
  const int kind = wanted.chance(30) ? 1 : wanted.chance(30) ? 2 : 0;
  const int steps = static_cast<int>(wanted.between(0, 3));
  const bool waited = co_await pause(10'000, stop);
  if (!waited) co_return stopped();
  Dice now = world_.dice_for(static_cast<std::uint64_t>(step.prompt), static_cast<std::uint64_t>(step.number) + 1);
  if (now.chance(200)) {
    sink.on_event(llm::ReasoningDelta{"I think"});
    const bool thought = co_await pause(3'000, stop);
    if (!thought) co_return stopped();
  }
  std::string text = fmt::format("re #{}# step {} ", step.prompt, step.number);
  if (now.chance(150)) text.append(static_cast<std::size_t>(now.between(1, 12'000)), 'x');
  const bool last = kind == 0 && step.number >= steps;
  if (last && now.chance(50)) co_return llm::ModelFinish{.reason = "stop"};  // says nothing at all
  if (last || now.chance(600)) {
    const bool said = co_await say(std::move(text), session, sink, stop);
    if (!said) co_return stopped();
  }
  if (last) co_return llm::ModelFinish{.reason = "stop", .tokens = {.input = 10, .output = 5}};
  const int calls = kind != 0 ? 1 : static_cast<int>(now.between(1, 3));
  for (int index = 0; index < calls; ++index) {
    const bool called = co_await call(step, index, kind, sink, stop);
    if (!called) co_return stopped();
  }
  co_return llm::ModelFinish{.reason = "tool-calls", .tokens = {.input = 10, .output = 5}};
}

}  // namespace quarterdeck::simulation
