// Unified patches as lines to show: numbers, sides, and which words changed.
import { diffWordsWithSpace } from "diff"

export interface Piece {
  text: string
  changed: boolean
}
export interface Line {
  kind: "same" | "add" | "del" | "hunk"
  old?: number
  new?: number
  text: string
  pieces?: Piece[]
}
const WORD_BYTES_MAX = 600

export function linesOf(patch: string): Line[] {
  const lines: Line[] = []
  let before = 0
  let after = 0
  let inside = false
  for (const raw of patch.split("\n")) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)/.exec(raw)
    if (hunk) {
      before = Number(hunk[1])
      after = Number(hunk[2])
      inside = true
      lines.push({ kind: "hunk", text: hunk[3]!.trim() })
    } else if (!inside || raw.startsWith("\\")) continue
    else if (raw.startsWith("+")) lines.push({ kind: "add", new: after++, text: raw.slice(1) })
    else if (raw.startsWith("-")) lines.push({ kind: "del", old: before++, text: raw.slice(1) })
    else if (raw.startsWith(" ")) lines.push({ kind: "same", old: before++, new: after++, text: raw.slice(1) })
  }
  markWords(lines)
  return lines
}

// A run of removed lines followed by as many added ones is a change of each.
function markWords(lines: Line[]) {
  for (let at = 0; at < lines.length; ) {
    if (lines[at]!.kind !== "del") {
      ++at
      continue
    }
    let added = at
    while (lines[added]?.kind === "del") ++added
    let end = added
    while (lines[end]?.kind === "add") ++end
    if (added - at === end - added) {
      for (let i = 0; i < added - at; ++i) {
        const old = lines[at + i]!
        const now = lines[added + i]!
        if (old.text.length + now.text.length > WORD_BYTES_MAX) continue
        const words = diffWordsWithSpace(old.text, now.text)
        const same = words.filter((word) => !word.added && !word.removed).reduce((sum, word) => sum + word.value.trim().length, 0)
        if (same * 3 < Math.max(old.text.length, now.text.length)) continue // another line altogether
        old.pieces = words.filter((word) => !word.added).map((word) => ({ text: word.value, changed: Boolean(word.removed) }))
        now.pieces = words.filter((word) => !word.removed).map((word) => ({ text: word.value, changed: Boolean(word.added) }))
      }
    }
    at = end
  }
}

export interface Pair {
  left?: Line
  right?: Line
  hunk?: Line
}
// Side by side.
export function pairsOf(lines: Line[]): Pair[] {
  const pairs: Pair[] = []
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!
    if (line.kind === "hunk") pairs.push({ hunk: line }), ++at
    else if (line.kind === "same") pairs.push({ left: line, right: line }), ++at
    else {
      const removed: Line[] = []
      const added: Line[] = []
      while (lines[at]?.kind === "del") removed.push(lines[at++]!)
      while (lines[at]?.kind === "add") added.push(lines[at++]!)
      for (let i = 0; i < Math.max(removed.length, added.length); ++i) {
        pairs.push({ ...(removed[i] ? { left: removed[i]! } : {}), ...(added[i] ? { right: added[i]! } : {}) })
      }
    }
  }
  return pairs
}

// A patch of several files, by file.
export function byFile(patch: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const piece of patch.split(/^(?=diff --git )/m)) {
    const name = /^\+\+\+ "?b\/(.+?)"?\t?$/m.exec(piece)?.[1] ?? /^--- "?a\/(.+?)"?\t?$/m.exec(piece)?.[1]
    if (name) found.set(name, piece)
  }
  return found
}
