#include "session/attachments.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "base/encoding.hpp"
#include "lsp/client.hpp"
#include "mcp/servers.hpp"
#include "session/context.hpp"
#include "tools/tool.hpp"
#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::string_view kFile = "file://";
constexpr std::string_view kDirectory = "application/x-directory";
constexpr std::size_t kResourceTextBytesMax = 256 * 1024;
constexpr std::size_t kResourceBytesMax = 10 * 1024 * 1024;  // of an image or document
constexpr std::array<std::string_view, 5> kResourceKinds = {"application/pdf", "image/gif", "image/jpeg", "image/png",
                                                            "image/webp"};

// The user named the file: nobody is asked.
class ReadHost final : public tools::ToolHost {
 public:
  Task<std::expected<void, tools::ToolFailure>> ask(tools::PermissionAsk) override {
    co_return std::expected<void, tools::ToolFailure>();
  }
  void progress(std::optional<std::string>, std::optional<JsonText>) override {}
  void process_started(std::int64_t) override {}
  void file_edited(const std::filesystem::path&) override {}
  Task<Result<void>> set_todos(std::vector<Todo>) override { co_return Result<void>(); }
};

struct Lines {
  std::optional<std::int64_t> start;
  std::optional<std::int64_t> end;
};

std::optional<std::int64_t> number_in(std::string_view query, std::string_view name) {
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t stop = std::min(query.find('&', at), query.size());
    const std::string_view pair = query.substr(at, stop - at);
    at = stop + 1;
    const auto equals = pair.find('=');
    if (equals == pair.npos || pair.substr(0, equals) != name) continue;
    std::int64_t value = 0;
    const std::string_view digits = pair.substr(equals + 1);
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc{} && rest == digits.data() + digits.size()) return value;
  }
  return std::nullopt;
}

// A symbol's place is one line; where it ends stands in the part's source.
std::optional<std::int64_t> end_of_symbol(const FilePart& file) {
  const auto source = file.source ? wire::parse(file.source->text) : Result<wire::Json>(wire::Json());
  if (!source || !source->is_object() || wire::string_at(*source, "type") != "symbol") return std::nullopt;
  const wire::Json* line = wire::value_at(*source, "range");
  for (const char* key : {"end", "line"}) line = line && line->is_object() ? wire::value_at(*line, key) : nullptr;
  if (!line || !line->is_int64()) return std::nullopt;
  return line->get_int64() + 1;
}

struct ResourceSource {
  std::string server;
  std::string uri;
};

// A file that an MCP server has.
std::optional<ResourceSource> resource_of(const FilePart& file) {
  const auto source = file.source ? wire::parse(file.source->text) : Result<wire::Json>(wire::Json());
  if (!source || !source->is_object() || wire::string_at(*source, "type") != "resource") return std::nullopt;
  return ResourceSource{wire::string_at(*source, "clientName"), wire::string_at(*source, "uri")};
}

std::string shortened(std::string text) {
  if (text.size() <= kResourceTextBytesMax) return text;
  text = wire::valid_utf8(text.substr(0, kResourceTextBytesMax));
  return text + fmt::format("\n[cut after {} KB]", kResourceTextBytesMax / 1024);
}

std::string read_input(const std::string& path, const Lines& lines) {
  std::string input = fmt::format(R"({{"filePath":{})", wire::quoted(path));
  if (lines.start) {
    const std::int64_t offset = std::max<std::int64_t>(*lines.start, 1);
    input += fmt::format(R"(,"offset":{})", offset);
    if (lines.end && *lines.end >= offset) input += fmt::format(R"(,"limit":{})", *lines.end - offset + 1);
  }
  return input + "}";
}

PromptPart synthetic(std::string text) {
  return {.id = {}, .content = TextPart{.text = std::move(text), .synthetic = true}};
}

PromptPart called(const std::string& input) {
  return synthetic("Called the Read tool with the following input: " + input);
}

// One prompt's files.
class Reader {
 public:
  Reader(Engine& engine, std::shared_ptr<Instance> instance, SessionId session, std::string agent)
      : engine_(engine), instance_(std::move(instance)), session_(std::move(session)), agent_(std::move(agent)) {}

  Task<Result<void>> add(PromptPart part, std::size_t index) {
    auto* file = std::get_if<FilePart>(&part.content);
    if (!file) {
      attached_.parts.push_back(std::move(part));
      co_return Result<void>();
    }
    if (const auto resource = resource_of(*file)) {
      const FilePart wanted = *file;
      co_await add_resource(*resource, wanted);
      co_return Result<void>();
    }
    if (file->url.starts_with("data:")) co_return add_data(std::move(part), index);
    if (!file->url.starts_with(kFile)) {
      attached_.parts.push_back(std::move(part));
      co_return Result<void>();
    }
    const std::string url = file->url.substr(kFile.size());
    const auto query = std::min(url.find('?'), url.size());
    const std::filesystem::path path = attached_path(file->url, instance_->location.directory);
    Lines lines{number_in(std::string_view(url).substr(query + (query < url.size())), "start"),
                number_in(std::string_view(url).substr(query + (query < url.size())), "end")};
    if (lines.start && lines.start == lines.end) {
      auto end = end_of_symbol(*file);
      if (!end) end = co_await ask_end_of_symbol(path, *lines.start);
      lines.end = end.value_or(*lines.end);
    }
    auto look = [path] {
      std::error_code error;
      return std::filesystem::is_directory(path, error);
    };
    if (co_await blocking(engine_.loop, engine_.pool, look)) file->mime = kDirectory;
    if (file->mime == "text/plain" || file->mime == kDirectory) {
      co_return co_await add_text(std::move(part), path.string(), lines);
    }
    co_return co_await add_media(std::move(part), path, index);
  }
  Attached take() { return std::move(attached_); }

 private:
  // Who names a line without its end means the symbol that begins there; a language server knows how far it goes.
  Task<std::optional<std::int64_t>> ask_end_of_symbol(std::filesystem::path path, std::int64_t line) {
    const auto servers = instance_->language_servers;
    if (!servers || !servers->enabled()) co_return std::nullopt;
    JsonText params{fmt::format(R"({{"textDocument":{{"uri":{}}}}})", wire::quoted(lsp::uri_of(path)))};
    const auto answers = co_await servers->ask(path, "textDocument/documentSymbol", std::move(params));
    for (const JsonText& answer : answers) {
      const auto symbols = wire::parse(answer.text);
      if (!symbols || !symbols->is_array()) continue;
      for (const wire::Json& symbol : symbols->get_array()) {
        const wire::Json* range = wire::value_at(symbol, "range");
        const wire::Json* location = wire::value_at(symbol, "location");
        if (!range && location) range = wire::value_at(*location, "range");
        const wire::Json* start = range ? wire::value_at(*range, "start") : nullptr;
        const wire::Json* end = range ? wire::value_at(*range, "end") : nullptr;
        if (start && end && wire::int_at(*start, "line", -1) == line) co_return wire::int_at(*end, "line", line) + 1;
      }
    }
    co_return std::nullopt;
  }

  Result<void> add_data(PromptPart part, std::size_t index) {
    const auto& file = std::get<FilePart>(part.content);
    const std::size_t comma = std::min(file.url.find(','), file.url.size());
    if ((file.url.size() - comma) / 4 * 3 > kAttachmentBytesMax) return too_large(file, index);
    if (file.mime == "text/plain") {
      const std::string name = file.filename.value_or("(unnamed)");
      attached_.parts.push_back(called(fmt::format(R"({{"filePath":{}}})", wire::quoted(name))));
      attached_.parts.push_back(synthetic(wire::valid_utf8(data_url_bytes(file.url))));
    }
    attached_.parts.push_back(std::move(part));
    return {};
  }

  Task<Result<void>> add_text(PromptPart part, std::string path, Lines lines) {
    const std::string input = read_input(path, lines);
    attached_.parts.push_back(called(input));
    ReadHost host;
    tools::ToolContext context{.session_id = session_,
                               .message_id = engine_.ids.message(),
                               .call_id = engine_.ids.other("call"),
                               .agent = agent_,
                               .directory = instance_->location.directory,
                               .worktree = instance_->location.worktree,
                               .output_dir = engine_.places.data / "tool-output",
                               .stop = engine_.shutdown,
                               .host = host,
                               .loop = engine_.loop,
                               .pool = engine_.pool,
                               .processes = engine_.processes,
                               .ids = engine_.ids,
                               .language_servers = instance_->language_servers.get()};
    auto read = co_await engine_.tools.run("read", JsonText{input}, context);
    if (!read) {
      failed(path, read.error().message);
      co_return Result<void>();
    }
    attached_.parts.push_back(synthetic(std::move(read->output)));
    attached_.parts.push_back(std::move(part));
    co_return Result<void>();
  }

  Task<Result<void>> add_media(PromptPart part, std::filesystem::path path, std::size_t index) {
    auto& file = std::get<FilePart>(part.content);
    auto load = [path]() -> Result<std::string> {
      std::error_code error;
      const auto size = std::filesystem::file_size(path, error);
      if (!error && size > kAttachmentBytesMax) return fail(ErrorCode::too_large, "too large");
      return read_file(path);
    };
    const auto bytes = co_await blocking(engine_.loop, engine_.pool, load);
    if (!bytes && bytes.error().code == ErrorCode::too_large) co_return too_large(file, index);
    attached_.parts.push_back(called(fmt::format(R"({{"filePath":{}}})", wire::quoted(path.string()))));
    if (!bytes) {
      failed(path.string(), fmt::format("File not found: {}", path.string()));
      co_return Result<void>();
    }
    file.url = fmt::format("data:{};base64,{}", file.mime, base64(*bytes));
    attached_.parts.push_back(std::move(part));
    co_return Result<void>();
  }

  // What a server answers is data of strangers: it is told where it comes from.
  Task<void> add_resource(ResourceSource resource, FilePart file) {
    const std::string name = file.filename.value_or(resource.uri);
    attached_.parts.push_back(synthetic(fmt::format("Reading MCP resource: {} ({})", name, resource.uri)));
    if (!instance_->mcp) co_return resource_failed(name, fmt::format("There is no MCP server {}", resource.server));
    co_await instance_->mcp->settled(engine_.shutdown);
    auto contents = co_await instance_->mcp->read(resource.server, resource.uri);
    if (!contents) co_return resource_failed(name, contents.error().message);
    if (contents->empty())
      co_return resource_failed(name, fmt::format("Resource not found: {}/{}", resource.server, resource.uri));
    for (mcp::ResourceContent& content : *contents) {
      if (content.bytes.empty()) {
        if (!content.text.empty()) attached_.parts.push_back(synthetic(shortened(std::move(content.text))));
        continue;
      }
      const std::string mime = content.mime_type.value_or(file.mime);
      const bool known = std::ranges::find(kResourceKinds, mime) != kResourceKinds.end();
      if (!known || content.bytes.size() > kResourceBytesMax) {
        attached_.parts.push_back(synthetic(
            fmt::format("[Binary MCP resource omitted: {} ({}, {} bytes) {}]", name, mime, content.bytes.size(),
                        known ? "is too large" : "is not a supported attachment type")));
        continue;
      }
      attached_.parts.push_back(synthetic(fmt::format("[Binary MCP resource attached: {} ({})]", name, mime)));
      attached_.parts.push_back(
          {.id = {},
           .content = FilePart{
               .mime = mime, .filename = name, .url = fmt::format("data:{};base64,{}", mime, base64(content.bytes))}});
    }
  }

  void resource_failed(const std::string& name, const std::string& why) {
    attached_.parts.push_back(synthetic(fmt::format("Failed to read MCP resource {}: {}", name, why)));
    attached_.problems.push_back(why);
  }

  void failed(const std::string& path, const std::string& why) {
    attached_.parts.push_back(
        synthetic(fmt::format("Read tool failed to read {} with the following error: {}", path, why)));
    attached_.problems.push_back(why);
  }
  static std::unexpected<Error> too_large(const FilePart& file, std::size_t index) {
    return std::unexpected(
        Error{ErrorCode::too_large,
              fmt::format("{} is larger than {} MB, the limit of one attached file\n  at [\"parts\"][{}][\"url\"]",
                          file.filename.value_or("The file"), kAttachmentBytesMax / 1024 / 1024, index),
              fmt::format(R"(["parts"][{}]["url"])", index)});
  }

  Engine& engine_;
  std::shared_ptr<Instance> instance_;
  SessionId session_;
  std::string agent_;
  Attached attached_;
};

std::string kind_of(std::string_view mime) {
  if (mime == "application/pdf") return "pdf";
  return std::string(mime.substr(0, mime.find('/')));
}

// Empty when the model can take it.
std::string refusal(const llm::FileContent& file, const ModelInfo& model) {
  const std::string kind = kind_of(file.mime);
  if (kind == "image" && file.url.ends_with(";base64,")) {
    return "ERROR: Image file is empty or corrupted. Please provide a valid image.";
  }
  if (accepts(model, kind)) return {};
  const std::string name = file.filename ? fmt::format("\"{}\"", *file.filename) : kind;
  return fmt::format("ERROR: Cannot read {} (this model does not support {} input). Inform the user.", name, kind);
}

}  // namespace

std::filesystem::path attached_path(std::string_view url, const std::filesystem::path& directory) {
  if (url.starts_with(kFile)) url.remove_prefix(kFile.size());
  return (directory / percent_decode(url.substr(0, url.find('?')))).lexically_normal();
}

Task<Result<Attached>> read_attachments(Engine& engine, std::shared_ptr<Instance> instance, SessionId session,
                                        std::string agent, std::vector<PromptPart> parts) {
  Reader reader(engine, std::move(instance), std::move(session), std::move(agent));
  for (std::size_t i = 0; i < parts.size(); ++i) CO_TRY_VOID(co_await reader.add(std::move(parts[i]), i));
  co_return reader.take();
}

llm::ChatMessages without_unsupported(llm::ChatMessages messages, const ModelInfo& model) {
  if (!messages.has_files()) return messages;
  const auto refused = [&](const llm::Content& content) {
    if (const auto* file = std::get_if<llm::FileContent>(&content)) return !refusal(*file, model).empty();
    const auto* result = std::get_if<llm::ToolResultContent>(&content);
    return result &&
           std::ranges::any_of(result->files, [&](const auto& file) { return !refusal(file, model).empty(); });
  };
  const auto any = [&](const llm::ChatMessage& message) { return std::ranges::any_of(message.content, refused); };
  if (std::ranges::none_of(messages, any)) return messages;
  llm::ChatMessages out;
  for (const llm::ChatMessage& said : messages) {
    llm::ChatMessage message = said;
    for (llm::Content& content : message.content) {
      if (auto* file = std::get_if<llm::FileContent>(&content)) {
        std::string why = refusal(*file, model);
        if (!why.empty()) content = llm::TextContent{std::move(why)};
      } else if (auto* result = std::get_if<llm::ToolResultContent>(&content)) {
        for (const llm::FileContent& each : result->files) {
          if (const std::string why = refusal(each, model); !why.empty()) result->output += "\n" + why;
        }
        std::erase_if(result->files, [&](const auto& each) { return !refusal(each, model).empty(); });
      }
    }
    out.push_back(std::move(message));
  }
  return out;
}

}  // namespace quarterdeck::session
