// The server's shapes, from its own document (npm run types), and what the document leaves open.
import type { components } from "./schema"

type Schemas = components["schemas"]
export type Session = Schemas["Session"]
export type GlobalSession = Schemas["GlobalSession"]
export type SessionStatus = Schemas["SessionStatus"]
export type Message = Schemas["Message"]
export type Part = Schemas["Part"]
export type ToolPart = Schemas["ToolPart"]
export type FileDiff = Schemas["SnapshotFileDiff"]
export type Todo = Schemas["Todo"]
export type Agent = Schemas["Agent"]
export type Pty = Schemas["Pty"]
export type PermissionRequest = Schemas["PermissionRequest"]

export interface QuestionRequest {
  id: string
  sessionID: string
  questions: {
    question: string
    header: string
    options: { label: string; description?: string }[]
    multiple?: boolean
    custom?: boolean
  }[]
}

export interface ServerEvent {
  id?: string
  type: string
  properties: Record<string, any>
}

export interface ContextMeter {
  used_tokens: number
  limit_tokens: number
  usable_tokens: number
  percentage: number
  compactions: number
}

export type Priority = "P0" | "P1" | "P2" | "P3"

// GET /fleet/roster and /fleet/request (docs/fleet.md).
export interface FleetSession {
  sessionID: string
  title: string
  projectID: string
  directory: string
  attention: {
    group: "needs_you" | "with_supervisor" | "ready_for_review" | "working" | "queued" | "quiet"
    state:
      | "approve" | "answer" | "plan" | "conflict" | "login" | "budget" | "failed" | "stalled" | "ready"
      | "starting" | "working" | "retrying" | "queued" | "scheduled" | "paused" | "idle" | "done"
    reason: string
    since: number
  }
  priority: Priority
  owner?: string
  cost?: number
  summary?: unknown
  agent?: string
  model?: unknown
  created_at: number
  updated_at: number
}

export interface FleetRequest {
  id: string
  kind: "permission" | "question" | "plan"
  sessionID: string
  headID: string
  title: string
  audience: "person" | "supervisor"
  since: number
  hash: string
  content: unknown
}
