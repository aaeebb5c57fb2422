// One stream of everything that happens. It resumes where it was, says when it is not live, and asks for a fresh look
// when something may have been missed.
import { createSignal } from "solid-js"
import type { ServerEvent } from "./types"

export type Connection = "connecting" | "live" | "offline"
const [connection, setConnection] = createSignal<Connection>("connecting")
const [liveSince, setLiveSince] = createSignal(0)
const [lastHeard, setLastHeard] = createSignal(0)
export { connection, liveSince, lastHeard }

const SILENCE_MS = 30_000 // three heartbeats
const RETRY_MS = [300, 1_000, 2_000, 5_000]

type Listener = (event: ServerEvent, directory: string) => void
const listeners = new Set<Listener>()
const resyncs = new Set<() => void>()

export function listen(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
// Called after a gap: what is shown has to be asked for again.
export function onResync(callback: () => void): () => void {
  resyncs.add(callback)
  return () => resyncs.delete(callback)
}

let source: EventSource | undefined
let lastID = ""
let attempts = 0
let retry: number | undefined
let wasLive = false

function heard() {
  setLastHeard(Date.now())
  if (connection() === "live") return
  attempts = 0
  setLiveSince(Date.now())
  setConnection("live")
}

function receive(message: MessageEvent<string>) {
  if (message.lastEventId) lastID = message.lastEventId
  heard()
  let envelope: { payload?: ServerEvent; directory?: string }
  try {
    envelope = JSON.parse(message.data)
  } catch {
    return
  }
  const event = envelope.payload
  if (!event || event.type === "sync" || event.type === "server.heartbeat") return
  if (event.type === "server.connected") {
    if (wasLive) for (const each of [...resyncs]) each()
    wasLive = true
    return
  }
  for (const each of [...listeners]) each(event, envelope.directory ?? "")
}

function connect() {
  clearTimeout(retry)
  source?.close()
  source = new EventSource(`/global/event${lastID ? `?after=${lastID}` : ""}`)
  source.onmessage = receive
  source.onopen = heard
  source.onerror = () => {
    source?.close()
    source = undefined
    setConnection("offline")
    retry = window.setTimeout(connect, RETRY_MS[Math.min(attempts++, RETRY_MS.length - 1)])
  }
}

function reconnectIfSilent() {
  if (document.visibilityState === "hidden") return
  if (connection() !== "live" || Date.now() - lastHeard() > SILENCE_MS) {
    attempts = 0
    connect()
  }
}

export function reconnectNow() {
  attempts = 0
  connect()
}

export function startLive() {
  connect()
  document.addEventListener("visibilitychange", reconnectIfSilent)
  window.addEventListener("pageshow", (event) => event.persisted && reconnectIfSilent())
  window.addEventListener("online", reconnectIfSilent)
  window.addEventListener("offline", () => setConnection("offline"))
  window.setInterval(reconnectIfSilent, SILENCE_MS / 2)
}
