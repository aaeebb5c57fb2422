#include "tools/lsp/lsp.hpp"

#include <array>
#include <cstdlib>

#include "lsp/client.hpp"
#include "lsp/servers.hpp"
#include "tools/arguments.hpp"
#include "tools/path_guard.hpp"
#include "tools/text_file.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::string_view kDescription =
    R"(Asks the language server of a file about the code.

operation is one of: goToDefinition (where the symbol at a place is defined), findReferences (where it is used), hover (its type and documentation), goToImplementation (what implements an interface), documentSymbol (all symbols of the file), workspaceSymbol (symbols of the whole project that match query; all when it is empty), prepareCallHierarchy (the function at a place), incomingCalls (who calls it), outgoingCalls (what it calls).

line and character say the place, counted from 1 as editors show it. filePath also chooses the language server. When none is there for this kind of file, that is an error.)";

constexpr std::string_view kParameters =
    R"({"type":"object","properties":{"operation":{"type":"string","enum":["goToDefinition","findReferences","hover","documentSymbol","workspaceSymbol","goToImplementation","prepareCallHierarchy","incomingCalls","outgoingCalls"],"description":"What to ask for"},"filePath":{"type":"string","description":"The path of the file, absolute or relative"},"line":{"type":"integer","minimum":1,"description":"The line, counted from 1"},"character":{"type":"integer","minimum":1,"description":"The character in the line, counted from 1"},"query":{"type":"string","description":"For workspaceSymbol: what to look for; empty for all symbols"}},"required":["operation","filePath","line","character"]})";

struct Arguments {
  std::string operation;
  std::string file_path;
  std::int64_t line = 1;
  std::int64_t character = 1;
  std::optional<std::string> query;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("operation", arguments.operation);
  io.field("filePath", arguments.file_path);
  io.field("line", arguments.line);
  io.field("character", arguments.character);
  io.field("query", arguments.query);
}

// The operations that are one request for a place.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kMethods{{
    {"goToDefinition", "textDocument/definition"},
    {"findReferences", "textDocument/references"},
    {"hover", "textDocument/hover"},
    {"goToImplementation", "textDocument/implementation"},
    {"documentSymbol", "textDocument/documentSymbol"},
    {"prepareCallHierarchy", "textDocument/prepareCallHierarchy"},
    {"incomingCalls", "callHierarchy/incomingCalls"},
    {"outgoingCalls", "callHierarchy/outgoingCalls"},
}};

std::string_view method_of(std::string_view operation) {
  const auto found = std::ranges::find(kMethods, operation, &std::pair<std::string_view, std::string_view>::first);
  return found == kMethods.end() ? std::string_view() : found->second;
}

// As JSON.stringify(value, null, 2) prints it.
void append_pretty(std::string& out, const wire::Json& value, int depth) {
  const std::string indent(static_cast<std::size_t>(depth + 1) * 2, ' ');
  const std::string outdent(static_cast<std::size_t>(depth) * 2, ' ');
  if (const auto* array = value.if_array(); array && !array->empty()) {
    out += "[";
    for (const auto& each : *array) {
      out += out.back() == '[' ? "\n" + indent : ",\n" + indent;
      append_pretty(out, each, depth + 1);
    }
    out += "\n" + outdent + "]";
  } else if (const auto* object = value.if_object(); object && !object->empty()) {
    bool first = true;
    out += "{";
    for (const auto& member : *object) {
      out += (std::exchange(first, false) ? "\n" : ",\n") + indent + wire::quoted(member.key()) + ": ";
      append_pretty(out, member.value(), depth + 1);
    }
    out += "\n" + outdent + "}";
  } else {
    out += wire::to_text(value);
  }
}

// Answers that are lists become one list.
wire::JsonArray flat(const std::vector<domain::JsonText>& answers) {
  wire::JsonArray all;
  for (const auto& answer : answers) {
    auto value = wire::parse(answer.text);
    if (!value || value->is_null()) continue;
    if (auto* list = value->if_array()) {
      for (auto& each : *list) all.push_back(std::move(each));
    } else {
      all.push_back(std::move(*value));
    }
  }
  return all;
}

class Lsp final : public Tool {
 public:
  std::string_view name() const override { return "lsp"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }
  bool idempotent() const override { return true; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    const auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(arguments.error());
    const std::string& operation = arguments->operation;
    const bool everywhere = operation == "workspaceSymbol";
    if (!everywhere && method_of(operation).empty()) co_return failed("There is no operation " + operation);
    if (arguments->line < 1 || arguments->character < 1) co_return failed("line and character are counted from 1");
    const Target target = resolve_path(arguments->file_path, context);
    auto allowed = co_await guard(target.file, PathKind::file, context);
    if (!allowed) co_return std::unexpected(allowed.error());

    const bool whole = operation == "documentSymbol";
    wire::JsonObject asked{{"operation", operation}};
    if (!everywhere) asked["filePath"] = target.shown.string();
    if (!everywhere && !whole) {
      asked["line"] = arguments->line;
      asked["character"] = arguments->character;
    }
    PermissionAsk ask{
        .permission = "lsp", .patterns = {"*"}, .always = {"*"}, .metadata = wire::to_json_text(wire::Json(asked))};
    allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());

    const auto is_there = [&target] { return kind_of(target.file) == FileKind::file; };
    const bool there = co_await blocking(context.loop, context.pool, is_there);
    if (!there) co_return failed("File not found: " + target.shown.string());
    lsp::Servers* servers = context.language_servers;
    if (!servers || !co_await servers->available(target.file)) {
      co_return failed("No LSP server available for this file type.");
    }
    co_await servers->changed({target.file}, context.stop);
    if (context.stop.stop_requested()) co_return std::unexpected(cancelled());
    const wire::JsonArray result = co_await answers(*servers, *arguments, target);
    const wire::JsonObject metadata{{"result", result}};
    std::string output = "No results found for " + operation;
    if (!result.empty()) {
      output.clear();
      append_pretty(output, result, 0);
    }
    std::string title = operation;
    if (whole) title += " " + target.title;
    if (!whole && !everywhere) {
      title += fmt::format(" {}:{}:{}", target.title, arguments->line, arguments->character);
    }
    co_return ToolOutput{
        .title = std::move(title), .output = std::move(output), .metadata = wire::to_json_text(wire::Json(metadata))};
  }

 private:
  static Task<wire::JsonArray> answers(lsp::Servers& servers, const Arguments& arguments, const Target& target) {
    if (arguments.operation == "workspaceSymbol") {
      const wire::JsonObject query{{"query", arguments.query.value_or("")}};
      const auto found = co_await servers.ask(std::nullopt, "workspace/symbol", wire::to_json_text(wire::Json(query)));
      co_return flat({lsp::workspace_symbols(found)});
    }
    wire::JsonObject params{{"textDocument", wire::JsonObject{{"uri", lsp::uri_of(target.file)}}}};
    std::string method(method_of(arguments.operation));
    if (arguments.operation != "documentSymbol") {
      params["position"] = wire::JsonObject{{"line", arguments.line - 1}, {"character", arguments.character - 1}};
    }
    if (arguments.operation == "findReferences") params["context"] = wire::JsonObject{{"includeDeclaration", true}};
    if (method.starts_with("callHierarchy/")) {
      const auto prepared = co_await servers.ask(target.file, "textDocument/prepareCallHierarchy",
                                                 wire::to_json_text(wire::Json(params)));
      const wire::JsonArray items = flat(prepared);
      if (items.empty()) co_return wire::JsonArray();
      params = wire::JsonObject{{"item", items.front()}};
    }
    const auto found = co_await servers.ask(target.file, std::move(method), wire::to_json_text(wire::Json(params)));
    co_return flat(found);
  }
};

}  // namespace

bool lsp_tool_wanted() {
  for (const char* name : {"OPENCODE_EXPERIMENTAL_LSP_TOOL", "OPENCODE_EXPERIMENTAL"}) {
    const char* value = std::getenv(name);
    if (value && (std::string_view(value) == "1" || std::string_view(value) == "true")) return true;
  }
  return false;
}

std::unique_ptr<Tool> make_lsp() { return std::make_unique<Lsp>(); }

}  // namespace quarterdeck::tools
