#include <mutex>

#include "store/sqlite/connection.hpp"
#include "store/sqlite/filesystem.hpp"
#include "store/webhooks.hpp"
#include "wire/webhook.hpp"

namespace quarterdeck::store {
namespace {

using sqlite::Access;
using sqlite::Connection;
using sqlite::SqlFailure;

constexpr std::int64_t kVersion = 1;

constexpr const char* kSchema = R"sql(
CREATE TABLE hook (
  id            TEXT PRIMARY KEY,
  body          TEXT NOT NULL,     -- wire/webhook: with its secrets
  cursor        INTEGER NOT NULL,
  attempts      INTEGER NOT NULL DEFAULT 0,
  failing_since INTEGER NOT NULL DEFAULT 0,
  next_at       INTEGER NOT NULL DEFAULT 0,
  disabled      TEXT NOT NULL DEFAULT ''
);
CREATE TABLE delivery (
  row     INTEGER PRIMARY KEY AUTOINCREMENT,
  hook    TEXT NOT NULL REFERENCES hook (id) ON DELETE CASCADE,
  event   TEXT NOT NULL,
  session TEXT NOT NULL,
  state   TEXT NOT NULL,
  at      INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  status  INTEGER NOT NULL,
  ms      INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  error   TEXT NOT NULL
);
CREATE INDEX delivery_by_hook ON delivery (hook, row);
)sql";

class SqliteWebhooks final : public WebhookStore {
 public:
  explicit SqliteWebhooks(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

  Result<std::vector<KnownWebhook>> all() override {
    return guarded([&] {
      std::vector<KnownWebhook> out;
      auto rows =
          connection_->rows("SELECT body, cursor, attempts, failing_since, next_at, disabled FROM hook ORDER BY id");
      while (rows.next()) {
        auto hook = wire::decode_stored_webhook(rows.text(0));
        if (!hook) continue;
        out.push_back({std::move(*hook),
                       {.cursor = rows.integer(1),
                        .attempts = static_cast<int>(rows.integer(2)),
                        .failing_since = rows.integer(3),
                        .next_at = rows.integer(4),
                        .disabled = std::string(rows.text(5))}});
      }
      return Result<std::vector<KnownWebhook>>(std::move(out));
    });
  }

  Result<void> put(const domain::Webhook& hook, const domain::WebhookProgress& if_new) override {
    return guarded([&] {
      const std::string body = wire::encode_stored_webhook(hook);
      connection_->run(
          "INSERT INTO hook (id, body, cursor) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
          std::string_view(hook.id), std::string_view(body), if_new.cursor);
      return Result<void>();
    });
  }

  Result<void> remove(const std::string& id) override {
    return guarded([&]() -> Result<void> {
      connection_->run("DELETE FROM hook WHERE id = ?", std::string_view(id));
      if (connection_->changes() == 0) return fail(ErrorCode::not_found, "There is no webhook {}", id);
      return {};
    });
  }

  Result<void> settle(const std::string& id, const domain::WebhookProgress& progress,
                      const domain::WebhookDelivery* delivery) override {
    return guarded([&] {
      connection_->execute("BEGIN IMMEDIATE");
      connection_->run(
          "UPDATE hook SET cursor = ?, attempts = ?, failing_since = ?, next_at = ?, disabled = ? WHERE id = ?",
          progress.cursor, static_cast<std::int64_t>(progress.attempts), progress.failing_since, progress.next_at,
          std::string_view(progress.disabled), std::string_view(id));
      if (delivery && connection_->changes() > 0) {
        connection_->run(
            "INSERT INTO delivery (hook, event, session, state, at, attempt, status, ms, outcome, error) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            std::string_view(id), std::string_view(delivery->event), std::string_view(delivery->session),
            std::string_view(delivery->state), delivery->at, static_cast<std::int64_t>(delivery->attempt),
            static_cast<std::int64_t>(delivery->status), delivery->ms, std::string_view(delivery->outcome),
            std::string_view(delivery->error));
        connection_->run(
            "DELETE FROM delivery WHERE hook = ?1 AND row <= "
            "(SELECT row FROM delivery WHERE hook = ?1 ORDER BY row DESC LIMIT 1 OFFSET ?2)",
            std::string_view(id), static_cast<std::int64_t>(kDeliveriesKept));
      }
      connection_->execute("COMMIT");
      return Result<void>();
    });
  }

  Result<std::vector<domain::WebhookDelivery>> deliveries(const std::string& id, int limit) override {
    return guarded([&] {
      std::vector<domain::WebhookDelivery> out;
      auto rows = connection_->rows(
          "SELECT event, session, state, at, attempt, status, ms, outcome, error FROM delivery WHERE hook = ? "
          "ORDER BY row DESC LIMIT ?",
          std::string_view(id), static_cast<std::int64_t>(limit));
      while (rows.next()) {
        out.push_back({.hook = id,
                       .event = std::string(rows.text(0)),
                       .session = std::string(rows.text(1)),
                       .state = std::string(rows.text(2)),
                       .at = rows.integer(3),
                       .attempt = static_cast<int>(rows.integer(4)),
                       .status = static_cast<int>(rows.integer(5)),
                       .ms = rows.integer(6),
                       .outcome = std::string(rows.text(7)),
                       .error = std::string(rows.text(8))});
      }
      return Result<std::vector<domain::WebhookDelivery>>(std::move(out));
    });
  }

 private:
  template <class Work>
  auto guarded(Work work) -> decltype(work()) {
    const std::scoped_lock lock(mutex_);
    try {
      return work();
    } catch (const SqlFailure& failure) {
      try {
        if (connection_->in_transaction()) connection_->execute("ROLLBACK");
      } catch (const SqlFailure&) {  // it is rolled back with the connection
      }
      return std::unexpected(to_error(failure).in("the webhooks"));
    }
  }

  std::mutex mutex_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace

Result<std::unique_ptr<WebhookStore>> open_webhooks(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "webhooks.db";
  TRY_VOID(sqlite::make_private(directory, file));
  TRY(auto connection, Connection::open({.name = file.string(), .vfs = {}}, Access::read_write));
  try {
    const auto version = connection->integer("PRAGMA user_version").value_or(0);
    if (version > kVersion) return fail(ErrorCode::invalid, "{} was written by a newer version", file.string());
    if (version == 0)
      connection->execute(fmt::format("BEGIN IMMEDIATE;{}PRAGMA user_version={};COMMIT;", kSchema, kVersion));
  } catch (const SqlFailure& failure) {
    return std::unexpected(to_error(failure).in("the webhooks"));
  }
  return std::make_unique<SqliteWebhooks>(std::move(connection));
}

}  // namespace quarterdeck::store
