// What clients were promised and what they saw, and the audit of a server against it.
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { events, eventually } from "../../support/server.mjs"

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export const toolsOf = (message) => message.parts.filter((part) => part.type === "tool")
export const texts = (message) => message.parts.filter((p) => p.type === "text").map((p) => p.text).join("")
const unfinished = (part) => ["pending", "running"].includes(part.state.status)

// A first turn, so that what is measured afterwards is not how long a server takes to load its parts.
export async function warm(api) {
  const session = (await api.session({ title: "warm up" })).id
  const answer = await api.prompt(session, "WORDS:2").catch(() => null)
  if (answer?.status !== 200) throw new Error(`the first turn failed: ${answer?.status}`)
}

// Nothing runs, and nothing begins to: a server may acknowledge a prompt some time before it says that it is busy.
export async function comesToRest(api, within, before = async () => {}) {
  const kStillMs = 2000
  let since
  return eventually(async () => {
    await before()
    const busy = Object.keys((await api.get("/session/status")).body).length > 0
    since = busy ? undefined : (since ?? Date.now())
    return since !== undefined && Date.now() - since >= kStillMs
  }, within).then(() => true, () => false)
}

// Answers a permission or a question.
export const reply = (api, request) =>
  request.questions
    ? api.post(`/question/${request.id}/reply`, { answers: request.questions.map((each) => [each.options[0].label]) })
    : api.post(`/permission/${request.id}/reply`, { reply: "once" })

// Both kinds, of everybody.
async function requests(api) {
  return [...(await api.get("/permission")).body, ...(await api.get("/question")).body]
}

export class Ledger {
  constructor(directory) {
    this.directory = directory
    this.effects = join(directory, "effects.txt")
    this.sessions = new Set()
    this.settled = new Set() // those of them that had nothing left to do: they are looked at again in the end
    this.prompts = [] // acknowledged: {session, id, text}
    this.asked = new Map() // permission or question id -> request, as long as nobody answered
    this.undone = new Map() // session -> the file that its turn wrote, that is taken back and brought again
    this.streams = new Map() // part id -> {session, message, seen: [[time, characters]]}
    this.outputs = new Map() // part id -> [time, output] that a subscriber saw
  }

  // Follows a server until it ends.
  async watch(url) {
    const stream = events(url)
    await stream.connected
    let next = 0
    const collect = () => {
      for (; next < stream.seen.length; next++) this.#see(stream.seen[next])
    }
    const timer = setInterval(collect, 5)
    stream.done.finally(() => (collect(), clearInterval(timer)))
    return stream
  }

  #see(event) {
    const now = Date.now()
    const properties = event.properties
    if (event.type === "message.part.delta" && properties.field === "text") {
      const known = this.streams.get(properties.partID) ?? { session: properties.sessionID, message: properties.messageID, seen: [[0, 0]] }
      known.seen.push([now, known.seen.at(-1)[1] + properties.delta.length])
      this.streams.set(properties.partID, known)
    } else if (event.type === "permission.asked" || event.type === "question.asked") {
      this.asked.set(properties.id, properties)
    } else if (["permission.replied", "question.replied", "question.rejected"].includes(event.type)) {
      this.asked.delete(properties.requestID ?? properties.permissionID)
    } else if (event.type === "message.part.updated") {
      const output = properties.part?.state?.status === "running" && properties.part.state.metadata?.output
      if (output) this.outputs.set(properties.part.id, [now, output])
    }
  }

  async prompt(api, session, id, text, more = {}) {
    const answer = await api.promptAsync(session, text, { messageID: id, ...more }).catch(() => null)
    if (answer?.status === 204) this.prompts.push({ session, id, text, answered: !more.noReply })
    return answer?.status
  }

  async transcripts(api, sessions = this.sessions) {
    const out = new Map()
    for (const session of sessions) {
      const messages = await api.messages(session)
      out.set(session, Array.isArray(messages) ? messages : null)
    }
    return out
  }

  #working() {
    return [...this.sessions].filter((session) => !this.settled.has(session))
  }

  // Sessions whose prompts are all answered. A thousand kills leave thousands of them.
  async settleSome(api) {
    const busy = (await api.get("/session/status")).body
    for (const [session, transcript] of await this.transcripts(api, this.#working())) {
      if (busy[session] || !transcript) continue
      const open = transcript.some((m) => m.info.role === "assistant" && (!m.info.time.completed || toolsOf(m).some(unfinished)))
      const asked = this.prompts.filter((prompt) => prompt.session === session)
      if (!open && asked.every(({ id, answered }) => !answered || transcript.some((m) => m.info.parentID === id))) this.settled.add(session)
    }
  }

  // What began before `since` and is still open: messages, and tools that nobody is asked about.
  async stale(api, since) {
    const open = await requests(api)
    const asked = new Set(open.map((request) => request.tool?.callID))
    let messages = 0
    let tools = 0
    for (const transcript of (await this.transcripts(api, this.#working())).values()) {
      for (const message of transcript ?? []) {
        if (message.info.role !== "assistant" || message.info.time.created > since) continue
        const left = toolsOf(message).filter(unfinished)
        const waiting = left.some((part) => asked.has(part.callID))
        tools += left.filter((part) => !asked.has(part.callID)).length
        if (!message.info.time.completed && !waiting) messages++
      }
    }
    return { messages, tools }
  }

  // Streamed text that a subscriber had more than 250 ms (and a commit of 50) before the kill and that is not stored.
  async lostText(api, killed) {
    let seen = 0
    let kept = 0
    let lost = 0
    for (const [id, { session, message, seen: steps }] of this.streams) {
      const stored = (await api.get(`/session/${session}/message/${message}`)).body
      const length = stored.parts?.find((part) => part.id === id)?.text?.length ?? 0
      const all = steps.at(-1)[1]
      const safe = steps.filter(([time]) => time <= killed - 300).at(-1)?.[1] ?? 0
      seen += all
      kept += Math.min(length, all)
      lost += Math.max(0, safe - length)
    }
    this.streams.clear()
    return { seen, kept, lost }
  }

  // Interrupted tools must show what a subscriber had seen of their output 300 ms before the kill.
  async lostOutput(api, killed) {
    let interrupted = 0
    let lost = 0
    for (const transcript of (await this.transcripts(api, this.#working())).values()) {
      for (const message of transcript ?? []) {
        for (const part of toolsOf(message)) {
          const seen = this.outputs.get(part.id)
          if (!seen || part.state.status !== "error") continue
          interrupted++
          if (seen[0] <= killed - 300 && !JSON.stringify(part.state).includes(JSON.stringify(seen[1].trim()).slice(1, -1))) lost++
        }
      }
    }
    this.outputs.clear()
    return { interrupted, lost }
  }

  async lostRequests(api) {
    const open = new Set((await requests(api)).map((request) => request.id))
    return [...this.asked.keys()].filter((id) => !open.has(id))
  }

  effectsTwice() {
    if (!existsSync(this.effects)) return { lines: 0, twice: 0 }
    const lines = readFileSync(this.effects, "utf8").trim().split("\n")
    return { lines: lines.length, twice: lines.length - new Set(lines).size }
  }

  // After everything has come to rest.
  async final(api, told) {
    const result = { lost: 0, doubled: 0, missing: 0, unanswered: 0, open: 0, running: 0, untold: 0, children: 0, reports: 0, halfUndone: 0, notes: [] }
    const transcripts = await this.transcripts(api)
    for (const session of this.sessions) if (!transcripts.get(session)) result.missing++
    for (const [session, transcript] of [...transcripts]) {
      const tasks = (transcript ?? []).flatMap(toolsOf).filter((part) => part.tool === "task")
      if (tasks.length === 0) continue
      const children = (await api.get(`/session/${session}/children`)).body
      for (const [id, messages] of await this.transcripts(api, children.map((child) => child.id))) transcripts.set(id, messages)
      result.children += children.length
      // Whoever started a task in the background is told of its end, once.
      const background = tasks.filter((part) => part.state.status === "completed" && part.state.metadata?.background).length
      const reports = transcript.filter((m) => m.info.role === "user" && /Background task (completed|failed|was cancelled)/.test(texts(m))).length
      result.reports += Math.abs(reports - background)
    }
    for (const [session, file] of this.undone) {
      const { revert } = (await api.get(`/session/${session}`)).body
      if (existsSync(join(this.directory, file)) === Boolean(revert)) result.halfUndone++
    }
    for (const { session, id, text, answered } of this.prompts) {
      const transcript = transcripts.get(session) ?? []
      const stored = transcript.filter((m) => m.info.id === id)
      if (stored.length === 0) result.notes.push(`lost: ${id} of ${session}, which has ${transcript.length} messages: ${text.slice(0, 60)}`)
      if (stored.length === 0 || texts(stored[0]) !== text) stored[0] && texts(stored[0]) !== text ? result.doubled++ : result.lost++
      if (stored.length > 1) result.doubled++
      const answers = transcript.filter((m) => m.info.parentID === id)
      if (answered && !answers.at(-1)?.info.time.completed) result.unanswered++
    }
    for (const transcript of transcripts.values()) {
      for (const message of transcript ?? []) {
        if (message.info.role !== "assistant") continue
        if (!message.info.time.completed) result.open++
        for (const part of toolsOf(message)) {
          if (unfinished(part)) result.running++
          if (!part.state.metadata?.interrupted) continue
          // Whether the model was told, where the turn went on.
          const later = transcript.some((m) => m.info.parentID === message.info.parentID && m.info.id > message.info.id && !m.info.error)
          if (!later) continue
          if (told.has(part.callID)) continue
          result.untold++
          result.notes.push(`not told of: ${part.tool} ${part.callID} in ${message.info.sessionID}`)
        }
      }
    }
    return result
  }

  async settle(api, within) {
    return comesToRest(api, within, async () => {
      for (const request of await requests(api)) await reply(api, request)
    })
  }
}
