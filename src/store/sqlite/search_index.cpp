#include <sys/stat.h>

#include <chrono>
#include <mutex>

#include "base/log.hpp"
#include "store/search.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/filesystem.hpp"
#include "store/sqlite/search_documents.hpp"
#include "store/sqlite/search_words.hpp"

namespace quarterdeck::store {
namespace {

using sqlite::Access;
using sqlite::Connection;
using sqlite::Document;
using sqlite::SqlFailure;

constexpr std::int64_t kVersion = 1;

constexpr const char* kSchema = R"sql(
CREATE TABLE progress (one INTEGER PRIMARY KEY CHECK (one = 1), cursor INTEGER NOT NULL);
INSERT INTO progress VALUES (1, 0);
CREATE TABLE document (
  row     INTEGER PRIMARY KEY AUTOINCREMENT,
  key     TEXT NOT NULL UNIQUE,   -- part, or session for titles
  session TEXT NOT NULL,
  project TEXT NOT NULL,
  kind    TEXT NOT NULL,
  message TEXT NOT NULL,
  part    TEXT NOT NULL,
  tool    TEXT NOT NULL,
  time    INTEGER NOT NULL
);
CREATE INDEX document_by_session ON document (session);
CREATE INDEX document_by_message ON document (message) WHERE message <> '';
CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = "unicode61 remove_diacritics 2");
)sql";

// What is found in a title or a commit says more than what is found in output.
constexpr const char* kBest = R"sql(
SELECT d.session, d.kind, d.message, d.part, d.tool, d.time, d.row
FROM words JOIN document d ON d.row = words.rowid
WHERE words MATCH ?1 AND d.row <= ?2 AND (?3 IS NULL OR d.session = ?3) AND (?4 IS NULL OR d.time >= ?4)
  AND (?5 IS NULL OR d.time < ?5) AND (?6 = '' OR instr(?6, ' ' || d.kind || ' ') > 0) AND (?7 IS NULL OR d.project = ?7)
ORDER BY bm25(words) * CASE d.kind WHEN 'title' THEN 3.0 WHEN 'commit' THEN 2.0 WHEN 'prompt' THEN 1.5 WHEN 'answer' THEN 1.2
  ELSE 0.7 END, d.row DESC LIMIT ?8 OFFSET ?9
)sql";
constexpr const char* kNewest = R"sql(
SELECT d.session, d.kind, d.message, d.part, d.tool, d.time, d.row
FROM words JOIN document d ON d.row = words.rowid
WHERE words MATCH ?1 AND d.row <= ?2 AND (?3 IS NULL OR d.session = ?3) AND (?4 IS NULL OR d.time >= ?4)
  AND (?5 IS NULL OR d.time < ?5) AND (?6 = '' OR instr(?6, ' ' || d.kind || ' ') > 0) AND (?7 IS NULL OR d.project = ?7)
ORDER BY d.time DESC, d.row DESC LIMIT ?8 OFFSET ?9
)sql";

// A snippet is dear: only what is shown has one.
constexpr const char* kSnippet =
    "SELECT snippet(words, 0, char(1), char(2), '…', 24) FROM words WHERE words MATCH ? AND rowid = ?";

constexpr std::int64_t kFindMsMax = 3'000;
constexpr int kStepsBetweenLooks = 100'000;

// A word that is everywhere in a big index: whoever asks is told to say more.
class Deadline {
 public:
  explicit Deadline(Connection& connection) : database_(connection.handle()) {
    sqlite3_progress_handler(database_, kStepsBetweenLooks, &Deadline::is_over, this);
  }
  ~Deadline() { sqlite3_progress_handler(database_, 0, nullptr, nullptr); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  static int is_over(void* self) {
    return std::chrono::steady_clock::now() > static_cast<Deadline*>(self)->end_ ? 1 : 0;
  }
  sqlite3* database_;
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(kFindMsMax);
};

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The marks of snippet() become places.
void read_snippet(std::string_view marked, SearchHit& hit) {
  const std::string plain = sqlite::unspaced(marked);
  std::int64_t at = 0, begun = -1;
  for (const char c : plain) {
    if (c == '\x01') {
      begun = at;
    } else if (c == '\x02') {
      if (begun >= 0) hit.matches.emplace_back(begun, at - begun);
      begun = -1;
    } else {
      hit.snippet += c;
      if (!continues(c)) ++at;
    }
  }
}

// Foreign text cannot bring the marks along.
std::string indexed_text(std::string_view text) {
  std::string out = sqlite::spaced(text);
  for (char& c : out) {
    if (c == '\0' || c == '\x01' || c == '\x02') c = ' ';
  }
  return out;
}

class SqliteSearch final : public SearchIndex {
 public:
  SqliteSearch(std::unique_ptr<Connection> connection, std::filesystem::path file)
      : connection_(std::move(connection)), file_(std::move(file)) {}

  Result<Seq> cursor() override {
    return guarded([&] { return Result<Seq>(connection_->integer("SELECT cursor FROM progress").value_or(0)); });
  }

  Result<void> apply(std::span<const StoredEvent> events, Seq upto) override {
    return guarded([&] {
      connection_->execute("BEGIN IMMEDIATE");
      for (const StoredEvent& event : events) take(event);
      connection_->run("UPDATE progress SET cursor = ?", upto);
      connection_->execute("COMMIT");
      return Result<void>();
    });
  }

  Result<SearchPage> find(const SearchQuery& query) override {
    TRY(const std::string expression, sqlite::match_expression(query.words));
    return guarded([&] { return Result<SearchPage>(find_rows(query, expression)); });
  }

  Result<SearchSize> size() override {
    return guarded([&] {
      SearchSize size{.documents = connection_->integer("SELECT count(*) FROM document").value_or(0)};
      for (const char* suffix : {"", "-wal"}) {
        std::error_code none;
        const auto bytes = std::filesystem::file_size(file_.string() + suffix, none);
        if (!none) size.bytes += static_cast<std::int64_t>(bytes);
      }
      return Result<SearchSize>(size);
    });
  }

 private:
  template <class Work>
  auto guarded(Work work) -> decltype(work()) {
    const std::scoped_lock lock(mutex_);
    try {
      return work();
    } catch (const SqlFailure& failure) {
      if ((failure.code & 0xff) == SQLITE_INTERRUPT)
        return fail(ErrorCode::unavailable, "too much fits: add a word, a session, a project or a time");
      if (connection_->in_transaction()) {
        try {
          connection_->execute("ROLLBACK");
        } catch (const SqlFailure&) {  // it is rolled back with the connection
        }
      }
      return std::unexpected(to_error(failure).in("the search index"));
    }
  }

  void take(const StoredEvent& event) {
    const sqlite::Found found = sqlite::documents_of(event);
    if (std::holds_alternative<sqlite::ForgetSession>(found.forget)) {
      connection_->run("DELETE FROM words WHERE rowid IN (SELECT row FROM document WHERE session = ?)", event.session);
      connection_->run("DELETE FROM document WHERE session = ?", event.session);
    } else if (const auto* message = std::get_if<sqlite::ForgetMessage>(&found.forget)) {
      const std::string_view id = message->message;
      connection_->run(
          "DELETE FROM words WHERE rowid IN (SELECT row FROM document WHERE message = ? AND message <> '')", id);
      connection_->run("DELETE FROM document WHERE message = ? AND message <> ''", id);
    } else if (const auto* part = std::get_if<sqlite::ForgetPart>(&found.forget)) {
      forget(part->part);
      forget(part->part + " commit");
    }
    for (const Document& document : found.documents) put(event, document);
  }

  void forget(std::string_view key) {
    const auto row = connection_->integer("SELECT row FROM document WHERE key = ?", key);
    if (!row) return;
    connection_->run("DELETE FROM words WHERE rowid = ?", *row);
    connection_->run("DELETE FROM document WHERE row = ?", *row);
  }

  void put(const StoredEvent& event, const Document& document) {
    const std::string text = indexed_text(document.text);
    const std::string_view body = text, key = document.key;
    if (document.kind == "title" && known_title(key) == text) return;  // sessions change often, their titles do not
    forget(key);
    connection_->run(
        "INSERT INTO document (key, session, project, kind, message, part, tool, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        key, event.session, std::string_view(event.project_id), std::string_view(document.kind),
        std::string_view(document.message), std::string_view(document.part), std::string_view(document.tool),
        document.time);
    connection_->run("INSERT INTO words (rowid, text) VALUES (last_insert_rowid(), ?)", body);
  }

  std::optional<std::string> known_title(std::string_view key) {
    auto rows =
        connection_->rows("SELECT words.text FROM document d JOIN words ON words.rowid = d.row WHERE d.key = ?", key);
    if (!rows.next()) return std::nullopt;
    return std::string(rows.text(0));
  }

  SearchPage find_rows(const SearchQuery& query, const std::string& expression) {
    const Deadline deadline(*connection_);
    SearchPage page;
    page.row_max = query.row_max.value_or(connection_->integer("SELECT max(row) FROM document").value_or(0));
    std::string kinds = query.kinds.empty() ? "" : " ";
    for (const std::string& kind : query.kinds) kinds += kind + " ";
    std::optional<std::string_view> session, project;
    if (query.session) session = query.session->value;
    if (query.project_id) project = *query.project_id;
    auto rows =
        connection_->rows(query.newest_first ? kNewest : kBest, std::string_view(expression), page.row_max, session,
                          query.since, query.until, std::string_view(kinds), project, query.limit + 1, query.offset);
    while (rows.next()) {
      if (static_cast<std::int64_t>(page.hits.size()) == query.limit) {
        page.more = true;
        break;
      }
      SearchHit hit{.session = SessionId{std::string(rows.text(0))},
                    .kind = std::string(rows.text(1)),
                    .message = std::string(rows.text(2)),
                    .part = std::string(rows.text(3)),
                    .tool = std::string(rows.text(4)),
                    .time = rows.integer(5),
                    .snippet = {},
                    .matches = {}};
      auto shown = connection_->rows(kSnippet, std::string_view(expression), rows.integer(6));
      if (shown.next()) read_snippet(shown.text(0), hit);
      page.hits.push_back(std::move(hit));
    }
    return page;
  }

  std::mutex mutex_;
  std::unique_ptr<Connection> connection_;
  std::filesystem::path file_;
};

void remove_index(const std::filesystem::path& file) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    std::filesystem::remove(file.string() + suffix, ignored);
  }
}

std::expected<std::unique_ptr<Connection>, SqlFailure> try_prepare(const std::filesystem::path& file, Seq newest) {
  auto opened = Connection::try_open({.name = file.string(), .vfs = {}}, Access::read_write);
  if (!opened) return std::unexpected(opened.error());
  Connection& connection = **opened;
  try {
    // What a power loss takes is indexed again from the log.
    connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-1000;");
    const auto version = connection.integer("PRAGMA user_version").value_or(0);
    if (version == 0) {
      connection.execute(fmt::format("BEGIN IMMEDIATE;{}PRAGMA user_version={};COMMIT;", kSchema, kVersion));
    } else if (version != kVersion) {
      return std::unexpected(SqlFailure(SQLITE_NOTADB, fmt::format("it has version {}", version)));
    } else if (connection.integer("SELECT cursor FROM progress").value_or(0) > newest) {
      return std::unexpected(SqlFailure(SQLITE_NOTADB, "it is of a newer database"));
    }
  } catch (const SqlFailure& failure) {
    return std::unexpected(failure);
  }
  return std::move(*opened);
}

}  // namespace

void remove_search(const std::filesystem::path& directory) { remove_index(directory / "search.db"); }

Result<std::unique_ptr<SearchIndex>> open_search(const std::filesystem::path& directory, Seq newest) {
  const std::filesystem::path file = directory / "search.db";
  TRY_VOID(sqlite::make_private(directory, file));
  auto prepared = try_prepare(file, newest);
  if (!prepared) {
    log::warn("the search index is made anew: {}", prepared.error().what());
    remove_index(file);
    TRY_VOID(sqlite::make_private(directory, file));
    prepared = try_prepare(file, newest);
  }
  if (!prepared) return std::unexpected(to_error(prepared.error()).in("the search index"));
  return std::make_unique<SqliteSearch>(std::move(*prepared), file);
}

}  // namespace quarterdeck::store
