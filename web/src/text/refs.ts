// What a pasted text is about, in other systems: addresses of Linear, Sentry, Slack and GitHub, and Sentry's and Linear's
// short ids when they stand alone in a line. The id of a thing is the same however it was pasted: the server knows by it
// that somebody works on it already.
import type { FleetRef } from "../data/types"

const REFS_MAX = 12
export const SYSTEMS: Record<string, string> = { linear: "Linear", sentry: "Sentry", slack: "Slack", github: "GitHub" }

function ofAddress(url: URL): FleetRef | undefined {
  const at = url.pathname.split("/").filter(Boolean)
  const host = url.hostname
  const made = (system: string, id: string) => ({ system, id, url: url.href })
  if (host === "linear.app" && at[1] === "issue" && /^[A-Za-z][A-Za-z0-9]*-\d+$/.test(at[2] ?? "")) return made("linear", at[2]!.toUpperCase())
  if (host === "sentry.io" || host.endsWith(".sentry.io")) {
    const issue = at[at.indexOf("issues") + 1]
    if (at.includes("issues") && issue) return made("sentry", issue.toUpperCase())
  }
  if (host.endsWith(".slack.com") && at[0] === "archives" && at[1]) {
    const stamp = /^p(\d{10})(\d{6})$/.exec(at[2] ?? "")
    return made("slack", stamp ? `${at[1]}/${stamp[1]}.${stamp[2]}` : at[1])
  }
  if (host === "github.com" && (at[2] === "issues" || at[2] === "pull") && /^\d+$/.test(at[3] ?? "")) return made("github", `${at[0]}/${at[1]}#${at[3]}`)
  return undefined
}

export function refsOf(text: string): FleetRef[] {
  const found = new Map<string, FleetRef>()
  const add = (ref: FleetRef | undefined) => {
    if (ref && found.size < REFS_MAX && !found.has(`${ref.system} ${ref.id}`)) found.set(`${ref.system} ${ref.id}`, ref)
  }
  for (const [address] of text.matchAll(/https?:\/\/[^\s<>"'`)\]}]+/g)) {
    const trimmed = address.replace(/[.,;:!?]+$/, "")
    if (URL.canParse(trimmed)) add(ofAddress(new URL(trimmed)))
  }
  for (const line of text.split("\n")) {
    const word = line.trim()
    if (/^[A-Z][A-Z0-9]{1,6}-\d{1,6}$/.test(word)) add({ system: "linear", id: word })
    else if (/^[A-Z][A-Z0-9_]*(-[A-Z0-9_]+)*-[0-9A-Z]{1,6}$/.test(word)) add({ system: "sentry", id: word })
  }
  return [...found.values()]
}
