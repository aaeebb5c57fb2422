#include "tools/after_change.hpp"

#include "format/formatters.hpp"
#include "lsp/servers.hpp"
#include "tools/text_file.hpp"

namespace quarterdeck::tools {

Task<std::optional<std::string>> format_written(std::filesystem::path file, bool byte_order_mark,
                                                ToolContext& context) {
  if (!context.formatters || !co_await context.formatters->format(file, context.stop)) co_return std::nullopt;
  const auto load = [&file, byte_order_mark]() -> std::optional<std::string> {
    auto now = load_text(file);
    if (!now) return std::nullopt;
    if (now->byte_order_mark != byte_order_mark) static_cast<void>(save_text(file, now->text, byte_order_mark));
    return std::move(now->text);
  };
  co_return co_await blocking(context.loop, context.pool, load);
}

Task<Diagnosed> diagnose(std::vector<std::filesystem::path> files, ToolContext& context) {
  Diagnosed diagnosed;
  lsp::Servers* servers = context.language_servers;
  if (!servers || !servers->enabled()) co_return diagnosed;
  co_await servers->changed(files, context.stop);
  diagnosed.all = servers->diagnostics();
  diagnosed.metadata = lsp::diagnostics_json(diagnosed.all, files);
  co_return diagnosed;
}

std::string Diagnosed::errors_of(const std::filesystem::path& file, const std::string& shown) const {
  for (const auto& each : all) {
    if (each.file == file) return lsp::report(shown, each.list);
  }
  return {};
}

}  // namespace quarterdeck::tools
