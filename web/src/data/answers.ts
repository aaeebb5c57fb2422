// Answers to requests. What is allowed or said is what was shown: the answer carries the hash of the content that the
// page shows, and the server refuses one to anything else. Of two who answer, one wins, and the other is told so calmly.
import { createStore } from "solid-js/store"
import { ApiError, get, post } from "./http"
import { forget, noteRequest, refreshRow, requestByID, setSettledGuard } from "./roster"
import type { FleetRequest, PermissionRequest, QuestionRequest } from "./types"

// Not a fault: somebody was faster, or something moved.
export class Calm extends Error {
  readonly calm = true
}

export interface Settled {
  how: string // "once", "always", "reject", "answered"
  here: boolean
}
const KEPT = 500
const [settled, setSettled] = createStore<Record<string, Settled>>({})
const answering = new Set<string>()
export const settledAs = (id: string): Settled | undefined => settled[id]

const WORDS: Record<string, string> = { once: "allowed once", always: "always allowed", reject: "denied", answered: "answered" }
export const settledWords = ({ how, here }: Settled): string => `${here ? "You answered this" : "Answered elsewhere"}: ${WORDS[how] ?? how}`

function settle(id: string, how: string, here: boolean) {
  if (Object.keys(settled).length >= KEPT) setSettled(Object.keys(settled)[0]!, undefined!)
  if (!settled[id]?.here) setSettled(id, { how, here })
}
// From the event stream, whoever answered.
setSettledGuard({ closed: (id, how) => settle(id, how, answering.has(id)), isClosed: (id) => Boolean(settled[id]) })

const shape = (content: unknown) => {
  const { permission, patterns, metadata, always, questions } = content as Record<string, unknown>
  return JSON.stringify({ permission, patterns, metadata, always, questions })
}

async function give(request: PermissionRequest | QuestionRequest, body: Record<string, unknown>, how: string) {
  const look = () => get<FleetRequest>(`/fleet/request/${request.id}`)
  const elsewhere = () => {
    if (!settled[request.id]) settle(request.id, "answered", false)
    forget(request.id)
    refreshRow(request.sessionID)
    return new Calm("Somebody else has answered it meanwhile")
  }
  const moved = (now: FleetRequest) => {
    noteRequest(now)
    return new Calm("What it asks for has changed. Look at it again")
  }
  const gone = (error: unknown) => error instanceof ApiError && (error.status === 409 || error.status === 404)
  if (settled[request.id]) throw elsewhere()
  answering.add(request.id)
  try {
    let hash = (request as { hash?: string }).hash ?? requestByID(request.id)?.hash
    if (!hash) {
      const now = await look()
      if (shape(now.content) !== shape(request)) throw moved(now)
      hash = now.hash
    }
    await post(`/fleet/request/${request.id}/answer`, { hash, ...body })
  } catch (error) {
    answering.delete(request.id)
    if (!gone(error)) throw error
    const now = await look().catch((again) => {
      if (!gone(again)) throw error
      return undefined
    })
    throw now ? moved(now) : elsewhere()
  }
  settle(request.id, how, true)
  answering.delete(request.id)
  forget(request.id)
  refreshRow(request.sessionID)
}

export const allow = (request: PermissionRequest, reply: "once" | "always" | "reject", message?: string) =>
  give(request, message ? { reply, message } : { reply }, reply)
export const answer = (request: QuestionRequest, answers: string[][]) => give(request, { answers }, "answered")
export const rejectQuestion = (request: QuestionRequest) => give(request, { reply: "reject" }, "reject")
