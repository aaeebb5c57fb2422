#include "workspace/worktree_record.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::workspace {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSuffix = ".json";

}  // namespace

template <class Io>
void describe(Io& io, SessionWorktree& record) {
  io.field("session", record.session);
  io.field("state", record.state);
  io.field("project", record.project_id);
  io.field("main", record.main);
  io.field("directory", record.directory);
  io.field("branch", record.branch);
  io.field("base", record.base);
  io.field_or("port_first", record.port_first, 0);
  io.field_or("port_count", record.port_count, 0);
  io.field_or("created_at", record.created, TimeMs{0});
  io.field("setup_problem", record.setup_problem);
  io.field_or("archived_at", record.archived, TimeMs{0});
  io.field_or("why", record.why, std::string());
  io.field("attached", record.attached);
  io.field_or("head", record.head, std::string());
  io.field("branch_tip", record.branch_tip);
  io.field("kept_files", record.kept_files);
  io.field("bundle", record.bundle);
}

fs::path worktrees_root(const Places& places) { return places.data / "worktree"; }

fs::path record_file(const fs::path& directory) {
  return directory.parent_path() / (directory.filename().string() + std::string(kSuffix));
}

Result<void> write_record(const SessionWorktree& record) {
  return write_file_atomically(record_file(record.directory), wire::encode(record), 0600);
}

void remove_record(const SessionWorktree& record) {
  std::error_code ignored;
  fs::remove(record_file(record.directory), ignored);
}

std::optional<SessionWorktree> record_at(const fs::path& directory) {
  const auto text = read_file(record_file(directory));
  if (!text) return std::nullopt;
  auto record = wire::decode_text<SessionWorktree>(*text);
  // One that was copied to another place says nothing about that place.
  if (!record || fs::path(record->directory) != directory) return std::nullopt;
  return std::move(*record);
}

std::vector<SessionWorktree> all_records(const Places& places) {
  std::vector<SessionWorktree> records;
  std::error_code ignored;
  for (const auto& project : fs::directory_iterator(worktrees_root(places), ignored)) {
    std::error_code inner;
    for (const auto& entry : fs::directory_iterator(project.path(), inner)) {
      fs::path file = entry.path();
      if (file.extension() != kSuffix || !entry.is_regular_file(inner)) continue;
      const fs::path directory = file.parent_path() / file.stem();
      if (auto record = record_at(directory)) {
        records.push_back(std::move(*record));
      } else {
        log::warn("{} cannot be understood: the worktree beside it is left alone", file.string());
      }
    }
  }
  std::ranges::sort(records, {}, [](const auto& record) { return std::pair(record.created, record.session.value); });
  return records;
}

std::optional<SessionWorktree> record_of(const Places& places, const SessionId& session) {
  for (SessionWorktree& record : all_records(places)) {
    if (record.session == session) return std::move(record);
  }
  return std::nullopt;
}

std::map<std::string, std::string> worktree_environment(const SessionWorktree& record) {
  std::map<std::string, std::string> out{{"QUARTERDECK_SESSION", record.session.value},
                                         {"QUARTERDECK_WORKTREE", record.directory},
                                         {"QUARTERDECK_BRANCH", record.branch}};
  if (record.port_count > 0) {
    out["PORT"] = out["QUARTERDECK_PORT_FIRST"] = std::to_string(record.port_first);
    out["QUARTERDECK_PORT_LAST"] = std::to_string(record.port_first + record.port_count - 1);
  }
  return out;
}

std::map<std::string, std::string> worktree_environment_at(const fs::path& directory) {
  const auto record = record_at(directory);
  return record ? worktree_environment(*record) : std::map<std::string, std::string>();
}

}  // namespace quarterdeck::workspace
