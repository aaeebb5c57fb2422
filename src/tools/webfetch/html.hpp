// An HTML page as a small tree, and its plain text. Parsing is gumbo's (the HTML 5 rules: any bytes give a tree). Pages
// can be made to cost quadratic time or memory: what is nested or repeated beyond all reason is `too_large` instead.
// Blocks for long on large pages: call it on the pool.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace quarterdeck::tools::html {

inline constexpr std::size_t kDepthMax = 512;  // of elements that are open at one time
inline constexpr std::size_t kTreeBytesMax = 128 * 1024 * 1024;  // of gumbo's tree

struct Node {
  std::string tag;  // lower case; empty: a text
  std::string text;  // of a text
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<std::unique_ptr<Node>> children;
  Node* parent = nullptr;
  std::size_t index = 0;  // among the parent's children…
  std::size_t element_index = 0;  // …and among its elements; both set by collapse_whitespace()

  bool is_text() const { return tag.empty(); }
  // "" when there is none.
  std::string_view attribute(std::string_view name) const;
};

// The <html> element. Comments are left out.
Result<std::unique_ptr<Node>> parse(std::string_view page);

// All text below `node`, as it stands.
std::string text_content(const Node& node);

// What a reader sees of the page, without markup: no scripts, styles or embedded objects.
Result<std::string> plain_text(std::string_view page);

}  // namespace quarterdeck::tools::html
