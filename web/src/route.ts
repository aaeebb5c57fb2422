// Addresses of the screens. The first segments are also known to the server (src/api/web/pages.cpp).
import { createSignal } from "solid-js"

const read = () => new URL(location.href)
const [url, setUrl] = createSignal(read())
export { url }

export const path = () => url().pathname
export const parameter = (name: string) => url().searchParams.get(name)

export function go(to: string, how: "push" | "replace" = "push") {
  if (how === "push") history.pushState(null, "", to)
  else history.replaceState(null, "", to)
  setUrl(read())
  if (how === "push") window.scrollTo(0, 0)
}

export function back() {
  if (history.length > 1) history.back()
  else go("/")
}

export function startRouting() {
  window.addEventListener("popstate", () => setUrl(read()))
  // Plain links stay inside; with a modifier the browser does what it always does.
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element).closest?.("a")
    if (!link || link.target || link.origin !== location.origin || link.hasAttribute("download")) return
    event.preventDefault()
    if (link.href !== location.href) go(link.href)
  })
}

export const sessionPath = (id: string, tab?: string) => `/s/${id}${tab ? `?tab=${tab}` : ""}`
