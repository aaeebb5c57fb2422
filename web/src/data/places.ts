// Which project a session belongs to, for people: one that works in a worktree of its own (docs/worktrees.md) belongs to
// the checkout that the worktree was made of.
import { createStore } from "solid-js/store"
import { get } from "./http"

interface Placed {
  id: string
  directory: string
  projectID: string
}
const [mains, setMains] = createStore<Record<string, string>>({}) // checkouts by project
const asked = new Set<string>()

export const inOwnWorktree = (session: Placed) => Boolean(session.projectID) && session.directory.includes(`/worktree/${session.projectID}/`)
export const placeOf = (session: Placed): string => (inOwnWorktree(session) ? (mains[session.projectID] ?? session.directory) : session.directory)
export const projectName = (directory: string) => directory.split("/").filter(Boolean).pop() ?? directory

// Asked once a project.
export function learnPlace(session: Placed) {
  if (!inOwnWorktree(session) || asked.has(session.projectID)) return
  asked.add(session.projectID)
  get<{ main?: string }>(`/fleet/session/${session.id}/worktree`).then(
    ({ main }) => main && setMains(session.projectID, main),
    () => asked.delete(session.projectID),
  )
}
