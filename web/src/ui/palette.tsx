// Ctrl or Cmd and K: every session and every screen, by a few letters.
import { createMemo, createSignal, For, Show } from "solid-js"
import { entries, placeOf, projectName } from "../data/roster"
import { go, sessionPath } from "../route"
import { Dialog } from "./dialog"
import { StateMark } from "./state"
import type { State } from "../data/roster"

interface Choice {
  label: string
  detail: string
  to: string
  state?: State
}
const SCREENS: Choice[] = [
  { label: "New work", detail: "c", to: "/new" },
  { label: "Home", detail: "g n", to: "/" },
  { label: "Ready for review", detail: "g r", to: "/review" },
  { label: "Settings", detail: "g s", to: "/settings" },
]

export function Palette(props: { onClose: () => void }) {
  const [text, setText] = createSignal("")
  const [at, setAt] = createSignal(0)
  const choices = createMemo<Choice[]>(() => {
    const words = text().toLowerCase().split(/\s+/).filter(Boolean)
    const sessions = entries().map((each) => ({
      label: each.session.title,
      detail: projectName(placeOf(each.session)),
      to: sessionPath(each.session.id),
      state: each.state,
    }))
    return [...sessions, ...SCREENS]
      .filter((each) => words.every((word) => `${each.label} ${each.detail} ${each.state ?? ""}`.toLowerCase().includes(word)))
      .slice(0, 12)
  })
  const choose = (choice: Choice | undefined) => {
    if (!choice) return
    props.onClose()
    go(choice.to)
  }
  const onKey = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (by) {
      event.preventDefault()
      setAt(Math.max(0, Math.min(choices().length - 1, at() + by)))
    } else if (event.key === "Enter") {
      event.preventDefault()
      choose(choices()[at()])
    }
  }
  return (
    <Dialog title="Go to" hideTitle class="palette" onClose={props.onClose}>
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={choices().length ? `palette-${at()}` : undefined}
        aria-label="Go to a session or screen"
        placeholder="Go to…"
        autofocus
        value={text()}
        onInput={(event) => {
          setText(event.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={onKey}
      />
      <ul id="palette-list" role="listbox" aria-label="Results">
        <For each={choices()}>
          {(choice, index) => (
            <li id={`palette-${index()}`} role="option" aria-selected={index() === at()} onClick={() => choose(choice)} onPointerMove={() => setAt(index())}>
              <Show when={choice.state} fallback={<span class="state">Screen</span>}>
                {(state) => <StateMark state={state()} />}
              </Show>
              <span class="label">{choice.label}</span>
              <span class="quiet">{choice.detail}</span>
            </li>
          )}
        </For>
      </ul>
      <Show when={!choices().length}>
        <p class="quiet">Nothing by that name.</p>
      </Show>
    </Dialog>
  )
}
