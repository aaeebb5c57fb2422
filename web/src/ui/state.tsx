// One word, one mark and one colour for each state, wherever it shows.
import type { State } from "../data/roster"
import { Icon, type IconName } from "./icons"

export const STATES: Record<State, { word: string; icon: IconName }> = {
  approve: { word: "Approve", icon: "hand" },
  answer: { word: "Answer", icon: "question" },
  failed: { word: "Failed", icon: "alert" },
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
