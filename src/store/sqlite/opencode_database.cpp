#include "store/opencode_database.hpp"

#include <cstdlib>

#include "store/sqlite/connection.hpp"
#include "wire/json.hpp"

namespace quarterdeck::store {
namespace {

using sqlite::Rows;
using wire::JsonObject;

constexpr const char* kSessions =
    "SELECT s.id, s.title, s.project_id, s.parent_id, s.slug, s.directory, s.path, s.version, s.summary_additions, "
    "s.summary_deletions, s.summary_files, s.metadata, s.cost, s.tokens_input, s.tokens_output, s.tokens_reasoning, "
    "s.tokens_cache_read, s.tokens_cache_write, s.permission, s.agent, s.model, s.time_created, s.time_updated, "
    "s.time_archived, p.worktree, p.vcs, p.name, p.time_created, p.time_updated, p.commands FROM session s "
    "LEFT JOIN project p ON p.id = s.project_id ORDER BY s.parent_id IS NOT NULL, s.time_created, s.id";
constexpr const char* kMessages = "SELECT id, data FROM message WHERE session_id = ? ORDER BY time_created, id";
constexpr const char* kParts = "SELECT id, data FROM part WHERE message_id = ? ORDER BY id";

std::string text_at(const Rows& row, int column) { return std::string(row.text(column)); }

// A column that holds JSON; left out when it is empty or damaged.
void add_json(JsonObject& to, std::string_view name, const Rows& row, int column) {
  if (row.null(column)) return;
  auto value = wire::parse(row.text(column));
  if (value && !value->is_null()) to[name] = std::move(*value);
}
void add_text(JsonObject& to, std::string_view name, const Rows& row, int column) {
  if (!row.null(column)) to[name] = row.text(column);
}

OpencodeSession session_of(const Rows& row) {
  JsonObject time{{"created", row.integer(21)}, {"updated", row.integer(22)}};
  if (!row.null(23)) time["archived"] = row.integer(23);
  JsonObject info{{"id", row.text(0)},
                  {"slug", row.text(4)},
                  {"projectID", row.text(2)},
                  {"directory", row.text(5)},
                  {"path", row.text(6)},
                  {"title", row.text(1)},
                  {"version", row.text(7)},
                  {"cost", std::strtod(text_at(row, 12).c_str(), nullptr)},
                  {"tokens", JsonObject{{"input", row.integer(13)},
                                        {"output", row.integer(14)},
                                        {"reasoning", row.integer(15)},
                                        {"cache", JsonObject{{"read", row.integer(16)}, {"write", row.integer(17)}}}}},
                  {"time", std::move(time)}};
  add_text(info, "parentID", row, 3);
  add_text(info, "agent", row, 19);
  add_json(info, "model", row, 20);
  add_json(info, "permission", row, 18);
  add_json(info, "metadata", row, 11);
  if (!row.null(8) || !row.null(9) || !row.null(10)) {
    info["summary"] =
        JsonObject{{"additions", row.integer(8)}, {"deletions", row.integer(9)}, {"files", row.integer(10)}};
  }
  OpencodeSession session{.id = text_at(row, 0), .title = text_at(row, 1), .info = wire::to_text(info), .project = {}};
  if (row.null(24)) return session;
  JsonObject project{{"id", row.text(2)},
                     {"worktree", row.text(24)},
                     {"time", JsonObject{{"created", row.integer(27)}, {"updated", row.integer(28)}}},
                     {"sandboxes", wire::JsonArray{}}};
  add_text(project, "vcs", row, 25);
  add_text(project, "name", row, 26);
  add_json(project, "commands", row, 29);
  session.project = wire::to_text(project);
  return session;
}

class Database final : public OpencodeDatabase {
 public:
  explicit Database(std::unique_ptr<sqlite::Connection> connection) : connection_(std::move(connection)) {}

  Result<std::vector<OpencodeSession>> sessions() override {
    try {
      std::vector<OpencodeSession> found;
      for (Rows rows = connection_->rows(kSessions); rows.next();) found.push_back(session_of(rows));
      return found;
    } catch (const sqlite::SqlFailure& failure) {
      return fail(ErrorCode::invalid, "not a database of a version of OpenCode that is known: {}", failure.what());
    }
  }

  Result<void> each_message(const std::string& session, const std::function<bool(std::string)>& take) override {
    try {
      // The ids first: a statement that stays open while much is sent elsewhere would hold the log of its writer.
      std::vector<std::pair<std::string, std::string>> messages;
      for (Rows rows = connection_->rows(kMessages, std::string_view(session)); rows.next();) {
        messages.emplace_back(text_at(rows, 0), text_at(rows, 1));
      }
      for (const auto& [id, data] : messages) {
        auto info = wire::parse(data);
        if (!info || !info->is_object()) continue;
        info->get_object()["id"] = id;
        info->get_object()["sessionID"] = session;
        if (!take(wire::to_text(JsonObject{{"info", std::move(*info)}, {"parts", parts_of(session, id)}}))) return {};
      }
      return {};
    } catch (const sqlite::SqlFailure& failure) {
      return std::unexpected(to_error(failure));
    }
  }

 private:
  wire::JsonArray parts_of(const std::string& session, const std::string& message) {
    wire::JsonArray parts;
    for (Rows rows = connection_->rows(kParts, std::string_view(message)); rows.next();) {
      auto part = wire::parse(rows.text(1));
      if (!part || !part->is_object()) continue;
      part->get_object()["id"] = rows.text(0);
      part->get_object()["sessionID"] = session;
      part->get_object()["messageID"] = message;
      parts.push_back(std::move(*part));
    }
    return parts;
  }

  std::unique_ptr<sqlite::Connection> connection_;
};

}  // namespace

std::filesystem::path usual_opencode_database(const std::filesystem::path& home) {
  const char* data = std::getenv("XDG_DATA_HOME");
  const std::filesystem::path base = data && *data ? std::filesystem::path(data) : home / ".local/share";
  return base / "opencode" / "opencode.db";
}

Result<std::unique_ptr<OpencodeDatabase>> open_opencode_database(std::filesystem::path path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) path /= "opencode.db";
  if (!std::filesystem::is_regular_file(path, error)) {
    return fail(ErrorCode::not_found, "no database of OpenCode at {}", path.string());
  }
  auto connection = sqlite::Connection::open({.name = path.string(), .vfs = {}}, sqlite::Access::read_only);
  if (!connection) {
    return fail(ErrorCode::invalid, "no database of OpenCode that can be read: {}", connection.error().message);
  }
  return std::make_unique<Database>(std::move(*connection));
}

}  // namespace quarterdeck::store
