#include "store/sqlite/search_documents.hpp"

#include "domain/event.hpp"
#include "wire/event.hpp"
#include "wire/json.hpp"

namespace quarterdeck::store::sqlite {

using namespace domain;

namespace {

constexpr std::size_t kTextBytesMax = 64'000;    // of what was said
constexpr std::size_t kInputBytesMax = 4'000;    // of a tool call
constexpr std::size_t kOutputHeadBytes = 12'000;  // of its output: how it begins and how it ends
constexpr std::size_t kOutputTailBytes = 4'000;

// Whole characters: no byte of a cut one is left.
std::string cut(std::string_view text, std::size_t bytes_max) {
  return text.size() <= bytes_max ? std::string(text) : wire::valid_utf8(text.substr(0, bytes_max));
}

std::string middle_out(std::string_view text) {
  if (text.size() <= kOutputHeadBytes + kOutputTailBytes) return std::string(text);
  return cut(text, kOutputHeadBytes) + "\n…\n" + wire::valid_utf8(text.substr(text.size() - kOutputTailBytes));
}

// The strings of a call's input: names of members and punctuation are nothing to look for.
void gather(const wire::Json& value, std::string& out) {
  if (out.size() >= kInputBytesMax) return;
  if (value.is_string()) {
    out += cut(std::string_view(value.get_string()), kInputBytesMax - out.size());
    out += '\n';
  } else if (const auto* list = value.if_array()) {
    for (const wire::Json& each : *list) gather(each, out);
  } else if (const auto* object = value.if_object()) {
    for (const auto& [name, each] : *object) gather(each, out);
  }
}

// "[main 1a2b3c4] Subject": what git commit says of what it did.
std::string commit_in(std::string_view output) {
  for (auto open = output.find('['); open != output.npos; open = output.find('[', open + 1)) {
    const auto close = output.find("] ", open);
    if (close == output.npos) return {};
    const std::string_view inside = output.substr(open + 1, close - open - 1);
    const auto space = inside.rfind(' ');
    const std::string_view hash = space == inside.npos ? "" : inside.substr(space + 1);
    const bool hex = hash.size() >= 7 && hash.size() <= 40 && hash.find_first_not_of("0123456789abcdef") == hash.npos;
    if (!hex) continue;
    const std::string_view subject = output.substr(close + 2, output.find('\n', close) - close - 2);
    return fmt::format("{} {}", hash, subject);
  }
  return {};
}

void add_call(Found& found, const Document& about, const ToolPart& call) {
  std::string_view input, output;
  if (const auto* done = std::get_if<ToolCompleted>(&call.state)) {
    input = done->input.text;
    output = done->output;
  } else if (const auto* failed = std::get_if<ToolError>(&call.state)) {
    input = failed->input.text;
    output = failed->error;
  } else {
    return;
  }
  Document document = about;
  document.kind = "tool";
  document.tool = call.tool;
  document.text = call.tool + "\n";
  if (const auto given = wire::parse(input)) gather(*given, document.text);
  const bool commits = call.tool == "bash" && document.text.contains("git") && document.text.contains("commit");
  document.text += middle_out(output);
  found.documents.push_back(std::move(document));
  if (std::string commit = commits ? commit_in(output) : ""; !commit.empty()) {
    Document made = about;
    made.key += " commit";
    made.kind = "commit";
    made.text = cut(commit, kInputBytesMax);
    found.documents.push_back(std::move(made));
  }
}

Found of_session(const StoredEvent& event, const Session& session) {
  Found found;
  found.documents.push_back(
      {.key = session.id.value, .kind = "title", .time = event.time, .text = cut(session.title, 1'000)});
  return found;
}

Found of_part(const StoredEvent& event, const Part& part) {
  Found found;
  const Document about{
      .key = part.id.value, .message = part.message_id.value, .part = part.id.value, .time = event.time};
  if (const auto* call = std::get_if<ToolPart>(&part.content)) {
    add_call(found, about, *call);
  } else if (const auto* text = std::get_if<TextPart>(&part.content)) {
    // What an agent says has a time; while it is still saying it, the time has no end.
    const bool unfinished = text->time && !text->time->end;
    if (text->synthetic.value_or(false) || unfinished || text->text.empty()) return found;
    Document document = about;
    document.kind = text->time ? "answer" : "prompt";
    document.text = cut(text->text, kTextBytesMax);
    found.documents.push_back(std::move(document));
  }
  return found;
}

}  // namespace

Found documents_of(const StoredEvent& event) {
  const std::string_view type = event.type;
  const bool tells = type.starts_with("session.") || type.starts_with("message.");
  if (!tells || !event.properties || type == "session.error") return {};
  const auto decoded = wire::decode_event(type, wire::kEventVersion, *event.properties);
  if (!decoded) return {};
  if (const auto* made = std::get_if<SessionCreated>(&*decoded)) return of_session(event, made->info);
  if (const auto* updated = std::get_if<SessionUpdated>(&*decoded)) return of_session(event, updated->info);
  if (std::holds_alternative<SessionDeleted>(*decoded)) return {.documents = {}, .forget = ForgetSession{}};
  if (const auto* removed = std::get_if<MessageRemoved>(&*decoded))
    return {.documents = {}, .forget = ForgetMessage{removed->message_id.value}};
  if (const auto* removed = std::get_if<PartRemoved>(&*decoded))
    return {.documents = {}, .forget = ForgetPart{removed->part_id.value}};
  if (const auto* part = std::get_if<PartUpdated>(&*decoded)) return of_part(event, part->part);
  return {};
}

}  // namespace quarterdeck::store::sqlite
