// Markdown of models as safe HTML. Blocks that are complete are rendered once; only the last ones are looked at again
// while text streams in. What a model writes is foreign: no scripts, no styles, no pictures from elsewhere.
import DOMPurify from "dompurify"
import { marked, type Token, type TokensList } from "marked"

marked.use({
  gfm: true,
  renderer: {
    // A picture would tell another server that it was looked at.
    image: ({ href, text }) => `<a href="${escape(href)}">${escape(text || href)}</a>`,
    // Tags that a model writes are shown as it wrote them.
    html: ({ text }) => escape(text),
    code: ({ text, lang }) => `<pre tabindex="0"><code data-lang="${escape(lang?.split(/\s/)[0] ?? "")}">${escape(text)}</code></pre>`,
  },
})

export const escape = (text: string) =>
  text.replace(/[&<>"']/g, (each) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[each]!)

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return
  node.setAttribute("target", "_blank")
  node.setAttribute("rel", "noopener noreferrer")
})

const clean = (html: string) =>
  DOMPurify.sanitize(html, {
    FORBID_ATTR: ["style", "class", "id"],
    FORBID_TAGS: ["style", "form", "input", "button", "img", "video", "audio", "iframe", "svg", "math"],
    ALLOW_DATA_ATTR: true,
  })

export interface Block {
  raw: string
  html: string
}

const render = (token: Token): Block => ({ raw: token.raw, html: clean(marked.parser([token] as unknown as TokensList)) })

// The blocks of `text`, keeping those of `before` that have not changed.
export function blocksOf(text: string, before: Block[]): Block[] {
  const kept: Block[] = []
  let at = 0
  // The last two may still grow: a paragraph into a list, a list by an item.
  for (const block of before.slice(0, Math.max(0, before.length - 2))) {
    if (!text.startsWith(block.raw, at)) break
    kept.push(block)
    at += block.raw.length
  }
  const known = new Map(before.map((block) => [block.raw, block]))
  const rest = marked.lexer(text.slice(at)).map((token) => known.get(token.raw) ?? render(token))
  return [...kept, ...rest]
}
