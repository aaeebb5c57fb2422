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

// GET /fleet/roster and /fleet/request (docs/fleet.md).
export type FleetSession = Schemas["FleetSession"]
export type FleetRequest = Schemas["FleetRequest"]
export type FleetHandoff = Schemas["FleetHandoff"]
export type FleetHandedOver = Schemas["FleetHandedOver"]
export type FleetRef = Schemas["FleetRef"]
export type FleetCommit = Schemas["FleetCommit"]
export type FleetCommits = Schemas["FleetCommits"]
export type FleetComparison = Schemas["FleetComparison"]
export type FleetReview = Schemas["FleetReview"]
export type FleetRolledBack = Schemas["FleetRolledBack"]
export type Priority = FleetSession["priority"]

// What the document leaves open: GET /fleet/session/:id/digest and …/evidence.
export interface Check {
  kind: string
  command: string
  exit: number | null
  exit_hidden?: boolean
  before_last_change?: boolean
}
export interface Claim {
  kind: string
  said: string
  verified: boolean
  why: string
  messageID: string
}
export interface Commit {
  hash: string
  subject: string
  stat: string
}
interface Said {
  id: string
  text: string
}
export interface Digest {
  cursor: number
  since?: number
  state: { group: string; state: FleetSession["attention"]["state"]; since: number; reason: string }
  warning?: string
  next?: { action: string; at?: number }
  open?: { id: string; sessionID: string; content: unknown }[]
  unverified?: Claim[]
  cost?: { total_usd: number; since_usd: number }
  context_tokens?: number
  happened?: { turns: number; steps: number; calls: Record<string, number>; calls_failed: number }
  failures?: Said[]
  checks?: Check[]
  commits?: Commit[]
  answer?: Said
  asked?: Said[]
  decisions?: Said[]
  files?: string[]
  todo?: string[]
}
export interface Evidence {
  unverified: boolean
  claims?: Claim[]
  checks?: Check[]
  commits?: Commit[]
}
