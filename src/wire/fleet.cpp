#include "wire/fleet.hpp"

#include "wire/describe/fleet.hpp"
#include "wire/result_schema.hpp"

namespace quarterdeck::wire {
namespace {

template <class E>
std::string_view name_in(E value) {
  for (const auto& [member, name] : enum_names(value)) {
    if (member == value) return name;
  }
  return "";
}

template <class E>
std::optional<E> named(std::string_view text) {
  for (const auto& [member, name] : enum_names(E{})) {
    if (name == text) return member;
  }
  return std::nullopt;
}

constexpr std::size_t kRequestBytesMax = 200'000;
constexpr std::size_t kTextBytesMax = 50'000;
constexpr std::size_t kWordBytesMax = 200;
constexpr std::size_t kObjectBytesMax = 20'000;
constexpr std::size_t kListMax = 50;

void check_word(Reader& io, std::string_view name, const std::string& word, std::size_t bytes_max = kWordBytesMax) {
  if (io.problem().found()) return;
  const Path at{&io.path(), name};
  if (word.empty()) return io.problem().custom("Expected a string that is not empty", at);
  if (word.size() > bytes_max) io.problem().custom(fmt::format("Expected at most {} bytes", bytes_max), at);
}

void check_labels(Reader& io, const std::vector<std::string>& labels) {
  if (io.problem().found()) return;
  const Path at{&io.path(), "labels"};
  if (labels.size() > kListMax) return io.problem().custom(fmt::format("Expected at most {} labels", kListMax), at);
  int index = 0;
  for (const std::string& label : labels) {
    const Path each{&at, {}, index++};
    if (label.empty() || label.size() > kWordBytesMax) {
      return io.problem().custom(fmt::format("Expected 1 to {} bytes", kWordBytesMax), each);
    }
  }
}

void check_object_bytes(Reader& io, std::string_view name, const std::optional<domain::JsonText>& object) {
  if (io.problem().found() || !object || object->text.size() <= kObjectBytesMax) return;
  io.problem().custom(fmt::format("Expected at most {} bytes", kObjectBytesMax), Path{&io.path(), name});
}

void check_budget(Reader& io, const std::optional<domain::Budget>& budget) {
  if (io.problem().found() || !budget) return;
  const Path at{&io.path(), "budget"};
  const auto least = [&](std::string_view name, bool wrong) {
    if (wrong && !io.problem().found()) io.problem().custom("Expected a limit of at least 0", Path{&at, name});
  };
  least("cost_usd", budget->cost_usd && !(*budget->cost_usd >= 0));
  least("tokens", budget->tokens.value_or(0) < 0);
  least("steps", budget->steps.value_or(0) < 0);
  least("wall_ms", budget->wall_ms.value_or(0) < 0);
}

// true, false, or how the worktree shall be.
void read_worktree(Reader& io, domain::Handoff& handoff) {
  io.field_or("in_place", handoff.in_place, false);
  if (io.problem().found() || !io.has("worktree")) return;
  const Json& given = io.raw().at("worktree");
  const Path at{&io.path(), "worktree"};
  if (given.is_bool() || given.is_null()) {
    if (given.is_bool() && given.get_bool()) handoff.worktree.emplace();
    if (given.is_bool() && !given.get_bool()) handoff.in_place = true;
  } else if (given.is_object()) {
    io.field("worktree", handoff.worktree);
  } else {
    return io.problem().expected("object | boolean", given, at);
  }
  if (handoff.in_place && handoff.worktree) io.problem().custom("Expected no worktree with in_place", at);
}

void check_refs(Reader& io, const std::vector<domain::Ref>& refs) {
  if (io.problem().found()) return;
  const Path at{&io.path(), "refs"};
  if (refs.size() > kListMax) return io.problem().custom(fmt::format("Expected at most {} refs", kListMax), at);
  int index = 0;
  for (const domain::Ref& ref : refs) {
    const Path each{&at, {}, index++};
    const bool named =
        !ref.system.empty() && ref.system.size() <= kWordBytesMax && !ref.id.empty() && ref.id.size() <= kWordBytesMax;
    if (!named) return io.problem().custom(fmt::format("Expected system and id of 1 to {} bytes", kWordBytesMax), each);
    if (ref.text.value_or("").size() > kTextBytesMax || ref.title.value_or("").size() > kTextBytesMax ||
        ref.url.value_or("").size() > kTextBytesMax) {
      return io.problem().custom(fmt::format("Expected texts of at most {} bytes", kTextBytesMax), each);
    }
  }
}

}  // namespace
}  // namespace quarterdeck::wire

namespace quarterdeck::domain {

void describe(wire::Reader& io, HandoffWorktree& worktree) {
  io.field_or("branch", worktree.branch, {});
  io.field_or("base", worktree.base, {});
}

void describe(wire::Reader& io, Handoff& handoff) {
  io.field("request", handoff.request);
  wire::check_word(io, "request", handoff.request, wire::kRequestBytesMax);
  io.field_or("refs", handoff.refs, {});
  wire::check_refs(io, handoff.refs);
  io.field_or("directory", handoff.directory, {});
  io.field("title", handoff.title);
  if (handoff.title) wire::check_word(io, "title", *handoff.title);
  io.field_or("priority", handoff.priority, Priority::P2);
  io.field_or("labels", handoff.labels, {});
  wire::check_labels(io, handoff.labels);
  io.field("owner", handoff.owner);
  if (handoff.owner) wire::check_word(io, "owner", *handoff.owner);
  io.field("budget", handoff.budget);
  wire::check_budget(io, handoff.budget);
  io.field("agent", handoff.agent);
  io.field("model", handoff.model);
  wire::read_worktree(io, handoff);
  io.field("principal", handoff.principal);
  if (handoff.principal) wire::check_word(io, "principal", *handoff.principal);
  wire::object_text_field(io, "reply_to", handoff.reply_to);
  wire::check_object_bytes(io, "reply_to", handoff.reply_to);
  wire::result_schema_field(io, handoff.result_schema);
  io.field_or("fresh", handoff.fresh, false);
}

void describe(wire::Writer& io, Handoff& handoff) {
  io.field("request", handoff.request);
  io.field("refs", handoff.refs);
  io.field("directory", handoff.directory);
  io.field("agent", handoff.agent);
  io.field("model", handoff.model);
  io.field("reply_to", handoff.reply_to);
  io.field("result_schema", handoff.result_schema);
}

void describe(wire::Reader& io, StandingChange& change) {
  io.field("title", change.title);
  if (change.title) wire::check_word(io, "title", *change.title);
  io.field("agent", change.agent);
  io.field("model", change.model);
  io.field("priority", change.priority);
  io.field("labels", change.labels);
  if (change.labels) wire::check_labels(io, *change.labels);
  if (io.has("owner")) {
    io.field("owner", change.owner.emplace());
    if (*change.owner) wire::check_word(io, "owner", **change.owner);
  }
  if (io.has("budget")) {
    io.field("budget", change.budget.emplace());
    wire::check_budget(io, *change.budget);
  }
}

void describe(wire::Reader& io, RequestAnswer& answer) {
  io.field("hash", answer.hash);
  io.field("reply", answer.reply);
  io.field("message", answer.message);
  io.field("answers", answer.answers);
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {

Result<domain::Handoff> decode_handoff(std::string_view json) { return decode_text<domain::Handoff>(json); }
Result<domain::StandingChange> decode_standing_change(std::string_view json) {
  return decode_text<domain::StandingChange>(json);
}
Result<domain::RequestAnswer> decode_request_answer(std::string_view json) {
  return decode_text<domain::RequestAnswer>(json.empty() ? "{}" : json);
}
std::string encode_handoff(const domain::Handoff& handoff) { return encode(handoff); }

struct BudgetAlone {
  std::optional<domain::Budget> budget;
};
void describe(Reader& io, BudgetAlone& alone) {
  io.field("budget", alone.budget);
  check_budget(io, alone.budget);
}

template <class Io>
void describe(Io& io, KeptAnswer& answer) {
  io.field("fingerprint", answer.fingerprint);
  io.field("status", answer.status);
  io.field("body", answer.body);
}
std::string encode_kept_answer(const KeptAnswer& answer) { return encode(answer); }
Result<KeptAnswer> decode_kept_answer(std::string_view json) { return decode_text<KeptAnswer>(json); }

std::string encode_standing(const domain::Standing& standing) { return encode(standing); }
Result<domain::Standing> decode_standing(std::string_view json) { return decode_text<domain::Standing>(json); }
std::string encode_attention(const domain::Attention& attention) { return encode(attention); }
Result<domain::Attention> decode_attention(std::string_view json) { return decode_text<domain::Attention>(json); }
std::string encode_budget(const domain::Budget& budget) { return encode(budget); }
Result<domain::Budget> decode_budget(std::string_view json) {
  TRY(BudgetAlone alone, decode_text<BudgetAlone>(fmt::format("{{\"budget\":{}}}", json)));
  if (!alone.budget) return fail(ErrorCode::invalid, "Expected object\n  at [\"budget\"]");
  return *alone.budget;
}
std::string encode_waiting(const domain::Waiting& waiting) { return encode(waiting); }
std::string encode_roster_row(const domain::RosterRow& row) { return encode(row); }

std::string_view priority_name(domain::Priority priority) { return name_in(priority); }
std::string_view group_name(domain::Attention::Group group) { return name_in(group); }
std::string_view state_name(domain::Attention::State state) { return name_in(state); }
std::optional<domain::Priority> priority_named(std::string_view name) { return named<domain::Priority>(name); }
std::optional<domain::Attention::Group> group_named(std::string_view name) {
  return named<domain::Attention::Group>(name);
}
std::optional<domain::Attention::State> state_named(std::string_view name) {
  return named<domain::Attention::State>(name);
}

}  // namespace quarterdeck::wire
