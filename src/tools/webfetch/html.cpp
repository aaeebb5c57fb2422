#include "tools/webfetch/html.hpp"

#include <gumbo.h>

#include <algorithm>
#include <array>
#include <memory_resource>
#include <new>

namespace quarterdeck::tools::html {
namespace {

// Gumbo's memory: bounded, and freed all at once. The exception leaves through gumbo's frames, which hold nothing.
struct Arena {
  std::pmr::monotonic_buffer_resource memory{64 * 1024};
  std::size_t used = 0;
};
void* allocate(void* data, std::size_t size) {
  auto* arena = static_cast<Arena*>(data);
  arena->used += size;
  if (arena->used > kTreeBytesMax) throw std::bad_alloc();
  return arena->memory.allocate(size, alignof(std::max_align_t));
}
void keep(void*, void*) {}

// Elements that need no end tag: they close each other.
constexpr std::array<std::string_view, 29> kNoEndNeeded{
    "area", "base",  "br",    "col",    "embed", "hr",     "img",      "input",    "keygen",  "link",
    "meta", "param", "track", "source", "wbr",   "p",      "li",       "dt",       "dd",      "td",
    "th",   "tr",    "thead", "tbody",  "tfoot", "option", "optgroup", "!doctype", "colgroup"};

// A look at the tags alone: gumbo takes time by the square of the depth, so it must not begin.
bool too_deep(std::string_view page) {
  std::size_t depth = 0;
  for (std::size_t at = page.find('<'); at != page.npos; at = page.find('<', at + 1)) {
    std::size_t start = at + 1;
    const bool end_tag = start < page.size() && page[start] == '/';
    if (end_tag) ++start;
    std::size_t stop = start;
    std::string name;
    for (; stop < page.size() && stop - start < 12; ++stop) {
      const char c = page[stop];
      const bool upper = c >= 'A' && c <= 'Z';
      if (!upper && !(c >= 'a' && c <= 'z') && !(stop > start && c >= '0' && c <= '9')) break;
      name += upper ? static_cast<char>(c + 32) : c;
    }
    if (name.empty() || std::ranges::find(kNoEndNeeded, name) != kNoEndNeeded.end()) continue;
    if (!end_tag) {
      if (++depth > kDepthMax) return true;
    } else if (depth > 0) {
      --depth;
    }
  }
  return false;
}

std::string tag_of(const GumboElement& element) {
  if (element.tag != GUMBO_TAG_UNKNOWN) return gumbo_normalized_tagname(element.tag);
  GumboStringPiece name = element.original_tag;
  gumbo_tag_from_original_text(&name);
  std::string tag(name.data ? name.data : "", name.data ? name.length : 0);
  std::ranges::transform(tag, tag.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return tag.empty() ? "unknown" : tag;
}

struct Pending {
  const GumboNode* from;
  Node* into;
  std::size_t depth;
};

void append_children(std::vector<Pending>& pending, const GumboVector& children, Node* into, std::size_t depth) {
  for (unsigned i = children.length; i > 0; --i) {
    pending.push_back({static_cast<const GumboNode*>(children.data[i - 1]), into, depth});
  }
}

// Elements below kDepthMax (unclosed ones can nest, too) become children of the last one above it: what walks the tree
// may recurse.

void copy_tree(const GumboNode& root, Node& into) {
  std::vector<Pending> pending;
  append_children(pending, root.v.element.children, &into, 1);
  while (!pending.empty()) {
    const Pending now = pending.back();
    pending.pop_back();
    switch (now.from->type) {
      case GUMBO_NODE_TEXT:
      case GUMBO_NODE_WHITESPACE:
      case GUMBO_NODE_CDATA: {
        auto text = std::make_unique<Node>();
        text->text = now.from->v.text.text;
        text->parent = now.into;
        now.into->children.push_back(std::move(text));
        break;
      }
      case GUMBO_NODE_ELEMENT:
      case GUMBO_NODE_TEMPLATE: {
        const GumboElement& element = now.from->v.element;
        Node* target = now.into;
        if (now.depth < kDepthMax) {
          auto node = std::make_unique<Node>();
          node->tag = tag_of(element);
          for (unsigned i = 0; i < element.attributes.length; ++i) {
            const auto* attribute = static_cast<const GumboAttribute*>(element.attributes.data[i]);
            node->attributes.emplace_back(attribute->name, attribute->value);
          }
          node->parent = now.into;
          target = now.into->children.emplace_back(std::move(node)).get();
        }
        append_children(pending, element.children, target, now.depth + 1);
        break;
      }
      case GUMBO_NODE_COMMENT:
      case GUMBO_NODE_DOCUMENT: break;
    }
  }
}

void collect_text(const Node& node, std::string& out) {
  if (node.is_text()) {
    out += node.text;
    return;
  }
  for (const auto& child : node.children) collect_text(*child, out);
}

bool unseen(std::string_view tag) {
  return tag == "script" || tag == "style" || tag == "noscript" || tag == "iframe" || tag == "object" || tag == "embed";
}

void collect_seen(const Node& node, std::string& out) {
  if (node.is_text()) {
    out += node.text;
  } else if (!unseen(node.tag)) {
    for (const auto& child : node.children) collect_seen(*child, out);
  }
}

}  // namespace

std::string_view Node::attribute(std::string_view name) const {
  const auto found = std::ranges::find(attributes, name, &std::pair<std::string, std::string>::first);
  return found == attributes.end() ? std::string_view() : std::string_view(found->second);
}

Result<std::unique_ptr<Node>> parse(std::string_view page) {
  if (too_deep(page)) {
    return fail(ErrorCode::too_large, "the page has more than {} elements inside each other", kDepthMax);
  }
  Arena arena;
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = allocate;
  options.deallocator = keep;
  options.userdata = &arena;
  options.max_errors = 0;
  const GumboOutput* output = nullptr;
  try {
    output = gumbo_parse_with_options(&options, page.data(), page.size());
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::too_large, "the page has too many elements");
  }
  auto root = std::make_unique<Node>();
  root->tag = "html";
  copy_tree(*output->root, *root);
  return root;
}

std::string text_content(const Node& node) {
  std::string out;
  collect_text(node, out);
  return out;
}

Result<std::string> plain_text(std::string_view page) {
  TRY(const auto root, parse(page));
  std::string out;
  collect_seen(*root, out);
  const auto first = out.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string::npos) return "";
  return out.substr(first, out.find_last_not_of(" \t\r\n\f\v") - first + 1);
}

}  // namespace quarterdeck::tools::html
