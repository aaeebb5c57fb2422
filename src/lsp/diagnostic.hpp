// What a language server finds in a file, and how the model is told: OpenCode 1.18's text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "domain/json_text.hpp"

namespace quarterdeck::lsp {

// Counted from 0; characters are UTF-16 units.
struct Position {
  std::int64_t line = 0;
  std::int64_t character = 0;
  bool operator==(const Position&) const = default;
};

struct Diagnostic {
  int severity = 0;  // 1 error … 4 hint; 0: not said
  Position start;
  std::string message;
  domain::JsonText json;  // as the server wrote it, without what grows (related places, data)
  std::string key;        // two with the same are one
};

struct FileDiagnostics {
  std::filesystem::path file;
  std::vector<Diagnostic> list;
};

// "<diagnostics file=…>" with at most 20 errors; empty when there is none.
std::string report(const std::string& file, const std::vector<Diagnostic>& list);

// {"/path": [...]} of all files, as clients get it: those of `first` before others, 64 KB at most.
domain::JsonText diagnostics_json(const std::vector<FileDiagnostics>& all,
                                  const std::vector<std::filesystem::path>& first);

// An answer's or notification's list, at most 1,000 of it; what is no diagnostic is left out.
std::vector<Diagnostic> read_diagnostics(const domain::JsonText& list);

}  // namespace quarterdeck::lsp
