// xterm.js writes style sheets and style attributes into the page, which our content policy forbids. While a terminal is
// open, new style elements fill constructed sheets instead, and spans set their styles one property at a time.
export function withoutInlineStyles(): () => void {
  const plain = Document.prototype.createElement
  const sheets: CSSStyleSheet[] = []
  document.createElement = ((name: string, options?: ElementCreationOptions) => {
    // Even an empty style element is refused: an inert element takes its place.
    const element = plain.call(document, name === "style" ? "template" : name, options)
    if (name === "style") {
      const sheet = new CSSStyleSheet()
      sheets.push(sheet)
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
      Object.defineProperty(element, "textContent", { get: () => "", set: (text: string) => sheet.replaceSync(text) })
    } else if (name === "span") {
      const set = element.setAttribute.bind(element)
      element.setAttribute = (key: string, value: string) => (key === "style" ? void (element.style.cssText = value) : set(key, value))
    }
    return element
  }) as typeof document.createElement
  return () => {
    Reflect.deleteProperty(document, "createElement")
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => !sheets.includes(each))
  }
}
