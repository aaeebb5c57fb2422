// One session's messages, newest pages first, kept up to date by the event stream.
import { batch, createSignal, onCleanup } from "solid-js"
import { createStore, produce, reconcile } from "solid-js/store"
import { get, request } from "./http"
import { listen, onResync } from "./live"
import { streaming } from "./roster"
import type { ContextMeter, Message, Part, ServerEvent, Todo } from "./types"

const PAGE = 60

export interface Row {
  key: string
  message: string
  part?: string
  kind: "user" | "part" | "error" | "end"
}

export interface Waiting {
  messageID: string
  mode: string
}

interface Held {
  messages: Record<string, Message>
  parts: Record<string, Part>
  order: string[] // message ids, oldest first
  partsOf: Record<string, string[]>
}

export function openTranscript(id: string) {
  const [held, setHeld] = createStore<Held>({ messages: {}, parts: {}, order: [], partsOf: {} })
  const [ready, setReady] = createSignal(false)
  const [problem, setProblem] = createSignal("")
  const [earlier, setEarlier] = createSignal<string | null>(null)
  const [loadingEarlier, setLoadingEarlier] = createSignal(false)
  const [todo, setTodo] = createSignal<Todo[]>([])
  const [context, setContext] = createSignal<ContextMeter>()
  const [queue, setQueue] = createSignal<Waiting[]>([])
  const [growth, setGrowth] = createSignal(0)

  const placeMessage = (all: Held, message: Message) => {
    all.messages[message.id] = message
    all.partsOf[message.id] ??= []
    if (all.order.includes(message.id)) return
    // Ids ascend, so the place is nearly always the end.
    let at = all.order.length
    while (at > 0 && before(message, all.messages[all.order[at - 1]!]!)) --at
    all.order.splice(at, 0, message.id)
  }
  const placePart = (all: Held, part: Part) => {
    const text = streaming.get(part.id)
    if (text !== undefined && "text" in part && text.length > (part.text ?? "").length) part = { ...part, text } as Part
    all.parts[part.id] = part
    const list = (all.partsOf[part.messageID] ??= [])
    if (list.includes(part.id)) return
    let at = list.length
    while (at > 0 && part.id < list[at - 1]!) --at
    list.splice(at, 0, part.id)
  }

  async function page(cursor?: string) {
    const response = await request("GET", `/session/${id}/message`, { query: { limit: PAGE, before: cursor } })
    const found = (await response.json()) as { info: Message; parts: Part[] }[]
    setEarlier(response.headers.get("x-next-cursor"))
    return found
  }
  async function load() {
    try {
      const found = await page()
      batch(() => {
        pending.clear() // `streaming` has these already
        setHeld(
          produce((all) => {
            // What the server no longer has in this stretch was reverted or deleted.
            const first = found[0]?.info.id
            const given = new Set(found.map((each) => each.info.id))
            for (const known of all.order.filter((each) => (!first || each >= first) && !given.has(each))) drop(all, known)
            for (const { info, parts } of found) {
              placeMessage(all, info)
              for (const part of parts) placePart(all, part)
            }
          }),
        )
        setReady(true)
        setProblem("")
        setGrowth((count) => count + 1)
      })
    } catch (error) {
      setProblem((error as Error).message)
      return
    }
    void get<Todo[]>(`/session/${id}/todo`).then(setTodo, () => undefined)
    void refreshMeters()
  }
  async function loadEarlier() {
    const cursor = earlier()
    if (!cursor || loadingEarlier()) return
    setLoadingEarlier(true)
    try {
      const found = await page(cursor)
      setHeld(
        produce((all) => {
          for (const { info, parts } of found) {
            placeMessage(all, info)
            for (const part of parts) placePart(all, part)
          }
        }),
      )
    } finally {
      setLoadingEarlier(false)
    }
  }
  async function refreshMeters() {
    void get<ContextMeter>(`/fleet/session/${id}/context`).then(setContext, () => undefined)
    void get<{ queued: Waiting[] }>(`/fleet/session/${id}/queue`).then(
      (found) => setQueue(found.queued),
      () => undefined,
    )
  }
  const drop = (all: Held, message: string) => {
    for (const part of all.partsOf[message] ?? []) delete all.parts[part]
    delete all.partsOf[message]
    delete all.messages[message]
    all.order = all.order.filter((each) => each !== message)
  }

  // Deltas come often: once a frame is enough.
  const pending = new Map<string, string>()
  let frame = 0
  const flush = () => {
    frame = 0
    if (!pending.size) return
    setHeld(
      produce((all) => {
        for (const [part, delta] of pending) {
          const found = all.parts[part] as { text?: string } | undefined
          if (found) found.text = (found.text ?? "") + delta
        }
      }),
    )
    pending.clear()
    setGrowth((count) => count + 1)
  }

  function receive(event: ServerEvent) {
    const p = event.properties
    const session = p.sessionID ?? p.part?.sessionID ?? p.info?.sessionID
    if (session !== id) return
    switch (event.type) {
      case "message.updated":
        flush()
        setHeld(
          produce((all) => {
            placeMessage(all, p.info)
          }),
        )
        if (p.info.role === "user" || p.info.time?.completed) void refreshMeters()
        setGrowth((count) => count + 1)
        break
      case "message.removed":
        setHeld(produce((all) => drop(all, p.messageID)))
        break
      case "message.part.updated":
        flush()
        pending.delete(p.part.id)
        if (held.parts[p.part.id]) setHeld("parts", p.part.id, reconcile(p.part))
        else setHeld(produce((all) => placePart(all, p.part)))
        setGrowth((count) => count + 1)
        break
      case "message.part.removed":
        setHeld(
          produce((all) => {
            delete all.parts[p.partID]
            if (all.partsOf[p.messageID]) all.partsOf[p.messageID] = all.partsOf[p.messageID]!.filter((each) => each !== p.partID)
          }),
        )
        break
      case "message.part.delta":
        if (p.field !== "text") break
        pending.set(p.partID, (pending.get(p.partID) ?? "") + p.delta)
        // A hidden tab gets no frames.
        frame ||= document.hidden ? window.setTimeout(flush, 500) : requestAnimationFrame(flush)
        break
      case "todo.updated":
        setTodo(p.todos)
        break
      case "session.status":
        void refreshMeters()
        break
    }
  }
  onCleanup(listen(receive))
  onCleanup(onResync(() => void load()))
  void load()
  return { held, ready, problem, earlier, loadEarlier, loadingEarlier, todo, context, queue, growth, load, refreshMeters }
}
export type Transcript = ReturnType<typeof openTranscript>

const before = (a: Message, b: Message) => a.time.created < b.time.created || (a.time.created === b.time.created && a.id < b.id)

// Parts that say nothing to a person.
const SILENT = new Set(["step-start", "step-finish", "snapshot", "patch"])

// What is shown, one row each; rows keep their identity, so a list of thousands is cheap to keep.
export function rowsOf(held: Transcript["held"], cache: Map<string, Row>, revertedFrom?: string): Row[] {
  const rows: Row[] = []
  const row = (key: string, make: () => Row) => {
    let found = cache.get(key)
    if (!found) cache.set(key, (found = make()))
    rows.push(found)
  }
  for (const message of held.order) {
    if (revertedFrom && message >= revertedFrom) break
    const info = held.messages[message]
    if (!info) continue
    if (info.role === "user") {
      row(message, () => ({ key: message, message, kind: "user" }))
      continue
    }
    for (const part of held.partsOf[message] ?? []) {
      const found = held.parts[part]
      if (!found || SILENT.has(found.type)) continue
      if ((found.type === "text" || found.type === "reasoning") && !found.text.trim()) continue
      row(part, () => ({ key: part, message, part, kind: "part" }))
    }
    if ("error" in info && info.error) row(`${message}!`, () => ({ key: `${message}!`, message, kind: "error" }))
  }
  return rows
}
