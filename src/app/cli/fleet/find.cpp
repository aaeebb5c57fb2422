#include "app/cli/fleet/find.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/encoding.hpp"
#include "base/id.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::size_t kIdBytes = 30;  // ses_ and 26 characters
constexpr int kPagesMax = 20;
constexpr std::size_t kTextBytesMax = 8'000'000;

std::string several(std::string_view what, std::string_view word, const std::vector<std::string>& ids) {
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(ids.size(), 5); ++i) list += "\n  " + ids[i];
  if (ids.size() > 5) list += fmt::format("\n  … and {} more", ids.size() - 5);
  return fmt::format("several {} fit \"{}\"; type more of the id:{}", what, word, list);
}

bool is_about(const wire::Json& row, std::string_view word) {
  const auto* refs = wire::array_at(row, "refs");
  if (refs == nullptr) return false;
  return std::ranges::any_of(*refs, [&](const wire::Json& ref) {
    const std::string id = wire::string_at(ref, "id");
    return id == word || wire::string_at(ref, "system") + ":" + id == word;
  });
}

bool is_open(const wire::Json& row) {
  const wire::Json* attention = wire::value_at(row, "attention");
  return attention != nullptr && wire::string_at(*attention, "state") != "done";
}

}  // namespace

std::string session_path(std::string_view session, std::string_view more) {
  return fmt::format("/fleet/session/{}{}", percent_encode(session), more);
}

net::Headers key_header(const std::string& key) {
  if (key.empty()) return {};
  return {{"Idempotency-Key", key}};
}

Task<Result<std::string>> find_session(Client& client, std::string word) {
  if (word.starts_with("ses_") && word.size() >= kIdBytes) co_return word;
  std::vector<std::string> begin_so, open_refs, closed_refs;
  std::string cursor;
  for (int page = 0; page < kPagesMax; ++page) {
    Client::Call call{.path = "/fleet/roster", .query = {{"limit", "500"}, {"archived", "true"}}};
    if (!cursor.empty()) call.query.emplace_back("cursor", cursor);
    CO_TRY(const wire::Json roster, co_await client.call(std::move(call)));
    const auto* rows = wire::array_at(roster, "sessions");
    if (rows == nullptr)
      co_return fail(ErrorCode::internal, "{} has no roster; is it a Quarterdeck server?", client.target().url);
    for (const wire::Json& row : *rows) {
      const std::string id = wire::string_at(row, "sessionID");
      if (id == word) co_return id;
      if (id.starts_with(word) || (word.size() >= 4 && id.starts_with("ses_" + word))) begin_so.push_back(id);
      if (is_about(row, word)) (is_open(row) ? open_refs : closed_refs).push_back(id);
    }
    cursor = wire::string_at(roster, "next");
    if (cursor.empty()) break;
  }
  for (const auto* found : {&open_refs, &closed_refs, &begin_so}) {
    if (found->size() == 1) co_return found->front();
    if (found->size() > 1) co_return fail(ErrorCode::conflict, "{}", several("sessions", word, *found));
  }
  Client::Call by_key{.path = "/fleet/handoff", .query = {{"key", word}}};
  const auto known = co_await client.call(std::move(by_key));
  if (known) co_return wire::string_at(*known, "sessionID");
  // Children are in no roster.
  if (word.starts_with("ses_")) {
    Client::Call exact{.path = session_path(word)};
    const auto row = co_await client.call(std::move(exact));
    if (row) co_return word;
  }
  co_return fail(ErrorCode::not_found,
                 "no session is \"{}\": no id begins so, no key or ref is so. `quarterdeck ps` lists them.", word);
}

Task<Result<std::vector<std::string>>> find_sessions(Client& client, std::vector<std::string> words) {
  std::vector<std::string> ids;
  for (const std::string& word : words) {
    CO_TRY(std::string id, co_await find_session(client, word));
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(std::move(id));
  }
  co_return ids;
}

Task<Result<wire::Json>> find_project(Client& client, std::string name) {
  Client::Call call{.path = "/project"};
  CO_TRY(const wire::Json list, co_await client.call(std::move(call)));
  std::vector<const wire::Json*> found;
  const auto* projects = list.if_array();
  const wire::JsonArray none;
  for (const wire::Json& each : projects != nullptr ? *projects : none) {
    const std::string directory = wire::string_at(each, "worktree");
    if (wire::string_at(each, "id") == name || directory == name || directory.ends_with("/" + name))
      found.push_back(&each);
  }
  if (found.size() == 1) co_return *found.front();
  if (found.empty())
    co_return fail(ErrorCode::not_found, "no project is \"{}\"; --directory names a place that is not known yet", name);
  co_return fail(ErrorCode::conflict, "several projects are \"{}\": {}, {}…; give the whole directory", name,
                 wire::string_at(*found[0], "worktree"), wire::string_at(*found[1], "worktree"));
}

Task<Result<wire::Json>> find_request(Client& client, std::string word) {
  Client::Call call{.path = "/fleet/request"};
  CO_TRY(const wire::Json answer, co_await client.call(std::move(call)));
  std::vector<const wire::Json*> found;
  const auto* list = wire::array_at(answer, "requests");
  const wire::JsonArray none;
  for (const wire::Json& each : list != nullptr ? *list : none) {
    if (wire::string_at(each, "id").starts_with(word)) found.push_back(&each);
  }
  if (found.empty() && !word.starts_with("per_") && !word.starts_with("que_")) {
    CO_TRY(const std::string session, co_await find_session(client, word));
    for (const wire::Json& each : list != nullptr ? *list : none) {
      if (wire::string_at(each, "headID") == session || wire::string_at(each, "sessionID") == session)
        found.push_back(&each);
    }
    if (found.empty())
      co_return fail(ErrorCode::not_found, "{} asks nothing now; `quarterdeck requests` lists what is open", session);
  }
  if (found.empty()) {
    co_return fail(ErrorCode::not_found,
                   "no open request is \"{}\": it was answered, or withdrawn. "
                   "`quarterdeck requests` lists what is open",
                   word);
  }
  if (found.size() > 1) {
    std::vector<std::string> ids;
    for (const wire::Json* each : found) ids.push_back(wire::string_at(*each, "id"));
    co_return fail(ErrorCode::conflict, "{}", several("requests", word, ids));
  }
  co_return *found.front();
}

Result<std::string> text_from(const std::vector<std::string>& words, const std::string& file, bool from_input) {
  std::string text;
  const bool dash = words.size() == 1 && words.front() == "-";
  if (!file.empty() && file != "-") {
    if (!words.empty()) return fail(ErrorCode::invalid, "give the text as words or with --file, not both");
    std::ifstream in(file, std::ios::binary);
    if (!in) return fail(ErrorCode::invalid, "{} cannot be read", file);
    text.assign(std::istreambuf_iterator<char>(in), {});
  } else if (dash || file == "-" || (words.empty() && from_input)) {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  }
  if (text.size() > kTextBytesMax) return fail(ErrorCode::invalid, "the text is longer than 8 MB");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace quarterdeck::app
