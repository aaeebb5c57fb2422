#include "app/cli/printer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/cli/quantity.hpp"
#include "app/cli/tool_summary.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::int64_t kPatienceMs = 2'000;  // of silence before we say what we wait for
constexpr std::string_view kEraseLine = "\r\x1b[K";

}  // namespace

Printed Printer::on(const LiveEvent& event, TimeMs now) {
  Printed out;
  if (event.session != session_) return out;
  if (const auto* message = std::get_if<domain::MessageUpdated>(&event.fact)) {
    const auto* answer = std::get_if<domain::AssistantMessage>(&message->info);
    if (answer != nullptr && answer->parent_id == prompt_ && answers_.insert(answer->id).second) quiet_since_ = now;
  } else if (const auto* updated = std::get_if<domain::PartUpdated>(&event.fact)) {
    if (answers_.contains(updated->part.message_id)) part(out, updated->part, now);
  } else if (const auto* delta = std::get_if<domain::TextDelta>(&event.fact)) {
    const auto known = parts_.find(delta->part_id);
    if (known != parts_.end() && !known->second.incomplete && !known->second.ended && delta->field == "text") {
      streamed(out, delta->part_id, known->second, delta->delta);
      quiet_since_ = now;
    }
  } else if (const auto* changed = std::get_if<domain::StatusChanged>(&event.fact)) {
    status(out, changed->status, now);
  }
  return out;
}

void Printer::part(Printed& out, const domain::Part& part, TimeMs now) {
  Shown& shown = parts_[part.id];
  const auto text_part = [&](Section section, std::string_view text, bool ended) {
    shown.section = section;
    if (shown.ended) return;
    if (text.size() > shown.bytes) streamed(out, part.id, shown, text.substr(shown.bytes));
    if (!ended) return;
    shown.ended = true;
    if (current_ == part.id) line(out, {});
  };
  if (const auto* text = std::get_if<domain::TextPart>(&part.content)) {
    if (text->synthetic.value_or(false) || text->ignored.value_or(false)) return;
    text_part(Section::text, text->text, text->time && text->time->end);
  } else if (const auto* reasoning = std::get_if<domain::ReasoningPart>(&part.content)) {
    text_part(Section::reasoning, reasoning->text, reasoning->time.end.has_value());
  } else if (const auto* call = std::get_if<domain::ToolPart>(&part.content)) {
    tool(out, part, *call, now);
  }
  quiet_since_ = now;
}

void Printer::streamed(Printed& out, const PartId& id, Shown& shown, std::string_view text) {
  shown.bytes += text.size();
  if (text.empty()) return;
  std::string clean = harmless(text);
  if (current_ != id) {
    // Models like to begin with empty lines.
    clean.erase(0, std::min(clean.find_first_not_of(" \n"), clean.size()));
    if (clean.empty()) return;
    enter(out, shown.section);
    current_ = id;
  }
  if (shown.section == Section::text) {
    clear_transient(out);
    answer_open_ = !clean.ends_with('\n');
    out.answer += clean;
  } else if (!options_.quiet) {
    clear_transient(out);
    progress_open_ = !clean.ends_with('\n');
    out.progress += painted(options_.style, Paint::dim, clean);
  }
}

void Printer::tool(Printed& out, const domain::Part& part, const domain::ToolPart& call, TimeMs now) {
  Shown& shown = parts_[part.id];
  const bool running = std::holds_alternative<domain::ToolRunning>(call.state);
  const bool ended = std::holds_alternative<domain::ToolCompleted>(call.state) ||
                     std::holds_alternative<domain::ToolError>(call.state);
  if (shown.ended || (!running && !ended)) return;  // pending: its arguments are still on their way
  const Style& style = options_.style;
  const Marks& mark = marks(style);
  const auto input_of = [](const auto& state) { return state.input.text; };
  const std::string subject = tool_subject(call.tool, std::visit(input_of, call.state), options_.directory);
  const std::size_t used = width(call.tool) + 4;
  const std::string head =
      painted(style, Paint::bold, harmless(call.tool)) +
      (subject.empty() ? "" : "  " + one_line(style, subject, style.columns > used + 1 ? style.columns - used - 1 : 1));
  if (!shown.started) {
    shown.started = true;
    enter(out, Section::tools);
    line(out, painted(style, Paint::cyan, mark.tool) + " " + head);
    current_ = part.id;
  }
  if (running) {
    running_.emplace(part.id, std::pair(call.tool, now));
    return;
  }
  shown.ended = true;
  running_.erase(part.id);
  const ToolOutcome outcome = tool_outcome(call, style, options_.directory);
  enter(out, Section::tools);
  std::string result = "  " + painted(style, outcome.ok ? Paint::green : Paint::red, outcome.ok ? mark.ok : mark.bad);
  // With calls in parallel, the line above may be another call's.
  if (current_ != part.id) result += " " + head;
  if (!outcome.headline.empty())
    result += fmt::format(" {}{}", current_ != part.id ? fmt::format("{} ", mark.dot) : "", outcome.headline);
  std::size_t first = 0;
  const bool beside = outcome.headline.empty() && current_ == part.id && !outcome.lines.empty();
  if (beside) result += " " + painted(style, Paint::dim, outcome.lines[first++]);
  line(out, result);
  for (; first < outcome.lines.size(); ++first) line(out, "    " + painted(style, Paint::dim, outcome.lines[first]));
  if (outcome.lines_left_out > 0) {
    line(out, "    " + painted(style, Paint::dim, fmt::format("{} {} more lines", mark.more, outcome.lines_left_out)));
  }
  current_ = {};
}

void Printer::status(Printed& out, const domain::Status& status, TimeMs now) {
  if (status.type != domain::Status::Type::retry) {
    if (retry_) {
      retry_.reset();
      clear_transient(out);
      quiet_since_ = now;
    }
    return;
  }
  if (retry_ && retry_->attempt == status.attempt && retry_->next == status.next) return;
  retry_ = status;
  const std::string text = fmt::format("retry {} in {}: {}", status.attempt, duration(status.next - now),
                                       one_line(options_.style, status.message, options_.style.columns));
  enter(out, Section::note);
  line(out, painted(options_.style, Paint::yellow, fmt::format("{} {}", marks(options_.style).retry, text)));
}

void Printer::resynchronise() {
  for (auto& [id, shown] : parts_) shown.incomplete = true;
}

Printed Printer::tick(TimeMs now) {
  Printed out;
  const Style& style = options_.style;
  if (options_.quiet || !style.live || answer_open_ || progress_open_) return out;
  if (quiet_since_ == 0) quiet_since_ = now;
  std::string waiting;
  if (retry_ && retry_->next > now) {
    waiting = fmt::format("next attempt in {}s", (retry_->next - now + 999) / 1000);
  } else if (!running_.empty()) {
    const auto longest = std::min_element(running_.begin(), running_.end(), [](const auto& a, const auto& b) {
      return a.second.second < b.second.second;
    });
    const auto& [name, since] = longest->second;
    if (now - since < kPatienceMs) return out;
    waiting = fmt::format("{} runs for {}s", harmless(name), (now - since) / 1000);
  } else {
    if (now - quiet_since_ < kPatienceMs) return out;
    waiting = fmt::format("waiting for the model, {}s", (now - quiet_since_) / 1000);
  }
  out.progress = std::string(kEraseLine) + painted(style, Paint::dim, fmt::format("{} {}", marks(style).more, waiting));
  transient_ = true;
  return out;
}

Printed Printer::note(Paint paint, std::string_view mark, std::string_view text) {
  Printed out;
  enter(out, Section::note);
  line(out, painted(options_.style, paint, fmt::format("{} {}", mark, text)));
  return out;
}

Printed Printer::question(const domain::PermissionRequest& request) {
  const Style& style = options_.style;
  std::string patterns;
  for (const auto& pattern : request.patterns) patterns += "  " + one_line(style, pattern, style.columns);
  Printed out =
      note(Paint::yellow, marks(style).ask, fmt::format("permission  {}{}", harmless(request.permission), patterns));
  std::string always;
  for (const auto& pattern : request.always)
    always += (always.empty() ? "" : ", ") + one_line(style, pattern, style.columns);
  out.after += fmt::format("  y once, a always{}, n no{} ", always.empty() ? "" : " (" + always + ")", " (and why) >");
  return out;
}

Printed Printer::finish(const Turn& turn, std::int64_t elapsed_ms) {
  Printed out;
  const Style& style = options_.style;
  if (answer_open_ || progress_open_) line(out, {});
  clear_transient(out);
  if (options_.quiet) return out;
  enter(out, Section::none);
  const auto& error = turn.error();
  const std::string_view dot = marks(style).dot;
  const std::string numbers = fmt::format("{} {} {} step{} {} {} {} {} {} {}", duration(elapsed_ms), dot, turn.steps(),
                                          turn.steps() == 1 ? "" : "s", dot, tokens_text(turn.tokens()), dot,
                                          dollars(turn.cost()), dot, turn.session().value);
  if (error) {
    std::string why = harmless(error->message);
    if (error->status_code) why += fmt::format(" (HTTP {})", *error->status_code);
    line(out, painted(style, Paint::red, fmt::format("{} {}: {}", marks(style).bad, harmless(error->name), why)));
  }
  line(out, painted(style, error ? Paint::dim : Paint::green, error ? " " : marks(style).ok) + " " +
                painted(style, Paint::dim, numbers));
  return out;
}

// A blank line between what the agent says and what it does.
void Printer::enter(Printed& out, Section section) {
  if (answer_open_ || progress_open_) line(out, {});
  if (section_ != section && section_ != Section::none && !options_.quiet) line(out, {});
  section_ = section;
  if (section != Section::text) current_ = section == Section::tools ? current_ : PartId{};
}

// Ends an open line, or writes `text` as a whole one.
void Printer::line(Printed& out, std::string_view text) {
  clear_transient(out);
  const bool was_open = answer_open_ || progress_open_;
  if (answer_open_) out.answer += '\n';
  answer_open_ = false;
  std::string& progress = out.answer.empty() ? out.progress : out.after;
  if (progress_open_) progress += '\n';
  progress_open_ = false;
  if (options_.quiet || (was_open && text.empty())) return;
  progress += text;
  progress += '\n';
}

void Printer::clear_transient(Printed& out) {
  if (!transient_) return;
  (out.answer.empty() ? out.progress : out.after) += kEraseLine;
  transient_ = false;
}

}  // namespace quarterdeck::app
