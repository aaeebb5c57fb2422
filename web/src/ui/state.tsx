// One word, one mark and one colour for each state, wherever it shows.
import type { State } from "../data/roster"
import { Icon, type IconName } from "./icons"

export const STATES: Record<State, { word: string; icon: IconName }> = {
  approve: { word: "Approve", icon: "hand" },
  answer: { word: "Answer", icon: "question" },
  plan: { word: "Plan", icon: "list" },
  conflict: { word: "Conflict", icon: "branch" },
  login: { word: "Sign in", icon: "hand" },
  budget: { word: "Budget", icon: "alert" },
  failed: { word: "Failed", icon: "alert" },
  stalled: { word: "Stalled", icon: "alert" },
  starting: { word: "Starting", icon: "play" },
  queued: { word: "Queued", icon: "list" },
  scheduled: { word: "Scheduled", icon: "list" },
  paused: { word: "Paused", icon: "dot" },
  done: { word: "Done", icon: "check" },
  ready: { word: "Review", icon: "eye" },
  working: { word: "Working", icon: "play" },
  retrying: { word: "Retrying", icon: "retry" },
  idle: { word: "Idle", icon: "dot" },
}

export function StateMark(props: { state: State }) {
  return (
    <span class="state" data-state={props.state}>
      <Icon name={STATES[props.state].icon} />
      {STATES[props.state].word}
    </span>
  )
}
