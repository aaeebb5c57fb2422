#include "tools/truncate.hpp"

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"

namespace quarterdeck::tools {

std::optional<Head> cut_head(std::string_view text, std::size_t lines_max, std::size_t bytes_max) {
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  if (lines <= lines_max && text.size() <= bytes_max) return std::nullopt;
  std::size_t end = 0;  // of the kept lines, without the line feed after the last
  std::size_t kept = 0;
  bool bytes_met = false;
  for (std::size_t start = 0; kept < lines_max; ++kept) {
    const std::size_t line_end = std::min(text.find('\n', start), text.size());
    if (line_end > bytes_max) {
      bytes_met = true;
      break;
    }
    end = line_end;
    start = line_end + 1;
    if (start > text.size()) break;
  }
  if (bytes_met) return Head{.kept = text.substr(0, end), .removed = text.size() - end, .unit = "bytes"};
  return Head{.kept = text.substr(0, end), .removed = lines - kept, .unit = "lines"};
}

Task<std::filesystem::path> keep_full_output(std::string text, ToolContext& context) {
  std::filesystem::path file = context.output_dir / context.ids.other("tool");
  const auto write = [file, text = std::move(text)]() -> Result<void> {
    if (failpoint::fails("output.keep"))
      return fail(ErrorCode::unavailable, "cannot write {}: failpoint", file.string());
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    return write_file_atomically(file, text, 0600);
  };
  const auto written = co_await blocking(context.loop, context.pool, write);
  if (!written) log::warn("full tool output is lost: {}", written.error().message);
  failpoint::reach("output.kept");
  co_return file;
}

Task<Bounded> bound_output(std::string output, ToolContext& context) {
  const auto head = cut_head(output);
  if (!head) co_return Bounded{.output = std::move(output)};
  std::string shown = fmt::format("{}\n\n...{} {} truncated...\n\n", head->kept, head->removed, head->unit);
  const auto file = co_await keep_full_output(std::move(output), context);
  shown += fmt::format(
      "The tool call succeeded but the output was truncated. Full output saved to: {}\nUse Grep to search the full "
      "content or Read with offset/limit to view specific sections.",
      file.string());
  co_return Bounded{.output = std::move(shown), .file = file};
}

}  // namespace quarterdeck::tools
