#include "tools/after_change.hpp"

#include "format/formatters.hpp"
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

}  // namespace quarterdeck::tools
