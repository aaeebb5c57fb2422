// A small seeded generator: the same seed makes the same choices.
export function random(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (count) => Math.floor(next() * count)
  return { below, pick: (list) => list[below(list.length)], chance: (part) => next() < part }
}

let counter = 0
// An id in OpenCode's form, which sorts by time.
export function messageID() {
  counter = (counter + 1) % 4096
  const number = (BigInt(Date.now()) * 4096n + BigInt(counter)) & 0xffffffffffffn
  return `msg_${number.toString(16).padStart(12, "0")}${String(counter).padStart(14, "h")}`
}
