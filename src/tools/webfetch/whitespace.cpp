#include "tools/webfetch/whitespace.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace quarterdeck::tools::html {
namespace {

constexpr std::array<std::string_view, 47> kBlocks{
    "address", "article", "aside", "audio",    "blockquote", "body",     "canvas", "center", "dd",       "dir",
    "div",     "dl",      "dt",    "fieldset", "figcaption", "figure",   "footer", "form",   "frameset", "h1",
    "h2",      "h3",      "h4",    "h5",       "h6",         "header",   "hgroup", "hr",     "html",     "isindex",
    "li",      "main",    "menu",  "nav",      "noframes",   "noscript", "ol",     "output", "p",        "pre",
    "section", "table",   "tbody", "td",       "tfoot",      "th",       "thead"};
constexpr std::array<std::string_view, 2> kMoreBlocks{"tr", "ul"};
constexpr std::array<std::string_view, 16> kVoid{"area",  "base",   "br",    "col",    "command", "embed",
                                                 "hr",    "img",    "input", "keygen", "link",    "meta",
                                                 "param", "source", "track", "wbr"};

class Collapse {
 public:
  void children_of(Node& node) {
    for (auto& child : node.children) {
      if (child->is_text()) {
        text(*child);
      } else {
        element(*child);
      }
    }
    std::erase_if(node.children, [](const auto& child) { return child->is_text() && child->text.empty(); });
  }
  void end() { cut_trailing_blank(); }

 private:
  void text(Node& node) {
    std::string collapsed;
    for (const char c : node.text) {
      const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
      if (!blank) {
        collapsed += c;
      } else if (collapsed.empty() || collapsed.back() != ' ') {
        collapsed += ' ';
      }
    }
    const bool after_blank = !previous_ || previous_->text.ends_with(' ');
    if (after_blank && !keep_leading_ && collapsed.starts_with(' ')) collapsed.erase(0, 1);
    node.text = std::move(collapsed);
    if (!node.text.empty()) previous_ = &node;
  }

  void element(Node& node) {
    meet(node);
    if (node.tag == "pre") return;
    const bool has_content = !node.children.empty();
    children_of(node);
    // The end of an element separates as its beginning does.
    if (has_content) meet(node);
  }

  void meet(const Node& node) {
    if (is_block(node) || node.tag == "br") {
      cut_trailing_blank();
      previous_ = nullptr;
      keep_leading_ = false;
    } else if (is_void(node) || node.tag == "pre") {
      previous_ = nullptr;
      keep_leading_ = true;
    } else if (previous_) {
      keep_leading_ = false;
    }
  }

  void cut_trailing_blank() {
    if (previous_ && previous_->text.ends_with(' ')) previous_->text.pop_back();
  }

  Node* previous_ = nullptr;
  bool keep_leading_ = false;
};

// A text that lost its only blank after it was met stays behind empty.
void drop_empty_texts_and_number(Node& node) {
  std::erase_if(node.children, [](const auto& child) { return child->is_text() && child->text.empty(); });
  std::size_t elements = 0;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    Node& child = *node.children[i];
    child.index = i;
    child.element_index = elements;
    if (!child.is_text()) ++elements;
    drop_empty_texts_and_number(child);
  }
}

}  // namespace

bool is_block(const Node& node) {
  return std::ranges::find(kBlocks, node.tag) != kBlocks.end() ||
         std::ranges::find(kMoreBlocks, node.tag) != kMoreBlocks.end();
}

bool is_void(const Node& node) { return std::ranges::find(kVoid, node.tag) != kVoid.end(); }

void collapse_whitespace(Node& root) {
  Collapse collapse;
  collapse.children_of(root);
  collapse.end();
  drop_empty_texts_and_number(root);
}

}  // namespace quarterdeck::tools::html
