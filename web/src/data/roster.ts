// All sessions and what each needs, derived here from OpenCode's routes and kept up to date by the event stream. The only
// place that knows where it comes from.
import { batch, createMemo, createSignal } from "solid-js"
import { createStore, produce, reconcile } from "solid-js/store"
import { get, patch, post } from "./http"
import { listen, onResync } from "./live"
import type { GlobalSession, PermissionRequest, QuestionRequest, ServerEvent, Session, SessionStatus } from "./types"

export type State = "approve" | "answer" | "failed" | "ready" | "working" | "retrying" | "idle"
export type Group = "needs" | "review" | "working" | "quiet"

export interface Entry {
  session: Session
  state: State
  group: Group
  since: number // ms since the epoch: how long it has been so
  permission?: PermissionRequest
  question?: QuestionRequest
  waiting: number // open requests
  activity: string
  error?: string
}

interface Facts {
  sessions: Record<string, Session>
  status: Record<string, SessionStatus>
  permissions: Record<string, PermissionRequest & { at: number }>
  questions: Record<string, QuestionRequest & { at: number }>
  activity: Record<string, string>
  errors: Record<string, string>
  busySince: Record<string, number>
}

const [facts, setFacts] = createStore<Facts>({
  sessions: {},
  status: {},
  permissions: {},
  questions: {},
  activity: {},
  errors: {},
  busySince: {},
})
const [loaded, setLoaded] = createSignal(false)
const [failure, setFailure] = createSignal("")
export { loaded, failure }

const PAGE = 300
const DIRECTORIES_AT_START = 12

// Text on its way, of all sessions: who opens one in the middle of an answer sees all of it.
export const streaming = new Map<string, string>()

// ---- what was reviewed: with this browser until the server keeps it
const REVIEWED = "quarterdeck.reviewed"
const [reviewed, setReviewed] = createSignal<Record<string, number>>(JSON.parse(localStorage.getItem(REVIEWED) ?? "{}"))
export function markReviewed(id: string) {
  const next = { ...reviewed(), [id]: facts.sessions[id]?.time.updated ?? Date.now() }
  setReviewed(next)
  localStorage.setItem(REVIEWED, JSON.stringify(next))
}

// ---- loading
async function loadDirectory(directory: string) {
  const [permissions, questions] = await Promise.all([
    get<PermissionRequest[]>("/permission", { directory }),
    get<QuestionRequest[]>("/question", { directory }),
  ])
  batch(() => {
    for (const each of permissions) setFacts("permissions", each.id, (old) => ({ at: old?.at ?? createdAt(each.id), ...each }))
    for (const each of questions) setFacts("questions", each.id, (old) => ({ at: old?.at ?? createdAt(each.id), ...each }))
  })
}

// Ids begin with their time: 12 hexadecimal digits, milliseconds times 4096, cut to 48 bits.
export function createdAt(id: string): number {
  const digits = id.slice(id.indexOf("_") + 1, id.indexOf("_") + 13)
  const low = Math.floor(parseInt(digits, 16) / 4096)
  const span = 2 ** 36
  const now = Date.now()
  const guess = Math.floor(now / span) * span + low
  return Number.isNaN(low) ? now : guess > now + 60_000 ? guess - span : guess
}

let running: Promise<void> | undefined
export function load(): Promise<void> {
  running ??= fetchAll().finally(() => (running = undefined))
  return running
}

async function fetchAll() {
  try {
    const [sessions, status] = await Promise.all([
      get<GlobalSession[]>("/experimental/session", { query: { limit: PAGE } }),
      get<Record<string, SessionStatus>>("/session/status"),
    ])
    const known = Object.fromEntries(sessions.map((each) => [each.id, each as unknown as Session]))
    batch(() => {
      setFacts("sessions", reconcile(known))
      setFacts("status", reconcile(status))
      setFacts("permissions", reconcile({}))
      setFacts("questions", reconcile({}))
      for (const id of Object.keys(status)) if (!facts.busySince[id]) setFacts("busySince", id, known[id]?.time.updated ?? Date.now())
    })
    const directories = [...new Set(sessions.map((each) => each.directory))]
    await Promise.all(directories.slice(0, DIRECTORIES_AT_START).map(loadDirectory))
    setFailure("")
    setLoaded(true)
    for (const each of directories.slice(DIRECTORIES_AT_START)) await loadDirectory(each)
    void lastLines(Object.keys(status).slice(0, 20))
  } catch (error) {
    setFailure((error as Error).message)
  }
}

// What the working ones did last, until the stream tells more.
async function lastLines(ids: string[]) {
  for (const id of ids) {
    if (facts.activity[id]) continue
    const newest = await get<{ parts: unknown[] }[]>(`/session/${id}/message`, { query: { limit: 1 } }).catch(() => [])
    for (const part of newest[0]?.parts ?? []) noteActivity(id, part as Record<string, any>)
  }
}

export async function ensure(id: string): Promise<Session> {
  const known = facts.sessions[id]
  if (known) return known
  const session = await get<Session>(`/session/${id}`)
  setFacts("sessions", id, session)
  void loadDirectory(session.directory).catch(() => undefined)
  return session
}

// ---- events
const oneLine = (text: string) => text.replace(/\s+/g, " ").trim()

export function toolLine(tool: string, input: Record<string, any> | undefined, title?: string): string {
  const what = input?.description ?? input?.command ?? input?.filePath ?? input?.pattern ?? input?.query ?? input?.url ?? title ?? ""
  const name = tool === "bash" ? "" : tool[0]!.toUpperCase() + tool.slice(1) + " "
  return oneLine(name + String(what)).slice(0, 160)
}

function noteActivity(session: string, part: Record<string, any>) {
  if (part.type === "tool" && part.state?.status !== "pending") {
    setFacts("activity", session, toolLine(part.tool, part.state?.input, part.state?.title))
  } else if (part.type === "text" && part.text) {
    const lines = part.text.trim().split("\n")
    setFacts("activity", session, oneLine(lines[lines.length - 1] ?? "").slice(0, 160))
  }
}

function noteStreaming(part: Record<string, any>) {
  if (part.type !== "text" && part.type !== "reasoning") return
  if (part.time && part.time.end === undefined) streaming.set(part.id, part.text)
  else streaming.delete(part.id)
}

function receive(event: ServerEvent) {
  const p = event.properties
  switch (event.type) {
    case "session.created":
    case "session.updated":
      setFacts("sessions", p.info.id, reconcile(p.info))
      break
    case "session.deleted":
      setFacts(
        produce((all) => {
          delete all.sessions[p.info?.id ?? p.sessionID]
        }),
      )
      break
    case "session.status":
      batch(() => {
        if (p.status.type === "idle") {
          setFacts(
            produce((all) => {
              delete all.status[p.sessionID]
              delete all.busySince[p.sessionID]
            }),
          )
        } else {
          setFacts("status", p.sessionID, reconcile(p.status))
          if (!facts.busySince[p.sessionID]) setFacts("busySince", p.sessionID, Date.now())
          setFacts(produce((all) => void delete all.errors[p.sessionID]))
        }
      })
      break
    case "session.error":
      if (p.sessionID && p.error?.name !== "MessageAbortedError") {
        setFacts("errors", p.sessionID, p.error?.data?.message ?? p.error?.name ?? "failed")
      }
      break
    case "permission.asked":
      setFacts("permissions", p.id, { ...(p as PermissionRequest), at: Date.now() })
      break
    case "question.asked":
      setFacts("questions", p.id, { ...(p as QuestionRequest), at: Date.now() })
      break
    case "permission.replied":
      setFacts(produce((all) => void delete all.permissions[p.requestID ?? p.permissionID]))
      break
    case "question.replied":
    case "question.rejected":
      setFacts(produce((all) => void delete all.questions[p.requestID]))
      break
    case "message.part.updated":
      noteActivity(p.part.sessionID, p.part)
      noteStreaming(p.part)
      break
    case "message.part.delta":
      if (p.field === "text" && streaming.has(p.partID)) streaming.set(p.partID, streaming.get(p.partID) + p.delta)
      break
  }
}

export function startRoster() {
  listen(receive)
  onResync(() => void load())
  void load()
}

// ---- what is seen
export const rootOf = (id: string): string => {
  let at = id
  for (let depth = 0; depth < 10; ++depth) {
    const parent = facts.sessions[at]?.parentID
    if (!parent) return at
    at = parent
  }
  return at
}

const oldest = <T extends { at: number }>(list: T[]): T | undefined => list.reduce<T | undefined>((a, b) => (!a || b.at < a.at ? b : a), undefined)

// Requests by the session that a person sees: a child's belong to its root.
const requests = createMemo(() => {
  const byRoot = new Map<string, { permissions: (PermissionRequest & { at: number })[]; questions: (QuestionRequest & { at: number })[] }>()
  const of = (id: string) => {
    const root = rootOf(id)
    let found = byRoot.get(root)
    if (!found) byRoot.set(root, (found = { permissions: [], questions: [] }))
    return found
  }
  for (const each of Object.values(facts.permissions)) of(each.sessionID).permissions.push(each)
  for (const each of Object.values(facts.questions)) of(each.sessionID).questions.push(each)
  return byRoot
})

function entryOf(session: Session): Entry {
  const open = requests().get(session.id)
  const permission = oldest(open?.permissions ?? [])
  const question = oldest(open?.questions ?? [])
  const status = facts.status[session.id]
  const error = facts.errors[session.id]
  const base = {
    session,
    waiting: (open?.permissions.length ?? 0) + (open?.questions.length ?? 0),
    activity: facts.activity[session.id] ?? "",
  }
  if (permission) return { ...base, state: "approve", group: "needs", since: permission.at, permission }
  if (question) return { ...base, state: "answer", group: "needs", since: question.at, question }
  if (status) {
    const state = status.type === "retry" ? "retrying" : "working"
    return { ...base, state, group: "working", since: facts.busySince[session.id] ?? session.time.updated }
  }
  if (error) return { ...base, state: "failed", group: "needs", since: session.time.updated, error }
  const changed = (session.summary?.files ?? 0) > 0
  if (changed && (reviewed()[session.id] ?? 0) < session.time.updated) {
    return { ...base, state: "ready", group: "review", since: session.time.updated }
  }
  return { ...base, state: "idle", group: "quiet", since: session.time.updated }
}

const rank: Record<Group, number> = { needs: 0, review: 1, working: 2, quiet: 3 }

export const entries = createMemo<Entry[]>(() =>
  Object.values(facts.sessions)
    .filter((session) => !session.parentID && !session.time.archived)
    .map(entryOf)
    .sort((a, b) => {
      if (a.group !== b.group) return rank[a.group] - rank[b.group]
      // The longest waiting first; what rests, the newest first.
      return a.group === "quiet" ? b.since - a.since : a.since - b.since || a.session.id.localeCompare(b.session.id)
    }),
)
export const entry = (id: string): Entry | undefined => {
  const session = facts.sessions[id]
  return session && entryOf(session)
}
export const session = (id: string): Session | undefined => facts.sessions[id]
export const children = (id: string): Session[] => Object.values(facts.sessions).filter((each) => each.parentID === id)
export const statusOf = (id: string): SessionStatus | undefined => facts.status[id]
export const needsCount = createMemo(() => entries().filter((each) => each.group === "needs").length)
export const reviewCount = createMemo(() => entries().filter((each) => each.group === "review").length)
export const permissionsOf = (id: string) => requests().get(id)?.permissions ?? []
export const questionsOf = (id: string) => requests().get(id)?.questions ?? []
export const requestByID = (id: string) => facts.permissions[id] ?? facts.questions[id]
export const nextNeedy = (after?: string): Entry | undefined => {
  const needy = entries().filter((each) => each.group === "needs")
  return needy[(needy.findIndex((each) => each.session.id === after) + 1) % Math.max(needy.length, 1)]
}

export const projectName = (directory: string) => directory.split("/").filter(Boolean).pop() ?? directory
export const directories = createMemo(() => {
  const newest = new Map<string, number>()
  for (const each of Object.values(facts.sessions)) {
    newest.set(each.directory, Math.max(newest.get(each.directory) ?? 0, each.time.updated))
  }
  return [...newest].sort((a, b) => b[1] - a[1]).map(([directory]) => directory)
})
export const costToday = createMemo(() => {
  const midnight = new Date().setHours(0, 0, 0, 0)
  return Object.values(facts.sessions)
    .filter((each) => each.time.updated >= midnight)
    .reduce((sum, each) => sum + (each.cost ?? 0), 0)
})

// ---- acts
const forget = (id: string) =>
  setFacts(
    produce((all) => {
      delete all.permissions[id]
      delete all.questions[id]
    }),
  )

export async function allow(request: PermissionRequest, reply: "once" | "always" | "reject", message?: string) {
  const body = message ? { reply, message } : { reply }
  await post(`/permission/${request.id}/reply`, body, { directory: session(request.sessionID)?.directory })
  forget(request.id)
}
export async function answer(request: QuestionRequest, answers: string[][]) {
  await post(`/question/${request.id}/reply`, { answers }, { directory: session(request.sessionID)?.directory })
  forget(request.id)
}
export async function rejectQuestion(request: QuestionRequest) {
  await post(`/question/${request.id}/reject`, {}, { directory: session(request.sessionID)?.directory })
  forget(request.id)
}
export const stop = (id: string) => post(`/fleet/session/${id}/abort`)
export const rename = (id: string, title: string) => patch<Session>(`/session/${id}`, { title })
export const archive = (id: string) => patch<Session>(`/session/${id}`, { time: { archived: Date.now() } })
export type Mode = "queue" | "steer" | "interrupt"
export const send = (id: string, mode: Mode, message: Record<string, unknown>, key: string) =>
  post<{ messageID: string; queued: boolean; ahead: number }>(`/fleet/session/${id}/message`, { mode, ...message }, {
    headers: { "idempotency-key": key },
  })
