// All sessions and what each needs: the server's roster (/fleet), with what the event stream tells laid over it at once.
// The only place that knows where it comes from.
import { batch, createMemo, createSignal } from "solid-js"
import { createStore, produce, reconcile } from "solid-js/store"
import { get, patch, post } from "./http"
import { listen, onResync } from "./live"
import { inOwnWorktree, learnPlace, placeOf } from "./places"
import type { FleetRequest, FleetSession, PermissionRequest, Priority, QuestionRequest, ServerEvent, Session, SessionStatus } from "./types"

export type State = FleetSession["attention"]["state"]
export type Group = "needs" | "supervisor" | "review" | "working" | "queued" | "quiet"

export interface Entry {
  session: Session
  state: State
  group: Group
  since: number // ms since the epoch: how long it has been so
  permission?: PermissionRequest
  question?: QuestionRequest
  waiting: number // open requests
  activity: string
  reason: string // the server's sentence
  priority: Priority
  supervisor?: string
}

interface Facts {
  rows: Record<string, FleetSession>
  sessions: Record<string, Session>
  status: Record<string, SessionStatus>
  permissions: Record<string, PermissionRequest & Asked>
  questions: Record<string, QuestionRequest & Asked>
  activity: Record<string, string>
  busySince: Record<string, number>
}

interface Asked {
  at: number
  hash?: string // of what is shown; an answer carries it (answers.ts)
  supervisor?: boolean // asked before a person is
}

const [facts, setFacts] = createStore<Facts>({
  rows: {},
  sessions: {},
  status: {},
  permissions: {},
  questions: {},
  activity: {},
  busySince: {},
})
const [loaded, setLoaded] = createSignal(false)
const [failure, setFailure] = createSignal("")
export { loaded, failure }

const PAGE = 500
const PAGES_MAX = 10
const AGAIN_MS = 60_000 // stalls are found by the server's clock, not told as events

// Text on its way, of all sessions: who opens one in the middle of an answer sees all of it.
export const streaming = new Map<string, string>()

// ---- loading
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

const full = new Set<string>() // whose session is known as the server has it, not from its row alone

const sessionOfRow = (row: FleetSession): Session => {
  const known = facts.sessions[row.sessionID]
  const summary = row.summary as Session["summary"] | undefined
  const model = row.model as Session["model"] | undefined
  const base = known ?? ({ id: row.sessionID, slug: "", version: "", tokens: undefined } as unknown as Session)
  return {
    ...base,
    title: row.title,
    projectID: row.projectID,
    directory: row.directory,
    cost: row.cost ?? 0,
    time: { ...base.time, created: row.created_at, updated: row.updated_at },
    ...(summary ? { summary } : {}),
    ...(model ? { model } : {}),
    ...(row.agent ? { agent: row.agent } : {}),
  }
}

function noteRow(row: FleetSession) {
  learnPlace({ id: row.sessionID, directory: row.directory, projectID: row.projectID })
  setFacts("rows", row.sessionID, reconcile(row))
  setFacts("sessions", row.sessionID, reconcile(sessionOfRow(row)))
}

// An answer that came meanwhile is newer than a list that was asked for before.
let guard = { closed: (_id: string, _how: string) => {}, isClosed: (_id: string) => false }
export const setSettledGuard = (given: typeof guard) => (guard = given)

export function noteRequest(request: FleetRequest) {
  if (guard.isClosed(request.id)) return
  const content = request.content as Record<string, unknown>
  const asked = { at: request.since, supervisor: request.audience === "supervisor", hash: request.hash }
  if (request.headID !== request.sessionID && !facts.sessions[request.sessionID]) {
    // Enough to find the way to the session in the roster.
    setFacts("sessions", request.sessionID, { id: request.sessionID, parentID: request.headID, directory: facts.rows[request.headID]?.directory ?? "", title: request.title, time: { created: request.since, updated: request.since } } as Session)
  }
  if (request.kind === "permission") setFacts("permissions", request.id, { ...(content as unknown as PermissionRequest), ...asked })
  else if (Array.isArray(content["questions"])) setFacts("questions", request.id, { ...(content as unknown as QuestionRequest), ...asked })
}

async function fetchAll() {
  try {
    const [first, requests, status] = await Promise.all([
      get<{ sessions: FleetSession[]; next?: string }>("/fleet/roster", { query: { limit: PAGE } }),
      get<{ requests: FleetRequest[] }>("/fleet/request"),
      get<Record<string, SessionStatus>>("/session/status"),
    ])
    batch(() => {
      const given = new Set(first.sessions.map((row) => row.sessionID))
      setFacts(
        produce((all) => {
          if (!first.next) for (const id of Object.keys(all.rows)) if (!given.has(id)) delete all.rows[id]
          all.permissions = {}
          all.questions = {}
        }),
      )
      for (const row of first.sessions) noteRow(row)
      for (const request of requests.requests) noteRequest(request)
      setFacts("status", reconcile(status))
      setFailure("")
      setLoaded(true)
    })
    let next = first.next
    for (let page = 1; next && page < PAGES_MAX; ++page) {
      const more: { sessions: FleetSession[]; next?: string } = await get("/fleet/roster", { query: { limit: PAGE, cursor: next } })
      batch(() => more.sessions.forEach(noteRow))
      next = more.next
    }
    void lastLines(Object.keys(status).slice(0, 20))
  } catch (error) {
    setFailure((error as Error).message)
  }
}

// One row again, soon and once, however many events asked for it.
const asked = new Map<string, number>()
export function refreshRow(session: string, after = 80) {
  const id = rootOf(session)
  if (asked.has(id)) return
  const fetchRow = async () => {
    asked.delete(id)
    try {
      noteRow(await get<FleetSession>(`/fleet/session/${id}`))
    } catch (error) {
      if ((error as { status?: number }).status === 404) setFacts(produce((all) => void delete all.rows[id]))
    }
  }
  asked.set(id, window.setTimeout(() => void fetchRow(), after))
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
  if (known && full.has(id)) return known
  const session = await get<Session>(`/session/${id}`)
  full.add(id)
  setFacts("sessions", id, reconcile(session))
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
      full.add(p.info.id)
      setFacts("sessions", p.info.id, reconcile(p.info))
      refreshRow(p.info.id, event.type === "session.created" ? 0 : 1_000)
      break
    case "session.deleted":
      setFacts(
        produce((all) => {
          delete all.sessions[p.info?.id ?? p.sessionID]
          delete all.rows[p.info?.id ?? p.sessionID]
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
        }
      })
      break
    case "session.idle":
    case "session.error":
      if (p.sessionID) refreshRow(p.sessionID)
      break
    case "permission.asked":
      setFacts("permissions", p.id, { ...(p as PermissionRequest), at: Date.now() })
      askedBy(p.sessionID, p.id)
      break
    case "question.asked":
      setFacts("questions", p.id, { ...(p as QuestionRequest), at: Date.now() })
      askedBy(p.sessionID, p.id)
      break
    case "permission.replied":
      guard.closed(p.requestID ?? p.permissionID, p.reply ?? p.response ?? "answered")
      setFacts(produce((all) => void delete all.permissions[p.requestID ?? p.permissionID]))
      break
    case "question.replied":
    case "question.rejected":
      guard.closed(p.requestID, event.type === "question.replied" ? "answered" : "reject")
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

// The request shows at once; its hash, and whose it is first (a supervisor's, a parent's), the server says.
function askedBy(session: string, id: string) {
  void ensure(session).then(
    async () => {
      refreshRow(session)
      noteRequest(await get<FleetRequest>(`/fleet/request/${id}`))
    },
    () => undefined,
  ).catch(() => undefined)
}

export function startRoster() {
  listen(receive)
  onResync(() => void load())
  void load()
  setInterval(() => document.visibilityState === "visible" && void load(), AGAIN_MS)
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
  const byRoot = new Map<string, { permissions: (PermissionRequest & Asked)[]; questions: (QuestionRequest & Asked)[] }>()
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

const GROUP: Record<FleetSession["attention"]["group"], Group> = {
  needs_you: "needs",
  with_supervisor: "supervisor",
  ready_for_review: "review",
  working: "working",
  queued: "queued",
  quiet: "quiet",
}

function entryOf(session: Session): Entry {
  const open = requests().get(session.id)
  const permission = oldest(open?.permissions ?? [])
  const question = oldest(open?.questions ?? [])
  const status = facts.status[session.id]
  const row = facts.rows[session.id]
  const told = row?.attention
  const base = {
    session,
    waiting: (open?.permissions.length ?? 0) + (open?.questions.length ?? 0),
    activity: facts.activity[session.id] ?? "",
    reason: told?.reason ?? "",
    priority: row?.priority ?? ("P2" as Priority),
    ...(row?.owner ? { supervisor: row.owner } : {}),
  }
  if (permission) return { ...base, state: "approve", group: permission.supervisor ? "supervisor" : "needs", since: permission.at, permission }
  if (question) return { ...base, state: "answer", group: question.supervisor ? "supervisor" : "needs", since: question.at, question }
  if (status && told?.state !== "stalled" && told?.group !== "queued") {
    const since = facts.busySince[session.id] ?? (told?.group === "working" ? told.since : session.time.updated)
    return { ...base, state: status.type === "retry" ? "retrying" : "working", group: "working", since }
  }
  // What the row says of a request or a turn that is over meanwhile is old.
  const over = told && (told.group === "working" || told.state === "approve" || told.state === "answer")
  if (!told || over) return { ...base, state: "idle", group: "quiet", since: session.time.updated }
  return { ...base, state: told.state, group: GROUP[told.group], since: told.since }
}

const rank: Record<Group, number> = { needs: 0, supervisor: 1, review: 2, working: 3, queued: 4, quiet: 5 }

export const entries = createMemo<Entry[]>(() =>
  Object.keys(facts.rows)
    .map((id) => facts.sessions[id])
    .filter((session): session is Session => session !== undefined && !session.parentID && !session.time.archived)
    .map(entryOf)
    .sort((a, b) => {
      if (a.group !== b.group) return rank[a.group] - rank[b.group]
      if (a.group !== "quiet" && a.priority !== b.priority) return a.priority < b.priority ? -1 : 1
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

export { placeOf, projectName } from "./places"
export const directories = createMemo(() => {
  const newest = new Map<string, number>()
  for (const each of Object.values(facts.sessions)) {
    const place = placeOf(each)
    if (inOwnWorktree({ ...each, directory: place })) continue // whose checkout is not known yet
    newest.set(place, Math.max(newest.get(place) ?? 0, each.time.updated))
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
export const forget = (id: string) =>
  setFacts(
    produce((all) => {
      delete all.permissions[id]
      delete all.questions[id]
    }),
  )

export const stop = (id: string) => post(`/fleet/session/${id}/abort`)
export const rename = (id: string, title: string) => patch<Session>(`/session/${id}`, { title })
// Done with it: it leaves the review, or the list.
export async function accept(id: string) {
  await post(`/fleet/session/${id}/accept`)
  refreshRow(id, 0)
}
export async function close(id: string) {
  await post(`/fleet/session/${id}/close`)
  refreshRow(id, 0)
}
export async function archive(id: string) {
  await post(`/fleet/session/${id}/archive`)
  setFacts(produce((all) => void delete all.rows[id]))
}
export async function nudge(id: string) {
  await post(`/fleet/session/${id}/nudge`)
  refreshRow(id)
}
export async function setPriority(id: string, priority: Priority) {
  await patch(`/fleet/session/${id}`, { priority })
  refreshRow(id, 0)
}
export type Mode = "queue" | "steer" | "interrupt"
export const send = (id: string, mode: Mode, message: Record<string, unknown>, key: string) =>
  post<{ messageID: string; queued: boolean; ahead: number }>(`/fleet/session/${id}/message`, { mode, ...message }, {
    headers: { "idempotency-key": key },
  })
