#include "app/cli/follower.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "app/cli/ask.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::int64_t kLastWordsMs = 1'500;    // idle, but the last message is not closed yet
constexpr std::int64_t kErrorGraceMs = 3'000;   // failed, but not idle yet
constexpr std::int64_t kAbortGraceMs = 10'000;  // aborted, but not idle yet
constexpr std::int64_t kNotTakenMs = 3'000;     // idle without an answer to our prompt: ask the server
constexpr int kSendAttempts = 5;

}  // namespace

Follower::Follower(net::EventLoop& loop, net::HttpClient& http, Client& client, Clock& clock, SessionId session,
                   MessageId prompt, FollowerOptions options)
    : loop_(loop),
      client_(client),
      clock_(clock),
      options_(std::move(options)),
      turn_(session, prompt),
      printer_(session, prompt, options_.printer),
      json_(session, prompt),
      events_(loop, http, client, *this),
      tasks_(loop),
      connected_(loop),
      left_(loop) {
  client_.stop_with(tasks_.token());
}

Task<int> Follower::run(domain::Prompt prompt) {
  started_ns_ = clock_.monotonic_ns();
  tasks_.spawn(stream());
  co_await connected_;
  if (!stream_error_ && !leaving_) {
    schedule_tick();
    auto sent = co_await send(std::move(prompt));
    if (!sent && !leaving_) {
      complain(sent.error().message);
      leave(sent.error().code == ErrorCode::unavailable ? kExitUnreachable : kExitFailed);
    }
    prompt_sent_ = true;
    check_over();
  }
  const int code = co_await left_;
  tick_.reset();
  end_.reset();
  input_.reset();
  co_await tasks_.join();
  co_return code;
}

Task<void> Follower::stream() {
  auto ended = co_await events_.follow(tasks_.token());
  if (ended) co_return;
  stream_error_ = ended.error();
  // Not a last line: how the turn ends is for the server to say, when it is back.
  notice(Paint::red, marks(options_.printer.style).bad,
         fmt::format("{} ({}, {})", ended.error().message, client_.target().url, turn_.session().value));
  leave(ended.error().code == ErrorCode::unavailable ? kExitUnreachable : kExitFailed);
  connected_.setter()(Unit{});
}

// The same message id each time: a server that has admitted the prompt already admits it once.
Task<Result<void>> Follower::send(domain::Prompt prompt) {
  std::int64_t pause_ms = 200;
  for (int attempt = 1;; ++attempt) {
    domain::Prompt copy = prompt;
    auto sent = co_await client_.prompt(turn_.session(), std::move(copy));
    const bool again = !sent && sent.error().code == ErrorCode::unavailable && attempt < kSendAttempts;
    if (!again || leaving_ || turn_.taken_up()) co_return sent;
    (void)co_await sleep_ms(loop_, pause_ms, tasks_.token());
    pause_ms *= 2;
  }
}

void Follower::on_connected(Connection connection) {
  if (connection == Connection::first) {
    connected_.setter()(Unit{});
    return;
  }
  printer_.resynchronise();
  notice(Paint::dim, marks(options_.printer.style).retry, "connected again");
  tasks_.spawn(catch_up());
}

void Follower::on_lost(const Error& why) {
  notice(Paint::yellow, marks(options_.printer.style).warn,
         fmt::format("lost the event stream ({}); connecting again", why.message));
}

void Follower::on_event(std::string_view json) {
  if (auto event = read_live_event(json)) take(*event);
}

void Follower::take(const LiveEvent& event) {
  if (leaving_) return;
  turn_.on(event);
  print(event);
  if (turn_.concerns(event.session)) {
    if (const auto* request = std::get_if<domain::PermissionAsked>(&event.fact)) asked(request->request);
    if (const auto* reply = std::get_if<domain::PermissionReplied>(&event.fact)) replied(reply->request_id);
    if (const auto* question = std::get_if<QuestionAsked>(&event.fact)) {
      notice(Paint::yellow, marks(options_.printer.style).ask,
             "the agent asked a question; nobody here can answer, so it is told to go on");
      tasks_.spawn(reject_question(question->id));
    }
  }
  check_over();
}

void Follower::print(const LiveEvent& event) {
  if (asking_) return held_.push_back(event);
  if (options_.format == Format::json) {
    if (!write_all(STDOUT_FILENO, json_.on(event, clock_.now_ms()))) leave(kExitFailed);
  } else {
    write(printer_.on(event, clock_.now_ms()));
  }
}

void Follower::write(const Printed& printed) {
  if (options_.format == Format::json) return;
  write_all(STDERR_FILENO, printed.progress);
  if (!write_all(STDOUT_FILENO, printed.answer)) leave(kExitFailed);
  write_all(STDERR_FILENO, printed.after);
}

// Told even when the progress is not shown: what it says explains the outcome.
void Follower::notice(Paint paint, std::string_view mark, std::string_view text) {
  if (options_.format == Format::json || options_.printer.quiet) return complain(text);
  write(printer_.note(paint, mark, text));
}

// What an interrupted stream may have missed, as if it had been told now.
Task<void> Follower::catch_up() {
  auto messages = co_await client_.messages(turn_.session());
  auto statuses = co_await client_.statuses();
  auto requests = co_await client_.permissions();
  if (messages) {
    for (auto& message : read_messages(*messages)) {
      take({turn_.session(), domain::MessageUpdated{std::move(message.info)}});
      for (auto& part : message.parts) take({turn_.session(), domain::PartUpdated{std::move(part), 0}});
    }
  }
  printer_.resynchronise();
  if (statuses) {
    const wire::Json* status = wire::value_at(*statuses, turn_.session().value);
    turn_.on_status(status == nullptr || wire::string_at(*status, "type") == "idle");
  }
  if (requests) {
    for (const auto& request : *requests) {
      if (turn_.concerns(request.session_id)) asked(request);
    }
  }
  check_over();
}

void Follower::check_over() {
  if (leaving_ || !prompt_sent_) return;
  if (turn_.over()) {
    if (asking_) {  // it ended without the person
      input_.reset();
      write_all(STDERR_FILENO, "\n");
      stop_asking();
    }
    if (turn_.deleted()) notice(Paint::red, marks(options_.printer.style).bad, "the session was deleted");
    write(printer_.finish(turn_, (clock_.monotonic_ns() - started_ns_) / 1'000'000));
    if (options_.printer.quiet && turn_.error() && signals_ == 0) complain(turn_.error()->message);
    return leave(signals_ > 0 ? kExitInterrupted : turn_.error() || turn_.deleted() ? kExitFailed : kExitOk);
  }
  if (turn_.ending()) {
    schedule_end(turn_.idle() ? kLastWordsMs : kErrorGraceMs);
  } else if (turn_.idle() && !turn_.taken_up()) {
    if (!end_)
      end_ = loop_.after_ms(kNotTakenMs, [this] {
        end_.reset();
        if (!leaving_ && turn_.idle() && !turn_.taken_up()) tasks_.spawn(catch_up());
      });
  } else if (signals_ == 0) {
    end_.reset();
  }
}

// The end that should come by itself does not: take what there is.
void Follower::schedule_end(std::int64_t delay_ms) {
  if (end_) return;
  end_ = loop_.after_ms(delay_ms, [this] {
    if (leaving_) return;
    write(printer_.finish(turn_, (clock_.monotonic_ns() - started_ns_) / 1'000'000));
    if (signals_ > 0 && !turn_.idle()) complain("the server has not stopped the turn yet; leaving");
    leave(signals_ > 0 ? kExitInterrupted : turn_.error() ? kExitFailed : kExitOk);
  });
}

void Follower::schedule_tick() {
  tick_ = loop_.after_ms(1'000, [this] {
    if (leaving_) return;
    if (!asking_ && options_.format == Format::text) write(printer_.tick(clock_.now_ms()));
    schedule_tick();
  });
}

void Follower::leave(int code) {
  if (std::exchange(leaving_, true)) return;
  left_.setter()(code);
  connected_.setter()(Unit{});
  tasks_.stop();
}

void Follower::on_signal() {
  if (++signals_ > 1 || !prompt_sent_) return leave(kExitInterrupted);
  if (asking_) {
    input_.reset();
    open_requests_.clear();
    write_all(STDERR_FILENO, "\n");
    stop_asking();
  }
  notice(Paint::yellow, marks(options_.printer.style).warn, "stopping the turn (once more leaves at once)");
  end_.reset();
  schedule_end(kAbortGraceMs);
  tasks_.spawn(abort_turn());
}

Task<void> Follower::abort_turn() {
  auto aborted = co_await client_.abort(turn_.session());
  if (!aborted && !leaving_) complain(aborted.error().message);
}

void Follower::asked(const domain::PermissionRequest& request) {
  if (!seen_requests_.insert(request.id).second) return;
  if (!options_.ask) {
    std::string what = request.permission;
    for (const auto& pattern : request.patterns) what += " " + pattern;
    notice(Paint::yellow, marks(options_.printer.style).warn,
           fmt::format("permission asked and rejected, nobody is here to answer: {}", harmless(what)));
    tasks_.spawn(answer({.request_id = request.id, .reply = domain::Reply::reject}));
    return;
  }
  open_requests_.push_back(request);
  ask_next();
}

void Follower::replied(const PermissionId& id) {
  seen_requests_.insert(id);
  const auto known =
      std::find_if(open_requests_.begin(), open_requests_.end(), [&](const auto& one) { return one.id == id; });
  if (known == open_requests_.end()) return;
  const bool was_asked = known == open_requests_.begin() && asking_;
  open_requests_.erase(known);
  if (!was_asked) return;
  input_.reset();
  write_all(STDERR_FILENO, "\n");
  stop_asking();
  notice(Paint::dim, marks(options_.printer.style).ok, "answered elsewhere");
  ask_next();
}

void Follower::ask_next() {
  if (asking_ || open_requests_.empty() || leaving_ || signals_ > 0) return;
  asking_ = true;
  write(printer_.question(open_requests_.front()));
  input_ = loop_.watch_readable(STDIN_FILENO, [this] { on_input(); });
}

void Follower::stop_asking() {
  asking_ = false;
  for (const auto& event : std::exchange(held_, {})) print(event);
}

void Follower::on_input() {
  char bytes[1024];
  const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (got < 0) return;  // EINTR, EAGAIN: it will be readable again
  if (got == 0)
    typed_ = "n";  // the person closed the input
  else
    typed_.append(bytes, static_cast<std::size_t>(got));
  const auto end = typed_.find('\n');
  if (end == typed_.npos && got > 0) return;
  const std::string line = typed_.substr(0, end);
  typed_.clear();
  auto said = read_answer(line);
  if (!said) {
    write_all(STDERR_FILENO, "  y, a or n (n may be followed by what to do instead) > ");
    return;
  }
  domain::ReplyPermission reply{
      .request_id = open_requests_.front().id, .reply = said->reply, .message = std::move(said->message)};
  open_requests_.pop_front();
  stop_asking();
  // The handle must not die inside its own callback.
  loop_.post([this, spent = std::move(input_)]() mutable {
    spent.reset();
    ask_next();
  });
  tasks_.spawn(answer(std::move(reply)));
}

Task<void> Follower::answer(domain::ReplyPermission reply) {
  auto sent = co_await client_.reply(std::move(reply));
  // Somebody else was faster.
  if (!sent && sent.error().code != ErrorCode::not_found && sent.error().code != ErrorCode::conflict && !leaving_) {
    complain(sent.error().message);
  }
}

Task<void> Follower::reject_question(std::string id) {
  auto sent = co_await client_.reject_question(std::move(id));
  if (!sent && sent.error().code != ErrorCode::not_found && !leaving_) complain(sent.error().message);
}

}  // namespace quarterdeck::app
