#include "workspace/checkpoints.hpp"

#include <charconv>

#include "workspace/git_run.hpp"

namespace quarterdeck::workspace {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kTitleBytesMax = 200;
// Fields end with \x02, a commit begins with \x01; its numbers follow. Neither comes up in what we write.
constexpr const char* kFormat = "--format=%x01%H%x02%P%x02%ct%x02%an%x02%s%x02%b%x02";

std::string ref_of(const SessionId& session) { return "refs/quarterdeck/" + session.value; }

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kTitleBytesMax)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return out;
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string trailer(const std::string& body, std::string_view name) {
  for (const std::string& line : lines_of(body)) {
    if (line.starts_with(name) && line.substr(name.size()).starts_with(": ")) return line.substr(name.size() + 2);
  }
  return {};
}

// " 3 files changed, 5 insertions(+), 2 deletions(-)"
void read_numbers(std::string_view text, Checkpoint& out) {
  std::int64_t last = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n,", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (!word.empty() && word[0] >= '0' && word[0] <= '9') last = number(word);
    if (word.starts_with("file")) out.files = last;
    if (word.starts_with("insertion")) out.additions = last;
    if (word.starts_with("deletion")) out.deletions = last;
    at = end + 1;
  }
}

std::vector<Checkpoint> parse_log(std::string_view output) {
  std::vector<Checkpoint> found;
  for (std::size_t at = output.find('\x01'); at != output.npos;) {
    const std::size_t next = output.find('\x01', at + 1);
    std::string_view record = output.substr(at + 1, next == output.npos ? next : next - at - 1);
    std::string fields[6];
    for (std::string& field : fields) {
      const std::size_t end = std::min(record.find('\x02'), record.size());
      field = record.substr(0, end);
      record.remove_prefix(std::min(end + 1, record.size()));
    }
    Checkpoint each{.id = fields[0],
                    .parent = fields[1].substr(0, fields[1].find(' ')),
                    .kind = trailer(fields[5], "Quarterdeck-Kind"),
                    .at = number(fields[2]) * 1000,
                    .title = fields[4],
                    .author = fields[3],
                    .message = trailer(fields[5], "Quarterdeck-Message"),
                    .head = trailer(fields[5], "Quarterdeck-Head")};
    read_numbers(record, each);
    found.push_back(std::move(each));
    at = next;
  }
  return found;
}

}  // namespace

std::string head_commit(const fs::path& worktree) {
  const fs::path git_dir = git_dir_of(worktree);
  const fs::path common = common_git_dir(worktree);
  std::string head = read_file(git_dir / "HEAD").value_or("");
  while (head.ends_with('\n')) head.pop_back();
  constexpr std::string_view kRef = "ref: ";
  if (!head.starts_with(kRef)) return head;
  const std::string ref = head.substr(kRef.size());
  if (auto loose = read_file(common / ref)) {
    while (loose->ends_with('\n')) loose->pop_back();
    return *loose;
  }
  for (const std::string& line : lines_of(read_file(common / "packed-refs").value_or(""))) {
    const auto space = line.find(' ');
    if (space != line.npos && std::string_view(line).substr(space + 1) == ref) return line.substr(0, space);
  }
  return {};
}

Task<Result<std::string>> keep_checkpoint(Snapshots& snapshots, Location location, TreeId tree, CheckpointNote note) {
  std::string message =
      fmt::format("{}\n\nQuarterdeck-Kind: {}\n", note.title.empty() ? note.kind : one_line(note.title), note.kind);
  if (!note.message.empty()) message += fmt::format("Quarterdeck-Message: {}\n", note.message);
  const std::string head = head_commit(location.worktree);
  if (!head.empty()) message += fmt::format("Quarterdeck-Head: {}\n", head);
  message.pop_back();
  Snapshots::Keep keep{
      .ref = ref_of(note.session), .tree = std::move(tree), .message = std::move(message), .at_ms = note.at};
  co_return co_await snapshots.keep(std::move(location), std::move(keep));
}

Task<bool> has_no_checkpoint(Snapshots& snapshots, Location location, SessionId session) {
  co_return (co_await snapshots.kept(std::move(location), ref_of(session))).empty();
}

Task<Result<std::vector<Checkpoint>>> checkpoints(Snapshots& snapshots, Location location, SessionId session,
                                                  int limit) {
  const std::string tip = co_await snapshots.kept(location, ref_of(session));
  if (tip.empty()) co_return std::vector<Checkpoint>();
  std::vector<std::string> arguments{"log",
                                     "--shortstat",
                                     "--no-ext-diff",
                                     "--no-textconv",
                                     "--no-renames",
                                     kFormat,
                                     fmt::format("--max-count={}", limit),
                                     tip,
                                     "--"};
  CO_TRY(const std::string output, co_await snapshots.ask(std::move(location), std::move(arguments)));
  co_return parse_log(output);
}

Task<Result<std::vector<Checkpoint>>> real_commits(process::Processes& processes, fs::path checkout, std::string base,
                                                   std::string head, int limit) {
  GitRun run{.directory = std::move(checkout),
             .arguments = {"log", "--shortstat", "--no-ext-diff", "--no-textconv", "--no-renames", kFormat,
                           fmt::format("--max-count={}", limit), "--end-of-options", base + ".." + head, "--"}};
  CO_TRY(const std::string output, co_await run_git(processes, std::move(run)));
  std::vector<Checkpoint> found = parse_log(output);
  for (Checkpoint& each : found) each.kind = "commit";
  co_return found;
}

}  // namespace quarterdeck::workspace
