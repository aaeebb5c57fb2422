#include "fleet/digest.hpp"

#include <algorithm>
#include <ranges>

#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

// JSON that never gets longer than it may. What does not fit is counted.
class Bounded {
 public:
  explicit Bounded(std::size_t bytes_max) : left_(bytes_max) {}

  // Written as it is: the caller has reserved room.
  void raw(std::string_view text) {
    out_ += text;
    left_ -= std::min(left_, text.size());
  }
  // `"name":value,` when it fits.
  bool member(std::string_view name, std::string_view value) {
    const std::string text = fmt::format("\"{}\":{},", name, value);
    if (text.size() > left_) return false;
    raw(text);
    return true;
  }
  // At most `share` bytes of items, newest last; older ones are left out first and counted.
  template <class List, class ToJson>
  void list(std::string_view name, const List& items, std::size_t share, ToJson to_json) {
    const std::size_t frame = name.size() + 40;
    if (left_ < frame) return;
    std::size_t room = std::min(share, left_ - frame);
    std::vector<std::string> kept;
    for (const auto& item : items | std::views::reverse) {
      std::string text = to_json(item);
      if (text.size() + 1 > room) break;
      room -= text.size() + 1;
      kept.push_back(std::move(text));
    }
    if (items.empty()) return;
    std::string text = fmt::format("\"{}\":[", name);
    for (const std::string& item : kept | std::views::reverse) {
      if (!text.ends_with('[')) text += ',';
      text += item;
    }
    text += "],";
    if (kept.size() < items.size()) text += fmt::format("\"{}_omitted\":{},", name, items.size() - kept.size());
    raw(text);
  }
  std::size_t left() const { return left_; }
  std::string take() {
    if (out_.ends_with(',')) out_.pop_back();
    return out_ + "}";
  }

 private:
  std::string out_ = "{";
  std::size_t left_;
};

// Quoted, and not longer than `bytes_max` with its quotes.
std::string fitted(std::string_view text, std::size_t bytes_max) {
  std::size_t length = std::min(text.size(), bytes_max);
  for (;;) {
    std::string quoted = wire::quoted(wire::valid_utf8(
        length < text.size() ? fmt::format("{}…", shortened(text.substr(0, length), length)) : std::string(text)));
    if (quoted.size() <= bytes_max || length == 0) return quoted;
    length = length * 3 / 4;
  }
}

std::string said_json(const Said& said, std::size_t bytes_max) {
  return fmt::format(R"({{"id":{},"text":{}}})", wire::quoted(said.id), fitted(said.text, bytes_max));
}

std::string check_json(const SeenCheck& check) {
  return fmt::format(R"({{"kind":"{}","command":{},"exit":{}{}{}}})", name(check.kind), wire::quoted(check.command),
                     check.exit ? std::to_string(*check.exit) : "null", check.decides ? "" : R"(,"exit_hidden":true)",
                     check.before_last_change ? R"(,"before_last_change":true)" : "");
}

std::string claim_json(const SeenClaim& claim) {
  return fmt::format(R"({{"kind":"{}","said":{},"verified":{},"why":{},"messageID":{}}})", name(claim.kind),
                     wire::quoted(claim.sentence), claim.verified, wire::quoted(claim.why),
                     wire::quoted(claim.message));
}

std::string commit_json(const SeenCommit& commit) {
  return fmt::format(R"({{"hash":{},"subject":{},"stat":{}}})", wire::quoted(commit.hash), wire::quoted(commit.subject),
                     wire::quoted(commit.stat));
}

template <class T>
std::vector<T> since(const std::vector<T>& all, store::Seq seq) {
  std::vector<T> out;
  for (const T& each : all) {
    if (each.seq > seq) out.push_back(each);
  }
  return out;
}

std::string calls_json(const Story& story) {
  std::string out = "{";
  for (const auto& [tool, count] : story.calls) {
    if (out.size() > 1) out += ',';
    out += fmt::format("{}:{}", wire::quoted(shortened(tool, 40)), count);
    if (out.size() > 400) break;
  }
  return out + '}';
}

}  // namespace

std::string digest_json(const DigestFrame& frame, const Story& story) {
  const std::size_t all =
      static_cast<std::size_t>(std::clamp(frame.tokens_max, kDigestTokensMin, kDigestTokensMax)) * kBytesPerToken;
  const RosterRow& row = frame.row;
  Bounded out(all - 2);
  out.member("sessionID", wire::quoted(row.session.value));
  out.member("cursor", std::to_string(std::max(story.newest, frame.since)));
  if (frame.since > 0) out.member("since", std::to_string(frame.since));
  out.member("title", fitted(row.title, 120));
  out.member("priority", fmt::format("\"{}\"", wire::priority_name(row.standing.priority)));
  const Attention& attention = row.attention;
  out.member("state",
             fmt::format(R"({{"group":"{}","state":"{}","since":{},"reason":{}{}}})", wire::group_name(attention.group),
                         wire::state_name(attention.state), attention.since, fitted(attention.reason, all / 10),
                         attention.stall ? fmt::format(R"(,"stall":"{}")", *attention.stall) : ""));
  if (row.waiting) {
    out.member("waiting", fmt::format(R"({{"for":"{}","reason":{},"position":{},"of":{}}})", row.waiting->what,
                                      fitted(row.waiting->reason, 200), row.waiting->position, row.waiting->of));
  }
  if (attention.warning) out.member("warning", fitted(*attention.warning, 200));
  if (row.standing.reply_to) out.member("reply_to", row.standing.reply_to->text);
  if (attention.next) {
    out.member("next", fmt::format(R"({{"action":{}{}}})", fitted(attention.next->action, 200),
                                   attention.next->at ? fmt::format(",\"at\":{}", *attention.next->at) : ""));
  }
  // What somebody has to answer comes verbatim, or not at all: then it is to be fetched.
  out.list("open", frame.requests, all * 2 / 5, [](const RequestView& view) {
    return fmt::format(R"({{"id":{},"sessionID":{},"hash":"{}","content":{}}})", wire::quoted(view.id),
                       wire::quoted(view.session.value), view.hash, view.content);
  });
  if (row.standing.result_schema && story.result && story.result->text.size() > all / 3) {
    out.member("result_omitted", "true");
  } else if (row.standing.result_schema && story.result) {
    out.member("result", story.result->text);
  }
  const auto claims = since(story.claims, frame.since);
  std::vector<SeenClaim> unverified;
  std::ranges::copy_if(claims, std::back_inserter(unverified), [](const SeenClaim& claim) { return !claim.verified; });
  out.list("unverified", unverified, all / 6, claim_json);
  out.member("cost", fmt::format(R"({{"total_usd":{:.6f},"since_usd":{:.6f},"tokens":{}}})", row.cost, story.cost,
                                 story.tokens.input + story.tokens.output + story.tokens.reasoning));
  out.member("context_tokens", std::to_string(story.context_tokens));
  out.member("happened", fmt::format(R"({{"turns":{},"steps":{},"calls":{},"calls_failed":{}}})", story.turns,
                                     story.steps, calls_json(story), story.calls_failed));
  out.list("failures", story.failures, all / 10, [all](const Said& said) { return said_json(said, all / 12); });
  out.list("checks", since(story.checks, frame.since), all / 8, check_json);
  out.list("commits", story.commits, all / 8, commit_json);
  const std::size_t half = out.left() / 3;
  if (story.answer.seq > frame.since) out.member("answer", said_json(story.answer, half));
  out.list("asked", story.asked, out.left() / 2, [half](const Said& said) { return said_json(said, half); });
  out.list("decisions", story.decisions, out.left() / 2, [half](const Said& said) { return said_json(said, half); });
  std::vector<std::string> files;
  for (const auto& [file, seq] : story.files) {
    if (seq > frame.since) files.push_back(file);
  }
  out.list("files", files, out.left() / 2, [](const std::string& file) { return wire::quoted(file); });
  std::vector<Todo> open;
  std::ranges::copy_if(story.todos, std::back_inserter(open),
                       [](const Todo& todo) { return todo.status != "completed"; });
  out.list("todo", open, out.left(), [](const Todo& todo) { return fitted(todo.content, 200); });
  return out.take();
}

std::string evidence_json(const RosterRow& row, const Story& story) {
  constexpr std::size_t kBytesMax = 200'000;
  Bounded out(kBytesMax);
  out.member("sessionID", wire::quoted(row.session.value));
  const bool lies = std::ranges::any_of(story.claims, [](const SeenClaim& claim) { return !claim.verified; });
  out.member("unverified", lies ? "true" : "false");
  out.list("claims", story.claims, kBytesMax / 3, claim_json);
  out.list("checks", story.checks, kBytesMax / 3, check_json);
  out.list("commits", story.commits, kBytesMax / 4, commit_json);
  return out.take();
}

}  // namespace quarterdeck::fleet
