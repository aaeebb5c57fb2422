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
