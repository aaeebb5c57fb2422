#include "lsp/client.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/clock.hpp"
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "lsp/known.hpp"
#include "wire/json.hpp"

namespace quarterdeck::lsp {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kQuietMs = 150;  // after a list: more often comes at once
constexpr std::int64_t kPullMsMax = 3'000;
constexpr std::int64_t kGoodbyeMs = 1'000;
constexpr std::size_t kDocumentsMax = 64;
constexpr std::size_t kFilesMax = 2'000;
constexpr std::size_t kRegistrationsMax = 100;
constexpr std::size_t kTextBytesMax = 4 * 1024 * 1024;
constexpr std::int64_t kMethodNotFound = -32601;
constexpr int kIncremental = 2;
constexpr int kCreated = 1, kChanged = 2, kDeleted = 3;

domain::JsonText text_of(wire::JsonObject object) { return wire::to_json_text(wire::Json(std::move(object))); }

wire::JsonObject document_of(const fs::path& file) { return {{"uri", uri_of(file)}}; }

std::pair<std::int64_t, std::uintmax_t> stamp_of(const fs::path& file) {
  std::error_code error;
  const auto time = fs::last_write_time(file, error);
  if (error) return {0, 0};
  const auto size = fs::file_size(file, error);
  return {time.time_since_epoch().count(), error ? 0 : size};
}

// Where a text ends, in lines and UTF-16 units.
Position end_of(std::string_view text) {
  Position end;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n' || (byte == '\r' && !text.substr(i + 1).starts_with('\n'))) {
      ++end.line;
      end.character = 0;
    } else if (byte != '\r' && (byte & 0xC0) != 0x80) {
      end.character += byte >= 0xF0 ? 2 : 1;
    }
  }
  return end;
}

// The value at "a.b.c"; null when there is none.
domain::JsonText section_of(const domain::JsonText& settings, std::string_view section) {
  if (section.empty()) return settings;
  const auto parsed = wire::parse(settings.text);
  const wire::Json* at = parsed ? &*parsed : nullptr;
  for (const std::string& name : words(section, '.')) at = at && at->is_object() ? wire::value_at(*at, name) : nullptr;
  return at ? wire::to_json_text(*at) : domain::JsonText{"null"};
}

}  // namespace

std::int64_t monotonic_ms() { return system_clock().monotonic_ns() / 1'000'000; }

std::string uri_of(const fs::path& file) {
  std::string uri = "file://";
  for (const char c : file.string()) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || std::string_view("/-_.~").contains(c);
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

std::optional<fs::path> file_of(std::string_view uri) {
  constexpr std::string_view kFile = "file://";
  if (!uri.starts_with(kFile)) return std::nullopt;
  fs::path file = fs::path(percent_decode(uri.substr(kFile.size()))).lexically_normal();
  if (!file.is_absolute()) return std::nullopt;
  return file;
}

Client::Client(Loop& loop, BlockingPool& pool, process::Processes& processes, ClientOptions options,
               std::function<void(Error)> ended)
    : loop_(loop),
      pool_(pool),
      options_(std::move(options)),
      ended_(std::move(ended)),
      child_(loop, processes,
             {.name = "the language server " + options_.id,
              .command = options_.command,
              .directory = options_.root,
              .environment = options_.environment,
              .owner = options_.owner}) {}

Client::~Client() = default;

Task<Result<void>> Client::open() {
  rpc::ChildEvents events{.output = [this](std::string_view bytes) { on_bytes(bytes); },
                          .ended = [this](Error why) { on_ended(std::move(why)); }};
  CO_TRY_VOID(co_await child_.start(std::move(events)));
  const std::string root = uri_of(options_.root);
  const std::string params = fmt::format(
      R"({{"processId":{},"clientInfo":{{"name":"quarterdeck","version":"{}"}},"rootUri":{},"rootPath":{},"workspaceFolders":[{{"name":"workspace","uri":{}}}],"initializationOptions":{},"capabilities":{{"window":{{"workDoneProgress":true}},"workspace":{{"configuration":true,"workspaceFolders":true,"didChangeConfiguration":{{"dynamicRegistration":true}},"didChangeWatchedFiles":{{"dynamicRegistration":true}},"diagnostics":{{"refreshSupport":false}}}},"textDocument":{{"synchronization":{{"didSave":true}},"diagnostic":{{"dynamicRegistration":true,"relatedDocumentSupport":true}},"publishDiagnostics":{{"versionSupport":true}}}}}}}})",
      ::getpid(), QD_VERSION, wire::quoted(root), wire::quoted(options_.root.string()), wire::quoted(root),
      options_.initialization.text);
  auto answered = co_await ask("initialize", {params}, options_.start_ms_max);
  if (!answered) co_return std::unexpected(std::move(answered).error());
  const auto result = wire::parse(answered->text);
  const wire::Json* capabilities = result ? wire::value_at(*result, "capabilities") : nullptr;
  if (!capabilities || !capabilities->is_object()) {
    co_return fail(ErrorCode::invalid, "the language server {} says nothing of its capabilities", options_.id);
  }
  if (const wire::Json* sync = wire::value_at(*capabilities, "textDocumentSync")) {
    incremental_ = (sync->is_int64() ? sync->get_int64() : wire::int_at(*sync, "change")) == kIncremental;
    const wire::Json* save = wire::value_at(*sync, "save");
    wants_saves_ = save && (save->is_object() || (save->is_bool() && save->get_bool()));
    const wire::Json* with_text = save ? wire::value_at(*save, "includeText") : nullptr;
    wants_text_with_saves_ = with_text && with_text->is_bool() && with_text->get_bool();
  }
  offers_pull_ = wire::object_at(*capabilities, "diagnosticProvider") != nullptr;
  open_ = true;
  notify("initialized", {"{}"});
  if (options_.initialization.text != "{}") {
    notify("workspace/didChangeConfiguration", {R"({"settings":)" + options_.initialization.text + "}"});
  }
  co_return Result<void>();
}

Task<Result<domain::JsonText>> Client::ask(std::string method, domain::JsonText params, std::int64_t timeout_ms) {
  if (closed_) co_return std::unexpected(*closed_);
  const std::int64_t id = next_id_++;
  OneShot<Answer> answer(loop_);
  const auto time_over = [this, id, method, timeout_ms] {
    settle(id, fail(ErrorCode::invalid, "the language server {} did not answer {} within {} ms", options_.id, method,
                    timeout_ms));
    notify("$/cancelRequest", text_of({{"id", id}}));
  };
  waiting_.emplace(id, Waiting{answer.setter(), method, loop_.after_ms(timeout_ms, time_over)});
  send(rpc::rpc_request(id, method, params));
  co_return co_await answer;
}

void Client::settle(std::int64_t id, Answer answer) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  waiting.setter(std::move(answer));
  // Its timer may be the caller.
  loop_.post([waiting = std::move(waiting)] {});
}

void Client::notify(std::string_view method, domain::JsonText params) { send(rpc::rpc_notification(method, params)); }

void Client::send(std::string json) {
  if (closed_) return;
  if (!child_.post(framed(json))) {
    give_up(
        {ErrorCode::unavailable, fmt::format("the language server {} does not read what it is sent", options_.id), {}});
  }
}

// Nothing more is expected of it; whoever keeps it closes it.
void Client::give_up(Error why) {
  if (closed_) return;
  closed_ = why;
  auto unanswered = std::exchange(waiting_, {});
  for (const auto& [id, waiting] : unanswered) waiting.setter(std::unexpected(why));
  // A timer of theirs may be the caller.
  loop_.post([gone = std::move(unanswered)] {});
  wake();
  if (const auto tell = std::exchange(ended_, nullptr)) tell(std::move(why));
}

void Client::on_ended(Error why) { give_up(std::move(why)); }

void Client::on_bytes(std::string_view bytes) {
  if (closed_) return;
  const auto understood = unframer_.add(bytes, [this](std::string_view message) { on_message(message); });
  if (!understood) {
    give_up({ErrorCode::unavailable,
             fmt::format("the language server {}: {}", options_.id, understood.error().message),
             {}});
  }
}

void Client::on_message(std::string_view json) {
  if (closed_) return;
  const auto message = rpc::parse_rpc(json);
  // An answer with neither result nor error is none; some servers send it for null.
  if (!message) return log::debug("language server {}: {}", options_.id, message.error().message);
  if (message->is_request()) return answer_request(*message);
  if (message->is_notification()) {
    if (message->method == "textDocument/publishDiagnostics") on_diagnostics(*message);
    return;
  }
  if (!message->id) return;
  std::int64_t id = 0;
  const std::string& digits = message->id->text;
  std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (message->error) {
    const ErrorCode code = message->error->code == kMethodNotFound ? ErrorCode::not_found : ErrorCode::invalid;
    return settle(id, fail(code, "the language server {}: {}", options_.id, wire::valid_utf8(message->error->message)));
  }
  settle(id, message->result.value_or(domain::JsonText{"null"}));
}

Client::Found* Client::found_in(const fs::path& file) {
  const auto known = found_.find(file);
  if (known != found_.end()) return &known->second;
  if (found_.size() >= kFilesMax && !documents_.contains(file)) return nullptr;
  return &found_.emplace(file, Found{.order = ++counter_}).first->second;
}

void Client::on_diagnostics(const rpc::RpcMessage& message) {
  const auto params = message.params ? wire::parse(message.params->text) : Result<wire::Json>(wire::Json());
  if (!params) return;
  const auto file = file_of(wire::string_at(*params, "uri"));
  const wire::Json* list = wire::value_at(*params, "diagnostics");
  Found* found = file && list ? found_in(*file) : nullptr;
  if (!found) return;
  const bool talk = options_.first_list_is_empty_talk && !found->pushed;
  found->pushed = read_diagnostics(wire::to_json_text(*list));
  if (talk) return;
  const wire::Json* version = wire::value_at(*params, "version");
  published_[*file] = {monotonic_ms(),
                       version && version->is_int64() ? std::optional(version->get_int64()) : std::nullopt};
  wake();
}

void Client::answer_request(const rpc::RpcMessage& request) {
  const auto reply = [&](std::string result) { send(rpc::rpc_result(*request.id, {std::move(result)})); };
  const std::string& method = request.method;
  if (method == "workspace/configuration") {
    const auto params = request.params ? wire::parse(request.params->text) : Result<wire::Json>(wire::Json());
    const wire::JsonArray* items = params ? wire::array_at(*params, "items") : nullptr;
    std::string values;
    for (const wire::Json& item : items ? *items : wire::JsonArray()) {
      if (!values.empty()) values += ',';
      values += section_of(options_.initialization, wire::string_at(item, "section")).text;
    }
    reply("[" + values + "]");
  } else if (method == "workspace/workspaceFolders") {
    reply(fmt::format(R"([{{"name":"workspace","uri":{}}}])", wire::quoted(uri_of(options_.root))));
  } else if (method == "client/registerCapability" || method == "client/unregisterCapability") {
    registered(request, method == "client/registerCapability");
    reply("null");
  } else if (method == "workspace/applyEdit") {
    reply(R"({"applied":false,"failureReason":"edits are the agent's"})");
  } else if (method == "window/showDocument") {
    reply(R"({"success":false})");
  } else if (method == "window/workDoneProgress/create" || method == "window/showMessageRequest" ||
             (method.starts_with("workspace/") && method.ends_with("/refresh"))) {
    reply("null");
  } else {
    send(rpc::rpc_error(*request.id, {kMethodNotFound, "not supported: " + method}));
  }
}

void Client::registered(const rpc::RpcMessage& request, bool adding) {
  const auto params = request.params ? wire::parse(request.params->text) : Result<wire::Json>(wire::Json());
  // "unregisterations" is how the protocol spells it.
  const wire::JsonArray* list =
      params ? wire::array_at(*params, adding ? "registrations" : "unregisterations") : nullptr;
  for (const wire::Json& each : list ? *list : wire::JsonArray()) {
    if (wire::string_at(each, "method") != "textDocument/diagnostic") continue;
    const std::string id = wire::string_at(each, "id");
    if (!adding) {
      registrations_.erase(id);
    } else if (registrations_.size() < kRegistrationsMax) {
      const wire::Json* options = wire::value_at(each, "registerOptions");
      registrations_[id] = options ? wire::string_at(*options, "identifier") : "";
    }
  }
  wake();
}

Task<std::optional<Told>> Client::tell(fs::path file, Saved saved) {
  struct Text {
    std::string text;
    std::pair<std::int64_t, std::uintmax_t> stamp;
  };
  const std::uint64_t ticket = ++counter_;
  auto load = [file]() -> std::optional<Text> {
    const auto stamp = stamp_of(file);
    std::error_code error;
    if (stamp.second > kTextBytesMax || !fs::is_regular_file(file, error)) return std::nullopt;
    auto bytes = read_file(file);
    if (!bytes) return std::nullopt;
    return Text{wire::valid_utf8(*bytes), stamp};
  };
  const auto loaded = co_await blocking(loop_, pool_, load);
  if (closed_) co_return std::nullopt;
  const auto watched = [&](int type) {
    wire::JsonObject change{{"uri", uri_of(file)}, {"type", type}};
    notify("workspace/didChangeWatchedFiles", text_of({{"changes", wire::JsonArray{std::move(change)}}}));
  };
  auto known = documents_.find(file);
  if (!loaded) {
    if (known != documents_.end()) close_document(file);
    found_.erase(file);
    watched(kDeleted);
    co_return std::nullopt;
  }
  // Who read later has told it already.
  if (known != documents_.end() && known->second.ticket > ticket) {
    co_return Told{known->second.version, monotonic_ms()};
  }
  const std::size_t hash = std::hash<std::string>()(loaded->text);
  // The server has this text, and some would not say the same again.
  if (known != documents_.end() && known->second.hash == hash) {
    known->second.stamp = loaded->stamp;
    known->second.used = ++counter_;
    co_return Told{known->second.version, known->second.told_ms};
  }
  const Told told{.version = known == documents_.end() ? 0 : known->second.version + 1, .at_ms = monotonic_ms()};
  wire::JsonObject document = document_of(file);
  document["version"] = told.version;
  if (known == documents_.end()) {
    watched(kCreated);
    if (documents_.size() >= kDocumentsMax) close_least_used();
    if (const auto found = found_.find(file); found != found_.end()) found_.erase(found);
    known = documents_.emplace(file, Document{}).first;
    document["languageId"] = language_of(file);
    document["text"] = loaded->text;
    notify("textDocument/didOpen", text_of({{"textDocument", std::move(document)}}));
  } else {
    watched(kChanged);
    wire::JsonObject change{{"text", loaded->text}};
    if (incremental_) {
      const Position& end = known->second.end;
      change["range"] = wire::JsonObject{{"start", wire::JsonObject{{"line", 0}, {"character", 0}}},
                                         {"end", wire::JsonObject{{"line", end.line}, {"character", end.character}}}};
    }
    notify("textDocument/didChange",
           text_of({{"textDocument", std::move(document)}, {"contentChanges", wire::JsonArray{std::move(change)}}}));
  }
  known->second = {.version = told.version,
                   .end = end_of(loaded->text),
                   .stamp = loaded->stamp,
                   .hash = hash,
                   .told_ms = told.at_ms,
                   .ticket = ticket,
                   .used = ++counter_};
  if (saved == Saved::yes && wants_saves_) {
    wire::JsonObject params{{"textDocument", document_of(file)}};
    if (wants_text_with_saves_) params["text"] = loaded->text;
    notify("textDocument/didSave", text_of(std::move(params)));
  }
  co_return told;
}

void Client::close_document(const fs::path& file) {
  notify("textDocument/didClose", text_of({{"textDocument", document_of(file)}}));
  documents_.erase(file);
  published_.erase(file);
}

void Client::close_least_used() {
  const auto least = std::ranges::min_element(documents_, {}, [](const auto& each) { return each.second.used; });
  const fs::path file = least->first;
  close_document(file);
}

Task<void> Client::refresh() {
  std::vector<std::pair<fs::path, std::pair<std::int64_t, std::uintmax_t>>> open;
  for (const auto& [file, document] : documents_) open.emplace_back(file, document.stamp);
  auto look = [open] {
    std::vector<fs::path> changed;
    for (const auto& [file, stamp] : open) {
      if (stamp_of(file) != stamp) changed.push_back(file);
    }
    return changed;
  };
  const auto changed = co_await blocking(loop_, pool_, look);
  for (const fs::path& file : changed) static_cast<void>(co_await tell(file, Saved::yes));
}

void Client::wake() {
  for (const auto& watcher : std::exchange(watchers_, {})) watcher(Unit{});
}

Task<void> Client::changed_or(std::int64_t wait_ms) {
  OneShot<Unit> changed(loop_);
  watchers_.push_back(changed.setter());
  const auto timer = loop_.after_ms(wait_ms, [setter = changed.setter()] { setter(Unit{}); });
  co_await changed;
}

bool Client::fresh(const fs::path& file, const Told& told) const {
  const auto published = published_.find(file);
  if (published == published_.end()) return false;
  if (published->second.version) return *published->second.version >= told.version;
  return published->second.at_ms >= told.at_ms;
}

Task<bool> Client::settled(fs::path file, Told told, std::int64_t deadline_ms) {
  bool pulled = false;
  for (;;) {
    std::int64_t left = deadline_ms - monotonic_ms();
    if (closed_ || left <= 0) co_return false;
    if (!pulled && offers_pull()) {
      pulled = true;
      if (co_await pull(file, deadline_ms)) co_return true;
      continue;
    }
    if (fresh(file, told)) {
      const std::int64_t quiet = published_[file].at_ms + kQuietMs - monotonic_ms();
      if (quiet <= 0) co_return true;
      left = std::min(left, quiet);
    }
    co_await changed_or(left);
  }
}

// Asks for the file's diagnostics. True when the server has told of this file.
Task<bool> Client::pull(fs::path file, std::int64_t deadline_ms) {
  std::set<std::string> identifiers{""};
  for (const auto& [id, identifier] : registrations_) identifiers.insert(identifier);
  std::map<fs::path, std::vector<Diagnostic>> lists;
  const auto take = [&lists](const fs::path& of, const wire::Json& report) {
    const wire::Json* items = wire::value_at(report, "items");
    if (!items || !items->is_array()) return;
    std::vector<Diagnostic>& list = lists[of];
    for (Diagnostic& each : read_diagnostics(wire::to_json_text(*items))) {
      if (std::ranges::find(list, each.key, &Diagnostic::key) == list.end()) list.push_back(std::move(each));
    }
  };
  for (const std::string& identifier : identifiers) {
    wire::JsonObject params{{"textDocument", document_of(file)}};
    if (!identifier.empty()) params["identifier"] = identifier;
    const std::int64_t left = std::min(kPullMsMax, deadline_ms - monotonic_ms());
    if (left <= 0) break;
    const auto answered = co_await ask("textDocument/diagnostic", text_of(std::move(params)), left);
    const auto report = answered ? wire::parse(answered->text) : Result<wire::Json>(wire::Json());
    if (!report || !report->is_object()) continue;
    take(file, *report);
    const wire::JsonObject* related = wire::object_at(*report, "relatedDocuments");
    for (const auto& each : related ? *related : wire::JsonObject()) {
      if (const auto of = file_of(each.key())) take(*of, each.value());
    }
  }
  const bool told = lists.contains(file);
  for (auto& [of, list] : lists) {
    if (Found* found = found_in(of)) found->pulled = std::move(list);
  }
  co_return told;
}

std::vector<FileDiagnostics> Client::diagnostics() const {
  std::vector<std::pair<std::uint64_t, const fs::path*>> order;
  for (const auto& [file, found] : found_) order.emplace_back(found.order, &file);
  std::ranges::sort(order);
  std::vector<FileDiagnostics> all;
  for (const auto& [number, file] : order) {
    const Found& found = found_.at(*file);
    FileDiagnostics each{*file, found.pushed.value_or(std::vector<Diagnostic>())};
    for (const Diagnostic& more : found.pulled.value_or(std::vector<Diagnostic>())) {
      if (std::ranges::find(each.list, more.key, &Diagnostic::key) == each.list.end()) each.list.push_back(more);
    }
    all.push_back(std::move(each));
  }
  return all;
}

void Client::abandon() {
  if (!open_) give_up({ErrorCode::cancelled, "the language server was stopped while it started", {}});
}

Task<void> Client::close() {
  ended_ = nullptr;
  if (!closed_ && open_) {
    static_cast<void>(co_await ask("shutdown", {"null"}, kGoodbyeMs));
    notify("exit", {"null"});
  }
  if (!closed_) give_up({ErrorCode::unavailable, "the language server was stopped", {}});
  co_await child_.close(kGoodbyeMs);
}

}  // namespace quarterdeck::lsp
