// Beside the rows of the roster: what to do with several at once, and where else the words of a search were said.
import { createEffect, createResource, createSignal, For, onCleanup, Show } from "solid-js"
import { allow } from "../data/answers"
import { get } from "../data/http"
import { riskOf } from "../data/risk"
import { archive, close, type Entry, nudge, setPriority } from "../data/roster"
import type { Priority } from "../data/types"
import { sessionPath } from "../route"
import { age, plural } from "../ui/format"
import { say } from "../ui/notice"

const AT_ONCE = 4

// One after the other, a few at a time; what fails is told at the end, and does not stop the rest.
async function each(entries: Entry[], word: string, act: (entry: Entry) => Promise<unknown>) {
  const rest = [...entries]
  let first = ""
  let failed = 0
  const worker = async () => {
    for (let entry = rest.shift(); entry; entry = rest.shift()) {
      await act(entry).catch((error: Error) => {
        ++failed
        first ||= `${entry!.session.title}: ${error.message}`
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  const done = entries.length - failed
  say(failed ? `${word}: ${done}, not: ${failed}. ${first}` : `${word}: ${done}`, { bad: failed > 0 })
}

export function BulkBar(props: { entries: Entry[]; onDone: () => void }) {
  const [busy, setBusy] = createSignal(false)
  // What may reach beyond the project is never allowed together with others.
  const harmless = () => props.entries.filter((entry) => entry.permission && !riskOf(entry.permission).high)
  const run = async (entries: Entry[], word: string, act: (entry: Entry) => Promise<unknown>) => {
    setBusy(true)
    await each(entries, word, act)
    setBusy(false)
    props.onDone()
  }
  const off = () => busy() || !props.entries.length
  return (
    <div class="bulk" role="group" aria-label="With the selected sessions">
      <strong role="status">{plural(props.entries.length, "session")} selected</strong>
      <button disabled={busy() || !harmless().length} onClick={() => run(harmless(), "Allowed once", (entry) => allow(entry.permission!, "once"))}>
        Allow once ({harmless().length})
      </button>
      <button disabled={off()} onClick={() => run(props.entries, "Nudged", (entry) => nudge(entry.session.id))}>
        Nudge
      </button>
      <button disabled={off()} onClick={() => run(props.entries, "Closed", (entry) => close(entry.session.id))}>
        Close
      </button>
      <button disabled={off()} onClick={() => run(props.entries, "Archived", (entry) => archive(entry.session.id))}>
        Archive
      </button>
      <select
        aria-label="Priority of the selected"
        disabled={off()}
        onChange={(event) => {
          const priority = event.currentTarget.value as Priority
          if (priority) void run(props.entries, `Priority ${priority}`, (entry) => setPriority(entry.session.id, priority))
        }}
      >
        <option value="">Priority…</option>
        <For each={["P0", "P1", "P2", "P3"]}>{(value) => <option value={value}>{value}</option>}</For>
      </select>
      <button class="link" onClick={props.onDone}>
        Done
      </button>
    </div>
  )
}

interface Hit {
  sessionID: string
  title: string
  kind: string
  time: number
  snippet: string
}
const LETTERS_MIN = 3
const REST_MS = 300 // after the last letter

export function SaidElsewhere(props: { text: string }) {
  const [asked, setAsked] = createSignal("")
  createEffect(() => {
    const text = props.text.trim()
    const timer = setTimeout(() => setAsked(text.length >= LETTERS_MIN ? text : ""), REST_MS)
    onCleanup(() => clearTimeout(timer))
  })
  // What cannot be searched for (a lone quote, on its way) finds nothing.
  const [found] = createResource(asked, (q) => get<{ hits: Hit[] }>("/fleet/search", { query: { q, limit: 20 } }).catch(() => ({ hits: [] as Hit[] })))
  const hits = () => (asked() ? (found.latest?.hits ?? []).filter((hit) => hit.kind !== "title") : [])
  return (
    <Show when={hits().length}>
      <section class="group" aria-labelledby="group-said">
        <h2 id="group-said">
          Said or done <span class="count">{hits().length}</span>
        </h2>
        <ul>
          <For each={hits()}>
            {(hit) => (
              <li class="hit">
                <a href={sessionPath(hit.sessionID)}>{hit.title}</a> <span class="quiet">{hit.kind}, {age(hit.time)}</span>
                <p class="row-line">{hit.snippet}</p>
              </li>
            )}
          </For>
        </ul>
      </section>
    </Show>
  )
}
